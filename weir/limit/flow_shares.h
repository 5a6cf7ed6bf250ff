// FlowShares: how much of a queue each flow (a user, a client) holds, so that one cannot fill it.
//
// Of a queue that may hold `most`, every flow that waits is due an equal part. Who holds less than
// that gets a place even in a full queue, at the cost of who holds most.
//
// Threads: single-owner. Errors: none. Cost: O(1), Longest O(min(flows, kLookedAtMax)).
// Source: fair queueing, Nagle RFC 970 and Demers et al., SIGCOMM 1989; longest queue drop, Suter
// et al. 1998, of which this looks at kLookedAtMax flows, because there may be as many as entries.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace weir::limit {

using FlowId = uint64_t;

class FlowShares {
 public:
  static constexpr size_t kLookedAtMax = 64;

  // `weight`: how many entries one counts for. Requires: weight > 0.
  void Add(FlowId flow, size_t weight = 1) { held_[flow] += weight; }
  // Requires: the flow holds so much.
  void Remove(FlowId flow, size_t weight = 1) {
    const auto found = held_.find(flow);
    assert(found != held_.end());
    assert(found->second >= weight);
    found->second -= weight;
    if (found->second == 0) held_.erase(found);
  }

  size_t Held(FlowId flow) const {
    const auto found = held_.find(flow);
    return found == held_.end() ? 0 : found->second;
  }
  // Whether one entry more is within the flow's part of `most`.
  bool Within(FlowId flow, size_t most) const { return (Held(flow) + 1) * FlowsWith(flow) <= most; }
  // Whoever holds most, and more than its part of `most` once `flow` waits too; or nullopt.
  std::optional<FlowId> Longest(FlowId flow, size_t most) const {
    std::optional<FlowId> longest;
    size_t held_most = 0;
    size_t looked_at = 0;
    for (auto each = held_.begin(); each != held_.end() && looked_at < kLookedAtMax;
         ++each, ++looked_at) {
      if (each->second <= held_most || each->second * FlowsWith(flow) <= most) continue;
      held_most = each->second;
      longest = each->first;
    }
    return longest;
  }

 private:
  size_t FlowsWith(FlowId flow) const { return held_.size() + (held_.count(flow) == 0 ? 1 : 0); }

  std::unordered_map<FlowId, size_t> held_;
};

}  // namespace weir::limit
