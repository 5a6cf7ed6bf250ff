// Alarms: when a loop must look at which of its connections, because something that they wait for
// takes too long.
//
// A connection has one at a time, for the earliest of what it waits for.
// Threads: single-owner: the loop's thread. Cost: O(log n); n is the connections that wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "weir/base/time.h"

namespace weir::gateway {

class Alarms {
 public:
  void Set(MonoTime due, uint64_t connection) { alarms_.insert({due, connection}); }
  // Takes back what was set.
  void Cancel(MonoTime due, uint64_t connection) { alarms_.erase({due, connection}); }

  // When the next is due, or nullopt.
  std::optional<MonoTime> next() const {
    return alarms_.empty() ? std::nullopt : std::optional(alarms_.begin()->first);
  }
  // Takes one that is due and returns its connection, or nullopt.
  std::optional<uint64_t> TakeDue(MonoTime now) {
    if (alarms_.empty() || now < alarms_.begin()->first) return std::nullopt;
    return alarms_.extract(alarms_.begin()).value().second;
  }
  size_t size() const { return alarms_.size(); }

 private:
  std::set<std::pair<MonoTime, uint64_t>> alarms_;
};

}  // namespace weir::gateway
