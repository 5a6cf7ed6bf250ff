// Goal: requests are due at the rate asked for, whatever happens. Method: the times themselves;
// latencies of a simulated server that stands still for a while.
#include "cmd/weir/bench/schedule.h"

#include <algorithm>
#include <cmath>

#include "cmd/weir/bench/latencies.h"
#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(ScheduleTest, EvenSchedulesOfSeveralThreadsInterleave) {
  Schedule first(Schedule::Arrivals::kEven, kSecond, 10, 0, 2, 1);
  Schedule second(Schedule::Arrivals::kEven, kSecond, 10, 1, 2, 1);
  EXPECT_EQ(first.due_ns(), kSecond);
  EXPECT_EQ(second.due_ns(), kSecond + kSecond / 20);
  first.Advance();
  EXPECT_EQ(first.due_ns(), kSecond + kSecond / 10);
}

TEST(ScheduleTest, PoissonHasTheRateAndTheSpreadOfIndependentArrivals) {
  constexpr int kCount = 100'000;
  Schedule schedule(Schedule::Arrivals::kPoisson, 0, 1000, 0, 1, 5);
  double sum = 0;
  double squares = 0;
  int64_t before = 0;
  for (int i = 0; i < kCount; ++i) {
    const double gap = static_cast<double>(schedule.due_ns() - before) / 1e6;  // Milliseconds.
    before = schedule.due_ns();
    sum += gap;
    squares += gap * gap;
    schedule.Advance();
  }
  const double mean = sum / kCount;
  EXPECT_NEAR(mean, 1, 0.03);
  EXPECT_NEAR(squares / kCount - mean * mean, 1, 0.05) << "the variance is the mean squared";
}

// A server that answers at once, but for one second in ten: a tenth of the requests waits, half a
// second on average. Who asks again only after an answer sees one slow request.
TEST(ScheduleTest, AServerThatStandsStillIsSeenByAllWhoWouldHaveAsked) {
  Schedule schedule(Schedule::Arrivals::kEven, 0, 1000, 0, 1, 5);
  Latencies latencies;
  while (schedule.due_ns() < 10 * kSecond) {
    const int64_t due = schedule.due_ns();
    const bool still = due >= 4 * kSecond && due < 5 * kSecond;
    latencies.Record((still ? 5 * kSecond : due) - due);
    schedule.Advance();
  }
  EXPECT_EQ(latencies.count(), 10'000U);
  EXPECT_EQ(latencies.QuantileNs(0.89), 0U);
  EXPECT_NEAR(static_cast<double>(latencies.QuantileNs(0.95)), kSecond / 2, kSecond / 100);
  EXPECT_NEAR(static_cast<double>(latencies.max_ns()), kSecond, 1);
}

TEST(LatenciesTest, QuantilesAreWithinOnePercentAtEveryScale) {
  for (int64_t value = 1; value < int64_t{1} << 43; value = value * 3 / 2 + 1) {
    Latencies latencies;
    latencies.Record(value);
    latencies.Record(int64_t{1} << 44);  // So that the greatest does not cut it.
    const auto found = static_cast<double>(latencies.QuantileNs(0.5));
    EXPECT_GE(found, static_cast<double>(value));
    EXPECT_LE(found, static_cast<double>(value) * 1.01);
  }
}

TEST(LatenciesTest, MergedHistogramsCountTogether) {
  Latencies one;
  Latencies other;
  for (int i = 0; i < 90; ++i) one.Record(100);
  for (int i = 0; i < 10; ++i) other.Record(1'000'000);
  one.Merge(other);
  EXPECT_EQ(one.count(), 100U);
  EXPECT_EQ(one.QuantileNs(0.9), 100U);
  EXPECT_EQ(one.QuantileNs(0.91), 1'000'000U);
}

}  // namespace
}  // namespace weir::cmd
