#include "weir/base/histogram.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace weir {

// Values below 8 have a bucket each; above, the top three bits below the leading one choose among
// eight buckets of that power of two.
size_t Histogram::BucketOf(uint64_t value) {
  if (value < 8) return value;
  const unsigned power = std::bit_width(value) - 1;
  const uint64_t step = (value >> (power - 3)) & 7;
  return std::min<size_t>(8 * (power - 2) + step, kBuckets - 1);
}

uint64_t Histogram::UpperBound(size_t bucket) {
  if (bucket < 8) return bucket;
  const size_t power = bucket / 8 + 2;
  const uint64_t step = bucket % 8;
  return ((8 + step + 1) << (power - 3)) - 1;
}

void Histogram::Record(uint64_t value) {
  ++buckets_[BucketOf(value)];
  ++count_;
  sum_ += value;
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

uint64_t Histogram::Quantile(double share) const {
  assert(share >= 0);
  assert(share <= 1);
  if (count_ == 0) return 0;
  const auto wanted =
      std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return UpperBound(i);
  }
  return UpperBound(kBuckets - 1);
}

uint64_t Histogram::CountUpTo(uint64_t value) const {
  uint64_t seen = 0;
  for (size_t i = 0; i <= BucketOf(value); ++i) seen += buckets_[i];
  return seen;
}

}  // namespace weir
