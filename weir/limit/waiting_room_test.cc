// Goal: what waits is shared out between flows, nothing is lost or doubled, and under a standing
// queue the newest go first and refusals happen at the door.
// Method: scripted pushes and pops; a random history whose every entry is followed to its end, with
// a planted loss and a planted double to see that they are noticed.
#include "weir/limit/waiting_room.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace weir::limit {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr MonoTime kStart{1'000'000'000};
constexpr size_t kAtOnce = 20;
constexpr Service kService{.at_once = kAtOnce};
constexpr FlowId kHeavy = 1;
constexpr FlowId kLight = 2;
constexpr QueueDelay::Options kOptions{.target = 5ms, .interval = 100ms, .deadline = 1s};

class WaitingRoomTest : public testing::Test {
 protected:
  void Push(int item, FlowId flow, MonoTime now = kStart) {
    room_.Push(item, flow, now, kService, &dropped_);
  }
  // What it gives, until it gives nothing or `most`.
  std::vector<int> Pops(size_t most, MonoTime now = kStart) {
    std::vector<int> popped;
    while (popped.size() < most) {
      const std::optional<int> item = room_.Pop(now, kService, &dropped_);
      if (!item) break;
      popped.push_back(*item);
    }
    return popped;
  }
  // Makes it stand at `kStart + 105ms`; entries of before are gone.
  MonoTime Stand() {
    Push(-1, kHeavy);
    Push(-2, kHeavy);
    room_.Expire(kStart + 5ms, kService, &dropped_);
    room_.Expire(kStart + 105ms, kService, &dropped_);
    EXPECT_TRUE(room_.standing());
    EXPECT_TRUE(room_.empty());
    dropped_.clear();
    return kStart + 105ms;
  }

  WaitingRoom<int> room_{kOptions};
  std::vector<int> dropped_;
};

TEST_F(WaitingRoomTest, AFlowsEntriesGoInTheOrderInWhichTheyCame) {
  for (const int item : {1, 2, 3}) Push(item, kHeavy);
  EXPECT_THAT(Pops(9), ElementsAre(1, 2, 3));
}

TEST_F(WaitingRoomTest, ALightFlowNeverWaitsForTheBacklogOfAHeavyOne) {
  for (const int item : {1, 2, 3, 4}) Push(item, kHeavy);
  Push(10, kLight);
  EXPECT_THAT(Pops(2), ElementsAre(1, 10));
  Push(11, kLight);
  EXPECT_THAT(Pops(9), ElementsAre(2, 11, 3, 4));
}

TEST_F(WaitingRoomTest, ABurstIsTakenUpWhole) {
  for (int item = 0; item < 1000; ++item) Push(item, kHeavy);
  EXPECT_FALSE(room_.Refuses(kHeavy, kService));
  EXPECT_EQ(Pops(1000).size(), 1000U);
  EXPECT_THAT(dropped_, IsEmpty());
}

TEST_F(WaitingRoomTest, WhenItStandsTheNewestGoFirst) {
  const MonoTime now = Stand();
  for (const int item : {1, 2, 3}) Push(item, kHeavy, now);
  EXPECT_THAT(Pops(9, now), ElementsAre(3, 2, 1));
}

TEST_F(WaitingRoomTest, WhenItStandsNothingWaitsLongerThanTheTarget) {
  const MonoTime now = Stand();
  Push(1, kHeavy, now);
  Push(2, kHeavy, now + 1ns);
  EXPECT_THAT(Pops(1, now + 5ms + 1ns), ElementsAre(2));
  EXPECT_THAT(dropped_, ElementsAre(1));
}

TEST_F(WaitingRoomTest, WhenItStandsNothingWaitsMuchLongerThanAnAnswerTakes) {
  const MonoTime now = Stand();
  Push(1, kHeavy, now);
  EXPECT_EQ(room_.Pop(now + 5ms, {kAtOnce, 4ms - 1ns}, &dropped_), std::nullopt);
  Push(2, kHeavy, now);
  EXPECT_EQ(room_.Pop(now + 5ms, {kAtOnce, 4ms}, &dropped_), 2);
  EXPECT_THAT(dropped_, ElementsAre(1));
}

TEST_F(WaitingRoomTest, WhenItStandsNoMoreWaitThanGoAtOnceAndOneMoreIsRefused) {
  const MonoTime now = Stand();
  for (int item = 0; item < static_cast<int>(kAtOnce); ++item) {
    EXPECT_FALSE(room_.Refuses(kHeavy, kService));
    Push(item, kHeavy, now);
  }
  EXPECT_TRUE(room_.Refuses(kHeavy, kService));
  Push(99, kHeavy, now);
  EXPECT_THAT(dropped_, ElementsAre(99));
}

TEST_F(WaitingRoomTest, WhoHoldsLessThanItsPartGetsAPlaceAtTheCostOfWhoHoldsMost) {
  const MonoTime now = Stand();
  for (int item = 0; item < static_cast<int>(kAtOnce); ++item) Push(item, kHeavy, now);
  EXPECT_FALSE(room_.Refuses(kLight, kService));
  Push(10, kLight, now);
  Push(11, kLight, now);
  EXPECT_THAT(dropped_, ElementsAre(0, 1)) << "its oldest";
  for (int item = 12; item < 20; ++item) Push(item, kLight, now);
  EXPECT_TRUE(room_.Refuses(kLight, kService)) << "ten of twenty are its part";
}

TEST_F(WaitingRoomTest, FoundEmptyItTakesUpBurstsAgain) {
  const MonoTime now = Stand();
  while (room_.standing()) EXPECT_THAT(Pops(1, now), IsEmpty());
  for (int item = 0; item < 100; ++item) Push(item, kHeavy, now);
  EXPECT_THAT(dropped_, IsEmpty());
}

// Follows every entry: pushed once, out once.
class Follower {
 public:
  void Pushed(int item) { ++pushed_[item]; }
  void Out(int item) { ++out_[item]; }
  bool Whole() const { return pushed_ == out_; }

 private:
  std::map<int, int> pushed_;
  std::map<int, int> out_;
};

bool RandomHistoryIsWhole() {
  WaitingRoom<int> room(kOptions);
  Follower follower;
  std::vector<int> dropped;
  MonoTime now = kStart;
  const int steps = *rc::gen::inRange(50, 400);
  for (int i = 0; i < steps; ++i) {
    now.ns += *rc::gen::inRange<int64_t>(0, 20'000'000);
    const Service at_once{*rc::gen::inRange<size_t>(1, 20)};
    if (*rc::gen::inRange(0, 3) != 0) {
      follower.Pushed(i);
      room.Push(i, *rc::gen::inRange<FlowId>(0, 4), now, at_once, &dropped);
    } else if (const auto item = room.Pop(now, at_once, &dropped)) {
      follower.Out(*item);
    }
  }
  room.Clear(&dropped);
  RC_ASSERT(room.empty());
  for (const int item : dropped) follower.Out(item);
  return follower.Whole();
}

RC_GTEST_PROP(WaitingRoomProperty, WhatWasPushedComesOutOnce, ()) {
  RC_ASSERT(RandomHistoryIsWhole());
}

TEST(WaitingRoomFollower, NoticesALossAndADouble) {
  for (const bool loses : {true, false}) {
    Follower follower;
    follower.Pushed(1);
    follower.Out(1);
    EXPECT_TRUE(follower.Whole());
    if (loses) follower.Pushed(2);
    if (!loses) follower.Out(1);
    EXPECT_FALSE(follower.Whole());
  }
}

}  // namespace
}  // namespace weir::limit
