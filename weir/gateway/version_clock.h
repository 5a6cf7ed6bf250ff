// VersionClock: versions for writes, a hybrid logical clock.
//
// A version is the wall clock's milliseconds with a counter below, and always above every version
// given out before, whatever the clock does. Start it above the highest version of every store.
// Threads: thread-safe. Cost: one atomic exchange.
// Source: Kulkarni et al., "Logical Physical Clocks", OPODIS 2014; differs: one node, so no merge.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "weir/base/time.h"

namespace weir::gateway {

class VersionClock {
 public:
  static constexpr int kCounterBits = 20;

  explicit VersionClock(uint64_t floor) : last_(floor) {}

  // Every version from now on is above `floor`.
  void RaiseTo(uint64_t floor) {
    uint64_t last = last_.load(std::memory_order_relaxed);
    while (last < floor && !last_.compare_exchange_weak(last, floor, std::memory_order_relaxed)) {
    }
  }

  uint64_t Next(WallTime now) {
    const uint64_t physical = static_cast<uint64_t>(std::max<int64_t>(now.ms, 0)) << kCounterBits;
    uint64_t last = last_.load(std::memory_order_relaxed);
    uint64_t next = 0;
    do {
      next = std::max(last + 1, physical);
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
  }

 private:
  std::atomic<uint64_t> last_;
};

}  // namespace weir::gateway
