// Goal: what the loops count adds up, and quantiles are within their bucket.
// Method: counters by hand.
#include "weir/gateway/stats_totals.h"

#include <gtest/gtest.h>

#include "weir/gateway/command.h"
#include "weir/gateway/rates.h"

namespace weir::gateway {
namespace {

TEST(LatencyCounters, EveryDurationLiesInItsBucket) {
  for (uint64_t ns = 0; ns < uint64_t{1} << 36; ns = ns * 9 / 8 + 1) {
    const size_t bucket = LatencyCounters::BucketOf(ns);
    ASSERT_LT(bucket, LatencyCounters::kBuckets);
    if (bucket + 1 < LatencyCounters::kBuckets) {
      ASSERT_LT(ns, LatencyCounters::UpperNs(bucket)) << ns;
    }
    if (bucket > 0) {
      ASSERT_GE(ns, LatencyCounters::UpperNs(bucket - 1)) << ns;
    }
  }
}

TEST(LatencyTotals, QuantilesAreWithinAQuarter) {
  LatencyCounters counters;
  for (uint64_t us = 1; us <= 1000; ++us) counters.Record(us * 1000, 1);
  LatencyTotals totals;
  totals.Add(counters);
  EXPECT_EQ(totals.count, 1000u);
  EXPECT_EQ(totals.sum_ns, uint64_t{500'500'000});
  EXPECT_NEAR(totals.QuantileNs(0.5), 500'000, 125'000);
  EXPECT_NEAR(totals.QuantileNs(0.99), 990'000, 250'000);
  EXPECT_EQ(LatencyTotals().QuantileNs(0.5), 0);
  EXPECT_EQ(totals.CountBelowPower(20), 1000u) << "2^20 ns is above 1000 us";
  EXPECT_EQ(totals.CountBelowPower(10), 1u) << "1 us alone is below 1.024 us";
}

TEST(StatsTotals, LoopsAddUpAndAResetIsSubtracted) {
  LoopStats a;
  LoopStats b;
  const size_t get = CommandIndex(*FindCommand("get"));
  a.commands[get].calls.Add(3);
  a.commands[get].latency.Record(2000, 3);
  b.commands[get].calls.Add(1);
  b.commands[get].failed.Add(1);
  b.errors[errors::PrefixIndex("ERR")].Add(1);
  b.hits.Add(5);
  a.input_buffer_bytes_max.Set(7);
  b.input_buffer_bytes_max.Set(9);
  StatsTotals before;
  before.Add(a);
  StatsTotals totals;
  totals.Add(a);
  totals.Add(b);
  EXPECT_EQ(totals.commands[get].calls, 4u);
  EXPECT_EQ(totals.commands[get].latency.sum_ns, 6000u);
  EXPECT_EQ(totals.calls, 4u);
  EXPECT_EQ(totals.error_replies, 1u);
  EXPECT_EQ(totals.input_buffer_bytes_max, 9u);
  totals.Subtract(before);
  EXPECT_EQ(totals.commands[get].calls, 1u);
  EXPECT_EQ(totals.commands[get].latency.count, 0u);
  EXPECT_EQ(totals.hits, 5u);
}

TEST(Errors, PrefixesWeDoNotKnowAreOther) {
  EXPECT_EQ(errors::kPrefixes[errors::PrefixIndex("THROTTLED")], "THROTTLED");
  EXPECT_EQ(errors::kPrefixes[errors::PrefixIndex("NO-SUCH")], "OTHER");
}

TEST(RateMeter, IsTheMeanOfTheLastIntervals) {
  RateMeter meter;
  EXPECT_EQ(meter.Read().commands, 0);
  for (int64_t tick = 0; tick < 100; ++tick) {
    const auto counted = static_cast<uint64_t>(tick < 50 ? 0 : (tick - 49) * 10);
    meter.Sample({tick * 100'000'000}, {counted, counted * 2, 0});
  }
  EXPECT_DOUBLE_EQ(meter.Read().commands, 100);
  EXPECT_DOUBLE_EQ(meter.Read().input_bytes, 200);
  EXPECT_EQ(meter.Read().output_bytes, 0);
}

}  // namespace
}  // namespace weir::gateway
