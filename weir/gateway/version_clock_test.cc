// Goal: versions rise, whatever the clock does and whoever asks. Method: a clock that steps back, a
// floor from the future, several threads.
#include "weir/gateway/version_clock.h"

#include <algorithm>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

TEST(VersionClock, AVersionIsTheWallClockWhileThatRises) {
  VersionClock versions(0);
  EXPECT_EQ(versions.Next({5}), uint64_t{5} << VersionClock::kCounterBits);
  EXPECT_EQ(versions.Next({6}), uint64_t{6} << VersionClock::kCounterBits);
}

TEST(VersionClock, VersionsRiseWhenTheClockStandsOrFalls) {
  VersionClock versions(0);
  uint64_t last = 0;
  for (const int64_t ms : {1000, 1000, 999, 1, 0, -5, 1000, 1001}) {
    const uint64_t next = versions.Next({ms});
    EXPECT_GT(next, last);
    last = next;
  }
}

TEST(VersionClock, VersionsAreAboveTheFloor) {
  const uint64_t future = uint64_t{1} << 62;
  VersionClock versions(future);
  EXPECT_EQ(versions.Next({1}), future + 1);
}

TEST(VersionClock, ARaisedFloorIsNeverLowered) {
  VersionClock versions(10);
  versions.RaiseTo(20);
  EXPECT_EQ(versions.Next({0}), 21u);
  versions.RaiseTo(15);
  EXPECT_EQ(versions.Next({0}), 22u);
}

TEST(VersionClock, NoTwoThreadsGetTheSame) {
  VersionClock versions(0);
  std::vector<std::vector<uint64_t>> taken(4);
  std::vector<std::thread> threads;
  for (auto& mine : taken) {
    threads.emplace_back([&] {
      for (int64_t i = 0; i < 10'000; ++i) mine.push_back(versions.Next({i / 100}));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<uint64_t> all;
  for (const auto& mine : taken) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

}  // namespace
}  // namespace weir::gateway
