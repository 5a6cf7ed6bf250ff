// Goal: the window shows what was counted in the last minutes, not since the start.
// Method: counts that rise by a known amount a minute.
#include "weir/gateway/miss_ratio_window.h"

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

using Counts = MissRatioWindow::Counts;

MonoTime AtMinute(int minute) {
  return MonoTime{} + std::chrono::minutes(minute);
}

Counts CountsOf(uint64_t lookups, double misses) {
  Counts counts;
  counts.lookups = lookups;
  counts.misses.fill(misses);
  return counts;
}

TEST(MissRatioWindow, IsDueOnceAMinute) {
  MissRatioWindow window;
  EXPECT_TRUE(window.Due(AtMinute(0)));
  window.Sample(AtMinute(0), {});
  EXPECT_FALSE(window.Due(AtMinute(1) + std::chrono::nanoseconds(-1)));
  EXPECT_TRUE(window.Due(AtMinute(1)));
}

TEST(MissRatioWindow, ShowsWhatCameSinceTheOldestSample) {
  MissRatioWindow window;
  EXPECT_EQ(window.Read(AtMinute(1), CountsOf(100, 50)).counts.lookups, 0U);
  window.Sample(AtMinute(0), CountsOf(100, 50));
  const MissRatioWindow::Reading reading = window.Read(AtMinute(1), CountsOf(700, 200));
  EXPECT_EQ(reading.counts.lookups, 600U);
  EXPECT_EQ(reading.counts.misses[3], 150);
  EXPECT_EQ(reading.lookups_per_second(), 10);
}

TEST(MissRatioWindow, ForgetsWhatIsOlderThanTenMinutes) {
  MissRatioWindow window;
  for (int minute = 0; minute < 30; ++minute) {
    const bool late = minute >= 15;
    window.Sample(AtMinute(minute),
                  CountsOf(static_cast<uint64_t>(minute) * 60, late ? 15.0 * 60 : minute * 60.0));
  }
  const MissRatioWindow::Reading reading = window.Read(AtMinute(30), CountsOf(1800, 900));
  EXPECT_EQ(reading.counts.lookups, 600U);
  EXPECT_EQ(reading.counts.misses[0], 0);
}

}  // namespace
}  // namespace weir::gateway
