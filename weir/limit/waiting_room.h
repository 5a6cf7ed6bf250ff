// WaitingRoom: what waits for a place at a database, shared out between flows.
//
// Flows take turns, so a light one never waits for a heavy one's backlog. While the queue does not
// stand (queue_delay.h) each flow's entries go first in, first out, and many may wait. Once it
// stands, newest first; nothing waits longer than the target; and no more may wait than the
// database takes at once (or kStandingLeast), so that most of what is too much is refused at the
// door, where a refusal costs least.
//
//                 ┌ flow A: a3 a2 a1 ┐             ┌─► overdue: dropped
//   Push ─► full? ┤ flow B: b1       ├─ in turns ──┴─► Pop
//             └──►│ flow C: c2 c1    │
//          refused└──────────────────┘
//
// What waits no longer than an answer takes and a quarter is served in little more than two of it.
//
// Invariant: every entry that was pushed comes out once: of Pop, or in `dropped`.
// Threads: single-owner. Errors: none. Limits: kWaitingMax entries.
// Cost: O(1) and a few allocations an entry.
// Source: see queue_delay.h and flow_shares.h; turns: Shreedhar and Varghese, SIGCOMM 1995, with
// entries of one size.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weir/base/time.h"
#include "weir/limit/flow_shares.h"
#include "weir/limit/queue_delay.h"

namespace weir::limit {

// What the database behind a queue does.
struct Service {
  size_t at_once = 1;
  std::chrono::nanoseconds answer = std::chrono::hours(1);  // What one takes.
};

template <typename Item>
class WaitingRoom {
 public:
  static constexpr size_t kWaitingMax = 65536;
  static constexpr size_t kStandingLeast = 8;

  explicit WaitingRoom(const QueueDelay::Options& delay) : delay_(delay) {}

  // Whether Push would refuse an entry of this flow.
  bool Refuses(FlowId flow, const Service& service) const {
    const size_t most = MostNow(service);
    return entries_.size() >= most && !(shares_.Within(flow, most) && shares_.Longest(flow, most));
  }

  // Takes in an entry, perhaps at the cost of another, which then is in `dropped`; or that itself.
  void Push(Item item, FlowId flow, MonoTime now, const Service& service,
            std::vector<Item>* dropped) {
    const size_t most = MostNow(service);
    if (entries_.size() >= most) {
      const std::optional<FlowId> longest = shares_.Longest(flow, most);
      if (!longest || !shares_.Within(flow, most)) {
        dropped->push_back(std::move(item));
        return;
      }
      dropped->push_back(Take(*longest, /*newest=*/false));
    }
    entries_.push_back({std::move(item), flow, now});
    Flow& own = flows_[flow];
    if (own.waiting.empty()) own.turn = turns_.insert(turns_.end(), flow);
    own.waiting.push_back(std::prev(entries_.end()));
    shares_.Add(flow);
  }

  // Returns what goes next, or nullopt. What has waited too long is in `dropped`.
  // Requires: the database takes one more now.
  std::optional<Item> Pop(MonoTime now, const Service& service, std::vector<Item>* dropped) {
    const bool was_empty = entries_.empty();
    Expire(now, service, dropped);
    if (was_empty) delay_.LookEmpty();  // And not when it held only what is too late.
    if (entries_.empty()) return std::nullopt;
    const FlowId flow = turns_.front();
    turns_.splice(turns_.end(), turns_, turns_.begin());
    return Take(flow, delay_.standing());
  }

  // Drops what has waited too long. For when nothing is popped.
  void Expire(MonoTime now, const Service& service, std::vector<Item>* dropped) {
    if (entries_.empty()) return;
    const bool stood = delay_.standing();
    delay_.Look(now, entries_.front().since);
    while (!entries_.empty() && delay_.Overdue(now, entries_.front().since, service.answer)) {
      dropped->push_back(Take(entries_.front().flow, /*newest=*/false));
    }
    while (delay_.standing() && !stood && entries_.size() > MostNow(service)) {
      const FlowId oldest = entries_.front().flow;
      const size_t most = MostNow(service);
      dropped->push_back(Take(shares_.Longest(oldest, most).value_or(oldest), /*newest=*/false));
    }
  }

  // Nothing is under way. For now and then: a queue that nobody comes to is not looked at
  // otherwise.
  void LookIdle() {
    if (entries_.empty()) delay_.LookIdle();
  }

  // Drops everything.
  void Clear(std::vector<Item>* dropped) {
    while (!entries_.empty()) dropped->push_back(Take(entries_.front().flow, /*newest=*/false));
    delay_.LookEmpty();
  }

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  bool standing() const { return delay_.standing(); }

 private:
  struct Entry {
    Item item;
    FlowId flow = 0;
    MonoTime since;
  };
  using Entries = std::list<Entry>;
  struct Flow {
    std::list<typename Entries::iterator> waiting;  // Oldest first; never empty.
    std::list<FlowId>::iterator turn;
  };

  size_t MostNow(const Service& service) const {
    return delay_.standing() ? std::clamp(service.at_once, kStandingLeast, kWaitingMax)
                             : kWaitingMax;
  }

  // Requires: the flow has an entry.
  Item Take(FlowId flow, bool newest) {
    const auto place = flows_.find(flow);
    assert(place != flows_.end());
    auto& waiting = place->second.waiting;
    const auto entry = newest ? waiting.back() : waiting.front();
    if (newest) {
      waiting.pop_back();
    } else {
      waiting.pop_front();
    }
    Item item = std::move(entry->item);
    entries_.erase(entry);
    shares_.Remove(flow);
    if (waiting.empty()) {
      turns_.erase(place->second.turn);
      flows_.erase(place);
    }
    return item;
  }

  QueueDelay delay_;
  FlowShares shares_;
  Entries entries_;  // Oldest first.
  std::unordered_map<FlowId, Flow> flows_;
  std::list<FlowId> turns_;  // The next flow in front.
};

}  // namespace weir::limit
