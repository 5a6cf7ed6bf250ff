// Goal: quantiles are never below the true value and at most one bucket (12.5 %) above it.
#include "weir/base/histogram.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir {
namespace {

TEST(HistogramTest, EmptyHasZeroQuantiles) {
  EXPECT_EQ(Histogram().Quantile(0.5), 0U);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t value = 0; value < 8; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.Quantile(0), 0U);
  EXPECT_EQ(histogram.Quantile(0.5), 3U);
  EXPECT_EQ(histogram.Quantile(1), 7U);
}

TEST(HistogramTest, QuantilesAreWithinOneBucketAbove) {
  Random random(1);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 10000; ++i) {
    values.push_back(random.Next() >> (24 + random.Below(36)));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const uint64_t exact = values[static_cast<size_t>(share * 10000) - 1];
    EXPECT_GE(histogram.Quantile(share), exact);
    EXPECT_LE(histogram.Quantile(share), exact + exact / 8 + 1);
  }
}

TEST(HistogramTest, HugeValuesFallInTheLastBucket) {
  Histogram histogram;
  histogram.Record(~uint64_t{0});
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_GE(histogram.Quantile(1), uint64_t{1} << 39);
}

TEST(HistogramTest, MergeAddsCounts) {
  Histogram a;
  Histogram b;
  a.Record(10);
  b.Record(1000);
  a.Merge(b);
  EXPECT_EQ(a.count(), 2U);
  EXPECT_EQ(a.sum(), 1010U);
  EXPECT_EQ(a.CountUpTo(20), 1U);
}

}  // namespace
}  // namespace weir
