// Goal: the checkers of registers and of limits notice what they are there for, and nothing else.
// Method: each by hand, right and wrong.
#include "sim/limit_check.h"
#include "sim/zone_check.h"
#include <gtest/gtest.h>

namespace weir::sim {
namespace {

using std::chrono::milliseconds;

TEST(ZoneCheck, ReadsInOrderAreFine) {
  ZoneCheck check;
  check.Read("", 1, 2);
  check.Wrote("x", 3, 8, true);
  check.Read("x", 4, 5);
  check.Wrote("y", 6, 9, true);
  check.Read("y", 10, 11);
  EXPECT_EQ(check.Explain(), "");
}

TEST(ZoneCheck, AStaleReadIsNoticed) {
  ZoneCheck check;
  check.Wrote("x", 1, 2, true);
  check.Wrote("y", 3, 4, true);
  check.Read("x", 5, 6);
  EXPECT_NE(check.Explain(), "");
}

TEST(ZoneCheck, AValueFromNowhereIsNoticed) {
  ZoneCheck check;
  check.Read("z", 1, 2);
  EXPECT_NE(check.Explain(), "");
}

TEST(ZoneCheck, AnUnknownWriteNeedNotHaveHappened) {
  ZoneCheck check;
  check.Wrote("x", 1, 2, true);
  check.Wrote("y", 3, kNoStamp, false);
  check.Read("x", 5, 6);
  EXPECT_EQ(check.Explain(), "");
  check.Read("y", 7, 8);
  EXPECT_EQ(check.Explain(), "");
  check.Read("x", 9, 10);
  EXPECT_NE(check.Explain(), "");
}

class LimitCheckTest : public testing::Test {
 protected:
  LimitCheckTest()
      : check_({{.name = "p", .per = limit::Per::kKey, .rate = {1, milliseconds(10), 2}}}) {}
  std::string Decided(const std::string& key, bool passed, int64_t ms) {
    return check_.Decided({.user = {}, .client = {}, .key = key}, passed, {ms * 1'000'000});
  }
  LimitCheck check_;
};

TEST_F(LimitCheckTest, BurstAndRatePass) {
  EXPECT_EQ(Decided("a", true, 1), "");
  EXPECT_EQ(Decided("a", true, 1), "");
  EXPECT_EQ(Decided("b", true, 1), "");
  EXPECT_EQ(Decided("a", false, 2), "");
  EXPECT_EQ(Decided("a", true, 12), "");
}

TEST_F(LimitCheckTest, OneTooManyIsNoticed) {
  EXPECT_EQ(Decided("a", true, 1), "");
  EXPECT_EQ(Decided("a", true, 1), "");
  EXPECT_NE(Decided("a", true, 2), "");
}

TEST_F(LimitCheckTest, ARefusalWithoutNeedIsNoticed) {
  EXPECT_NE(Decided("a", false, 1), "");
}

}  // namespace
}  // namespace weir::sim
