// Alarms: when a loop must look at which of its connections, because something that they wait for
// takes too long.
//
// A connection that sets one for an earlier time leaves the later one behind, to be told of
// nothing.
// Threads: single-owner: the loop's thread. Cost: O(log n); n is a few for each connection.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "weir/base/time.h"

namespace weir::gateway {

class Alarms {
 public:
  void Set(MonoTime due, uint64_t connection) { queue_.push({due, connection}); }

  // When the next is due, or nullopt.
  std::optional<MonoTime> next() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.top().first);
  }
  // Takes one that is due and returns its connection, which may be gone; or nullopt.
  std::optional<uint64_t> TakeDue(MonoTime now) {
    if (queue_.empty() || now < queue_.top().first) return std::nullopt;
    const uint64_t connection = queue_.top().second;
    queue_.pop();
    return connection;
  }

 private:
  using Alarm = std::pair<MonoTime, uint64_t>;
  std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> queue_;
};

}  // namespace weir::gateway
