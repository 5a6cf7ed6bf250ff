// RateMeter: how much happened each second of late, from counters that only rise.
//
// Threads: Sample by one thread at a time, Read by any. Cost: a short lock.
// Source: as Redis does: the mean of the last kSamples intervals.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "weir/base/time.h"

namespace weir::gateway {

struct Rates {
  double commands = 0;  // Each a second.
  double input_bytes = 0;
  double output_bytes = 0;
};

class RateMeter {
 public:
  static constexpr size_t kSamples = 16;

  struct Counts {
    uint64_t commands = 0;
    uint64_t input_bytes = 0;
    uint64_t output_bytes = 0;
  };

  // To be called about ten times a second with what has been counted since the start.
  void Sample(MonoTime now, const Counts& counts) {
    const std::lock_guard lock(mutex_);
    points_[next_++ % points_.size()] = {now, counts};
  }

  Rates Read() const {
    const std::lock_guard lock(mutex_);
    if (next_ < 2) return {};
    const Point& latest = points_[(next_ - 1) % points_.size()];
    const Point& oldest = points_[next_ < points_.size() ? 0 : next_ % points_.size()];
    const std::chrono::duration<double> span = latest.at - oldest.at;
    if (span.count() <= 0) return {};
    const auto rate = [&](uint64_t from, uint64_t to) {
      return static_cast<double>(to - from) / span.count();
    };
    return {rate(oldest.counts.commands, latest.counts.commands),
            rate(oldest.counts.input_bytes, latest.counts.input_bytes),
            rate(oldest.counts.output_bytes, latest.counts.output_bytes)};
  }

 private:
  struct Point {
    MonoTime at;
    Counts counts;
  };

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::array<Point, kSamples + 1> points_{};
  size_t next_ = 0;
};

}  // namespace weir::gateway
