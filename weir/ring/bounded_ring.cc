#include "weir/ring/bounded_ring.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/base/random.h"

namespace weir::ring {

BoundedRing::BoundedRing(HashRing ring, Options options)
    : ring_(std::move(ring)), options_(options) {
  assert(options.limit_percent >= kMinLimitPercent);
  assert(options.limit_percent <= kMaxLimitPercent);
  NoteNodes();
}

NodeId BoundedRing::Acquire(uint64_t key_hash) {
  if (total_weight_ == 0) return kNoNode;
  const Served* served = Find(ring_.Owner(key_hash));
  Random draws(key_hash);
  for (size_t i = 0; i < kMaxDraws && !HasRoom(*served); ++i) {
    served = Find(ring_.Owner(draws.Next()));
  }
  if (!HasRoom(*served)) served = Emptiest();
  ++served_[static_cast<size_t>(served - served_.data())].load;
  ++total_load_;
  return served->node.id;
}

void BoundedRing::Release(NodeId id) {
  const Served* served = Find(id);
  if (served == nullptr) return;
  assert(served->load > 0);
  --served_[static_cast<size_t>(served - served_.data())].load;
  --total_load_;
}

Result<Ok> BoundedRing::Add(Node node) {
  Result<Ok> added = ring_.Add(node);
  if (added.ok()) NoteNodes();
  return added;
}

Result<Ok> BoundedRing::Remove(NodeId id) {
  Result<Ok> removed = ring_.Remove(id);
  if (removed.ok()) NoteNodes();
  return removed;
}

Result<Ok> BoundedRing::Reweigh(NodeId id, uint32_t weight) {
  Result<Ok> reweighed = ring_.Reweigh(id, weight);
  if (reweighed.ok()) NoteNodes();
  return reweighed;
}

uint64_t BoundedRing::LoadOf(NodeId id) const {
  const Served* served = Find(id);
  return served == nullptr ? 0 : served->load;
}

const BoundedRing::Served* BoundedRing::Find(NodeId id) const {
  const auto at = std::ranges::lower_bound(served_, id, {},
                                           [](const Served& served) { return served.node.id; });
  return at != served_.end() && at->node.id == id ? &*at : nullptr;
}

// load + 1 <= ceil(limit * (total + 1) * weight / total weight), in whole numbers.
bool BoundedRing::HasRoom(const Served& served) const {
  const Uint128 share = Uint128{options_.limit_percent} * (total_load_ + 1) * served.node.weight;
  return Uint128{served.load} * total_weight_ * 100 < share;
}

// The emptiest has room: if nobody had, the loads would sum to more than the total.
const BoundedRing::Served* BoundedRing::Emptiest() const {
  const Served* emptiest = nullptr;
  for (const Served& served : served_) {
    if (served.node.weight == 0) continue;
    // Compares load / weight without dividing.
    if (emptiest == nullptr || Uint128{served.load} * emptiest->node.weight <
                                   Uint128{emptiest->load} * served.node.weight) {
      emptiest = &served;
    }
  }
  assert(emptiest != nullptr);
  assert(HasRoom(*emptiest));
  return emptiest;
}

void BoundedRing::NoteNodes() {
  std::vector<Served> served;
  total_weight_ = 0;
  total_load_ = 0;
  for (const Node& node : ring_.nodes()) {
    served.push_back({.node = node, .load = LoadOf(node.id)});
    total_weight_ += node.weight;
    total_load_ += served.back().load;
  }
  served_ = std::move(served);
}

}  // namespace weir::ring
