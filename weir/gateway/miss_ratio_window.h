// MissRatioWindow: the miss-ratio curve of the last ten minutes, from counts that only rise.
//
// Threads: Sample by one thread at a time, the rest by any. Cost: a short lock.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>

#include "weir/base/time.h"
#include "weir/cache/miss_ratio_curve.h"

namespace weir::gateway {

class MissRatioWindow {
 public:
  static constexpr size_t kSamples = 10;
  static constexpr auto kPause = std::chrono::minutes(1);

  using Counts = cache::MissRatioCurve::Counts;

  struct Reading {
    Counts counts;
    std::chrono::duration<double> span{0};

    double lookups_per_second() const {
      return span.count() <= 0 ? 0 : static_cast<double>(counts.lookups) / span.count();
    }
  };

  bool Due(MonoTime now) const {
    const std::lock_guard lock(mutex_);
    return taken_ == 0 || now - points_[(taken_ - 1) % kSamples].at >= kPause;
  }

  // Takes what has been counted since the start.
  void Sample(MonoTime now, const Counts& counts) {
    const std::lock_guard lock(mutex_);
    points_[taken_++ % kSamples] = {now, counts};
  }

  // Returns what has been counted since the oldest sample, up to `counts`.
  Reading Read(MonoTime now, const Counts& counts) const {
    const std::lock_guard lock(mutex_);
    if (taken_ == 0) return {};
    const Point& oldest = points_[taken_ < kSamples ? 0 : taken_ % kSamples];
    Reading reading{counts, now - oldest.at};
    reading.counts.lookups -= oldest.counts.lookups;
    for (size_t p = 0; p < reading.counts.misses.size(); ++p) {
      reading.counts.misses[p] -= oldest.counts.misses[p];
    }
    return reading;
  }

 private:
  struct Point {
    MonoTime at;
    Counts counts;
  };

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::array<Point, kSamples> points_{};
  size_t taken_ = 0;
};

}  // namespace weir::gateway
