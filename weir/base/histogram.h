// Histogram: counts of durations in buckets that grow by about 12 %, from 1 ns to 2^40 ns.
//
// Threads: single-owner; merge the histograms of several threads to read them together.
// Cost: Record is a few shifts and an add; 8 * kBuckets bytes; no allocation.
// Source: log-linear buckets as in HdrHistogram, with 8 linear steps in each power of two.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

class Histogram {
 public:
  static constexpr size_t kBuckets = 8 * 39;

  void Record(uint64_t value);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  // Returns the upper bound of the bucket that holds the given share of the values, 0 when empty.
  // Requires: 0 <= share <= 1.
  uint64_t Quantile(double share) const;
  // Returns how many values lie at or below the upper bound of the bucket of `value`.
  uint64_t CountUpTo(uint64_t value) const;

 private:
  static size_t BucketOf(uint64_t value);
  static uint64_t UpperBound(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
};

}  // namespace weir
