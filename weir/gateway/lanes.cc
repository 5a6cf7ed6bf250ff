#include "weir/gateway/lanes.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace weir::gateway {

Lanes::Lanes(uint32_t count, size_t budget_bytes, uint64_t hash_seed, ByteAccount* shared_values,
             cache::Cache::Objective objective) {
  assert(count > 0);
  assert(count <= kLanesMax);
  size_t curve = std::min(budget_bytes / kCurveShare, kCurveBytesMax);
  if (curve < kCurveBytesMin) curve = 0;
  const size_t share = (budget_bytes - curve) / count;
  const size_t shadows = std::min(std::max(share / kShadowShare, kShadowBytesMin), share / 8);
  cache::Cache::Options options{.budget_bytes = share - shadows,
                                .hash_seed = hash_seed,
                                .shared_values = shared_values,
                                .shadow_bytes = shadows,
                                .objective = objective};
  if (curve > 0) {
    const size_t wanted =
        std::min<size_t>(kCurveLanesBytes / std::max<size_t>(share, 1) + 1, count);
    curve_lanes_ = static_cast<uint32_t>(std::min(wanted, curve / kCurveBytesMin));
    options.curve_bytes = curve / curve_lanes_;
    options.curve_work_max *= static_cast<double>(count) / curve_lanes_;
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (i == curve_lanes_) options.curve_bytes = 0;
    slots_.emplace_back(options);
  }
}

std::optional<cache::MissRatioCurve::Counts> Lanes::CurveCounts() {
  if (curve_lanes_ == 0) return std::nullopt;
  cache::MissRatioCurve::Counts sum;
  for (uint32_t number = 0; number < count(); ++number) {
    const Locked lane = Lock(number);
    sum.lookups += lane->cache().counters().lookups;
    if (number >= curve_lanes_) continue;
    const cache::MissRatioCurve::Counts& counts = lane->cache().curve()->counts();
    for (size_t p = 0; p < sum.misses.size(); ++p) {
      sum.misses[p] += counts.misses[p] * count() / curve_lanes_;
    }
  }
  return sum;
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

std::vector<uint32_t> Lanes::All() const {
  std::vector<uint32_t> all(count());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

void Lanes::InvalidatePrefix(std::string_view prefix) {
  const std::vector<uint32_t> all = All();
  const LockedSet locked(*this, all);
  for (const uint32_t number : all) locked[number].InvalidatePrefix(prefix);
}

void Lanes::Clear() {
  const std::vector<uint32_t> all = All();
  std::vector<cache::Cache> dropped;  // Freed after the locks are released.
  dropped.reserve(all.size());
  const LockedSet locked(*this, all);
  for (const uint32_t number : all) dropped.push_back(locked[number].Clear());
  clears_.fetch_add(1, std::memory_order_relaxed);
}

bool Lanes::Expire(WallTime now, size_t most, WallTime* next) {
  *next = kNever;
  size_t steps = 0;
  for (uint32_t number = 0; number < count(); ++number) {
    while (true) {
      if (steps >= most) return false;
      const Locked lane = Lock(number);
      const size_t took = lane->Expire(now, kExpireSlice);
      steps += took;
      if (took == kExpireSlice) continue;
      *next = std::min(*next, lane->cache().next_end());
      break;
    }
  }
  return true;
}

Lanes::Totals Lanes::Sum() {
  Totals totals;
  for (uint32_t number = 0; number < count(); ++number) {
    const Locked lane = Lock(number);
    const cache::Cache& cache = lane->cache();
    totals.cache.lookups += cache.counters().lookups;
    totals.cache.evicted += cache.counters().evicted;
    totals.cache.expired += cache.counters().expired;
    totals.cache.rejected += cache.counters().rejected;
    totals.lane.fills += lane->counters().fills;
    totals.lane.stale_fills_rejected += lane->counters().stale_fills_rejected;
    totals.entries += cache.entries();
    totals.bytes += cache.bytes();
    totals.history_bytes += cache.history_bytes();
    totals.budget_bytes += cache.budget_bytes();
    ++totals.lanes_by_policy[cache.policy_index()];
    const cache::Shadows::Report shadows = cache.shadows();
    totals.policy_changes += shadows.changes;
    totals.sampled_lookups += shadows.lookups;
    for (size_t i = 0; i < shadows.hits.size(); ++i) totals.sampled_hits[i] += shadows.hits[i];
    totals.loads_begun += lane->loads().begun();
    totals.loads_joined += lane->loads().joined();
    totals.loads_under_way += lane->loads().size();
  }
  return totals;
}

}  // namespace weir::gateway
