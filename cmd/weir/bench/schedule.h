// Schedule: when the requests of an open-loop load are due.
//
// The times depend on the rate alone, never on when an answer came: a server that stands still is
// asked all the same, and each request's latency counts from when it was due ("coordinated
// omission" is to leave these out).
// Threads: single-owner. Cost: O(1); Poisson takes a logarithm.
#pragma once

#include <cmath>
#include <cstdint>

#include "weir/base/random.h"

namespace weir::cmd {

class Schedule {
 public:
  enum class Arrivals {
    kEven,     // One every 1 / rate.
    kPoisson,  // Independent of each other, as those of many users are.
  };

  // `first` of `stride`: this is one of `stride` schedules that together have `stride` times the
  // rate, each shifted by its part of an interval. Requires: rate > 0.
  Schedule(Arrivals arrivals, int64_t begin_ns, double rate, uint64_t first, uint64_t stride,
           uint64_t seed)
      : arrivals_(arrivals),
        begin_ns_(static_cast<double>(begin_ns)),
        interval_ns_(1e9 / rate),
        random_(seed) {
    at_ = static_cast<double>(first) / static_cast<double>(stride);
    if (arrivals_ == Arrivals::kPoisson) at_ = Gap();
  }

  // When the next request is due.
  int64_t due_ns() const { return static_cast<int64_t>(begin_ns_ + at_ * interval_ns_); }

  void Advance() { at_ += arrivals_ == Arrivals::kEven ? 1 : Gap(); }

 private:
  double Gap() { return -std::log1p(-static_cast<double>(random_.Next() >> 11) * 0x1.0p-53); }

  const Arrivals arrivals_;
  const double begin_ns_;
  const double interval_ns_;
  Random random_;
  double at_ = 0;  // In intervals.
};

}  // namespace weir::cmd
