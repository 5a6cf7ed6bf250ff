#include "weir/gateway/lanes.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace weir::gateway {

Lanes::Lanes(uint32_t count, size_t budget_bytes, ByteAccount* shared_values) {
  assert(count > 0);
  assert(count <= kLanesMax);
  const size_t share = budget_bytes / count;
  const size_t shadows = std::min(std::max(share / kShadowShare, kShadowBytesMin), share / 8);
  const cache::Cache::Options options{share - shadows, shared_values, shadows};
  for (uint32_t i = 0; i < count; ++i) slots_.emplace_back(options);
}

Lanes::LockedSet::LockedSet(Lanes& lanes, std::vector<uint32_t> numbers)
    : lanes_(lanes), numbers_(std::move(numbers)) {
  std::sort(numbers_.begin(), numbers_.end());
  numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
  for (const uint32_t number : numbers_) lanes_.slots_[number].mutex.lock();
}

Lanes::LockedSet::~LockedSet() {
  for (const uint32_t number : numbers_) lanes_.slots_[number].mutex.unlock();
}

void Lanes::Clear() {
  std::vector<uint32_t> all(count());
  std::iota(all.begin(), all.end(), 0U);
  std::vector<cache::Cache> dropped;  // Freed after the locks are released.
  dropped.reserve(all.size());
  const LockedSet locked(*this, all);
  for (const uint32_t number : all) dropped.push_back(locked[number].Clear());
}

Lanes::Totals Lanes::Sum() {
  Totals totals;
  for (uint32_t number = 0; number < count(); ++number) {
    const Locked lane = Lock(number);
    const cache::Cache& cache = lane->cache();
    totals.cache.evicted += cache.counters().evicted;
    totals.cache.expired += cache.counters().expired;
    totals.cache.rejected += cache.counters().rejected;
    totals.lane.fills += lane->counters().fills;
    totals.lane.stale_fills_rejected += lane->counters().stale_fills_rejected;
    totals.entries += cache.entries();
    totals.bytes += cache.bytes();
    totals.budget_bytes += cache.budget_bytes();
    ++totals.lanes_by_policy[cache.policy_index()];
    totals.policy_changes += cache.shadows().changes;
    totals.loads_begun += lane->loads().begun();
    totals.loads_joined += lane->loads().joined();
    totals.loads_under_way += lane->loads().size();
  }
  return totals;
}

}  // namespace weir::gateway
