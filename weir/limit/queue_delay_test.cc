// Goal: bursts are taken up, standing queues are told.
// Method: looks at scripted times, at each limit and one past it.
#include "weir/limit/queue_delay.h"

#include <gtest/gtest.h>

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1'000'000'000};
constexpr std::chrono::nanoseconds kTick{1};
constexpr QueueDelay::Options kOptions{.target = 5ms, .interval = 100ms, .deadline = 1s};

TEST(QueueDelayTest, StandsWhenTheOldestWasAboveTheTargetForAnInterval) {
  QueueDelay delay(kOptions);
  delay.Look(kStart + 5ms, kStart);
  delay.Look(kStart + (105ms - kTick), kStart + 90ms);
  EXPECT_FALSE(delay.standing());
  delay.Look(kStart + 105ms, kStart + 100ms);
  EXPECT_TRUE(delay.standing());
}

TEST(QueueDelayTest, OneLookBelowTheTargetBeginsTheIntervalAnew) {
  QueueDelay delay(kOptions);
  delay.Look(kStart + 5ms, kStart);
  delay.Look(kStart + 60ms, kStart + (55ms + kTick));
  delay.Look(kStart + 110ms, kStart + 60ms);
  EXPECT_FALSE(delay.standing());
}

TEST(QueueDelayTest, StandsUntilItIsFoundEmptyEveryThirdTime) {
  QueueDelay delay(kOptions);
  delay.Look(kStart + 5ms, kStart);
  delay.Look(kStart + 105ms, kStart);
  delay.Look(kStart + 106ms, kStart + 106ms);
  EXPECT_TRUE(delay.standing());
  for (int i = 0; i < 1000; ++i) {
    if (i % 5 == 0) delay.LookEmpty();
    if (i % 5 != 0) delay.Look(kStart + 106ms, kStart + 106ms);
    ASSERT_TRUE(delay.standing()) << "a fifth of the time";
  }
  for (int i = 0; i < 20; ++i) delay.LookEmpty();
  EXPECT_FALSE(delay.standing());
}

TEST(QueueDelayTest, StandsNoMoreWhenNothingIsUnderWay) {
  QueueDelay delay(kOptions);
  delay.Look(kStart + 5ms, kStart);
  delay.Look(kStart + 105ms, kStart);
  EXPECT_TRUE(delay.standing());
  delay.LookIdle();
  EXPECT_FALSE(delay.standing());
}

TEST(QueueDelayTest, WaitsAreBoundedByTheDeadlineAndByTheTargetWhileItStands) {
  QueueDelay delay(kOptions);
  EXPECT_FALSE(delay.Overdue(kStart + 1s, kStart));
  EXPECT_TRUE(delay.Overdue(kStart + 1s + kTick, kStart));
  delay.Look(kStart + 5ms, kStart);
  delay.Look(kStart + 105ms, kStart);
  EXPECT_FALSE(delay.Overdue(kStart + 5ms, kStart));
  EXPECT_TRUE(delay.Overdue(kStart + 5ms + kTick, kStart));
}

}  // namespace
}  // namespace weir::limit
