// Latencies: how many requests took how long, in buckets that grow by less than 1 %.
//
// When not to use: in the server, where base/histogram.h is 128 times smaller.
// Threads: single-owner; merge those of several threads. Memory: 40 KiB. Cost: a shift and an add.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::cmd {

class Latencies {
 public:
  Latencies() : buckets_(kBuckets) {}

  void Record(int64_t ns) {
    const auto value = static_cast<uint64_t>(std::max<int64_t>(ns, 0));
    ++buckets_[BucketOf(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  void Merge(const Latencies& other) {
    for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

  uint64_t count() const { return count_; }
  uint64_t max_ns() const { return max_; }

  // Returns a duration that the given share of the requests did not exceed, at most 1 % above the
  // least such; 0 when there are none.
  uint64_t QuantileNs(double share) const {
    const auto wanted = std::max<uint64_t>(
        1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_))));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return std::min(UpperBound(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kStepBits = 7;
  static constexpr uint64_t kSteps = uint64_t{1} << kStepBits;
  static constexpr unsigned kPowerMax = 43;  // 2^43 ns are more than two hours.
  static constexpr size_t kBuckets = kSteps * (kPowerMax - kStepBits + 2);

  // Values below kSteps have a bucket each; above, the bits below the leading one choose.
  static size_t BucketOf(uint64_t value) {
    if (value < kSteps) return value;
    const unsigned power = std::min<unsigned>(std::bit_width(value) - 1, kPowerMax);
    const unsigned shift = power - kStepBits;
    return kSteps * (shift + 1) + std::min((value >> shift) - kSteps, kSteps - 1);
  }
  static uint64_t UpperBound(size_t bucket) {
    if (bucket < kSteps) return bucket;
    const size_t shift = bucket / kSteps - 1;
    return ((kSteps + bucket % kSteps + 1) << shift) - 1;
  }

  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace weir::cmd
