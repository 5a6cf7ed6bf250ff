// Goal: a lead that lasts is followed, one that comes and goes is not.
// Method: made-up gains.

#include "weir/cache/chooser.h"

#include <gtest/gtest.h>

namespace weir::cache {
namespace {

TEST(Chooser, FollowsALeadOnceItIsWorthMoreThanAChangeCosts) {
  Chooser<3> chooser(0, 10);
  for (int n = 0; n < 10; ++n) EXPECT_EQ(chooser.Add({1, 2, 1}), 0U) << n;
  EXPECT_EQ(chooser.Add({1, 2, 1}), 1U);
  EXPECT_EQ(chooser.changes(), 1U);
}

TEST(Chooser, TakesTheOneThatIsFurthestAhead) {
  Chooser<3> chooser(0, 10);
  EXPECT_EQ(chooser.Add({0, 20, 30}), 2U);
}

TEST(Chooser, ALeadThatCameToNothingRaisesTheBar) {
  Chooser<2> chooser(0, 10);
  const auto add = [&](double gain, int rounds) {
    for (int n = 0; n < rounds; ++n) chooser.Add({0, gain});
  };
  for (int turn = 0; turn < 5; ++turn) {
    add(1, 9);
    add(-1, 9);
  }
  add(1, 15);
  EXPECT_EQ(chooser.choice(), 0U) << "worth the change, but seen before to pass";
  add(1, 10);
  EXPECT_EQ(chooser.choice(), 1U);
}

TEST(Chooser, ForgetsWhatWasWhenTheGainsChange) {
  Chooser<2> chooser(0, 10);
  for (int n = 0; n < 100'000; ++n) chooser.Add({1, 0});
  int rounds = 0;
  while (chooser.Add({0, 1}) == 0) ++rounds;
  EXPECT_LE(rounds, 10) << "a long lead in the past does not weigh";
}

TEST(Chooser, AWayIsNotFollowedBeforeItIsOpenAndThenOnce) {
  Chooser<3> chooser(0, 10);
  for (int n = 0; n < 1000; ++n) EXPECT_EQ(chooser.Add({10, 10, 12}, 0b011), 0U);
  for (int n = 0; n < 1000; ++n) EXPECT_EQ(chooser.Add({10, 10, 12}), 2U);
  EXPECT_EQ(chooser.changes(), 1U);
  EXPECT_EQ(chooser.Add({10, 10, 12}, 0b011), 2U) << "nor left because it is not open any more";
  for (int n = 0; n < 11; ++n) chooser.Add({10, 12, 10}, 0b011);
  EXPECT_EQ(chooser.choice(), 1U) << "but when another is ahead";
}

TEST(Chooser, LeadsOverAWayThatWasNotOpenDoNotCountWhenItIsTheChoice) {
  Chooser<4> chooser(0, 10);
  for (int n = 0; n < 1000; ++n) chooser.Add({5, 4, 3, 1}, 0b0111);
  for (int n = 0; n < 1000; ++n) chooser.Add({1, 2, 3, 5});
  EXPECT_EQ(chooser.choice(), 3U);
  EXPECT_EQ(chooser.changes(), 1U);
}

TEST(Chooser, WhatIsSetByItsOwnerIsAChangeToo) {
  Chooser<2> chooser(0, 10);
  chooser.SetChoice(0);
  EXPECT_EQ(chooser.changes(), 0U);
  chooser.SetChoice(1);
  EXPECT_EQ(chooser.changes(), 1U);
}

TEST(Chooser, StaysWhereGainsAreEqual) {
  Chooser<2> chooser(1, 0);
  for (int n = 0; n < 1000; ++n) EXPECT_EQ(chooser.Add({1, 1}), 1U);
}

}  // namespace
}  // namespace weir::cache
