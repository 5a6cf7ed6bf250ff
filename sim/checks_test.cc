// Goal: the checkers of registers, of limits and of what is held of them notice what they are there
// for, and nothing else.
// Method: each by hand, right and wrong.
#include "sim/hold_check.h"
#include "sim/limit_check.h"
#include "sim/limit_history.h"
#include "sim/window_check.h"
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
    LimitCheck::Charges charges = check_.ChargesOf({.user = {}, .client = {}, .key = key});
    return check_.Decided(charges, passed, {ms * 1'000'000});
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

TEST_F(LimitCheckTest, WhatIsGivenBackAndWhatIsOwedAreCounted) {
  const LimitCheck::Charges two = check_.ChargesOf("p", "a", 2);
  EXPECT_EQ(check_.Decided(two, true, {0}), "");
  check_.GivenBack(two, {0});
  check_.GivenBack(two, {0});
  EXPECT_EQ(check_.Decided(two, true, {0}), "");
  check_.Forced(two, {0});
  EXPECT_EQ(Decided("a", false, 29), "");
  EXPECT_NE(Decided("a", false, 31), "");
}

class WindowCheckTest : public testing::Test {
 protected:
  // Of a bucket of two tokens that gets one every 10 ms.
  void Passed(int64_t from_ms, int64_t to_ms) {
    const LimitCheck::Charges charges = {{"b", {1, milliseconds(10), 2}}};
    check_.Passed(charges, {from_ms * 1'000'000}, {to_ms * 1'000'000});
  }
  WindowCheck check_;
};

TEST_F(WindowCheckTest, WhatMayHavePassedAtItsRateIsFine) {
  Passed(1, 1);
  Passed(1, 2);
  Passed(2, 11);
  Passed(2, 30);
  EXPECT_EQ(check_.Explain(), "");
}

TEST_F(WindowCheckTest, OneTooManyWithinAWindowIsNoticed) {
  Passed(1, 2);
  Passed(2, 10);
  Passed(3, 10);
  EXPECT_NE(check_.Explain(), "");
  EXPECT_EQ(check_.Explain(), "");
}

class LimitHistoryTest : public testing::Test {
 protected:
  static Plan Empty() {
    Plan plan;
    plan.policies = {{.name = "named",
                      .per = limit::Per::kKey,
                      .rate = {1, milliseconds(10), 1},
                      .only_named = true}};
    return plan;
  }
  // One that came `from_ms` and was answered `to_ms`; passed and waited, as the reply says.
  void Wait(int64_t from_ms, int64_t to_ms, bool passed, int64_t waited_ms) {
    const uint64_t request = history_.Executed({from_ms * 1'000'000});
    resp::Value reply{.kind = resp::Value::Kind::kArray};
    for (const int64_t number :
         {int64_t{passed}, int64_t{0}, int64_t{0}, int64_t{0}, int64_t{0}, waited_ms}) {
      reply.items.push_back({.kind = resp::Value::Kind::kInteger, .integer = number});
    }
    history_.Answered(request, {}, {"LIMIT.WAIT", "k", "POLICY", "named", "MAX", "99"}, reply,
                      {to_ms * 1'000'000});
  }
  const Plan plan_ = Empty();
  LimitHistory history_{plan_};
};

TEST_F(LimitHistoryTest, WhoWaitsInOrderIsFine) {
  Wait(0, 0, true, 0);
  Wait(1, 10, true, 9);
  Wait(2, 20, true, 18);
  EXPECT_EQ(history_.Judge(), "");
}

TEST_F(LimitHistoryTest, WhoIsOvertakenIsNoticed) {
  Wait(0, 0, true, 0);
  Wait(5, 10, true, 5);
  Wait(1, 20, true, 19);
  EXPECT_NE(history_.Judge(), "");
}

TEST_F(LimitHistoryTest, WhoIsRefusedThoughTheTokenIsThereIsNoticed) {
  Wait(0, 0, true, 0);
  Wait(1, 11, false, 10);
  EXPECT_NE(history_.Judge(), "");
}

class HoldCheckTest : public testing::Test {
 protected:
  std::string Acquire(bool acquired, int64_t in_use, const std::string& lease, int64_t ms) {
    resp::Value reply{.kind = resp::Value::Kind::kArray};
    reply.items = {{.kind = resp::Value::Kind::kInteger, .integer = acquired ? 1 : 0},
                   {.kind = resp::Value::Kind::kInteger, .integer = in_use},
                   {.kind = resp::Value::Kind::kInteger, .integer = acquired ? 0 : 1},
                   {.kind = resp::Value::Kind::kBulk, .text = lease}};
    return check_.Acquired({"LIMIT.ACQUIRE", "k", "MAX", "1", "TTL", "10"}, reply,
                           {ms * 1'000'000});
  }
  std::string Settle(const std::string& number, bool settled, int64_t ms) {
    const auto kind = settled ? resp::Value::Kind::kSimple : resp::Value::Kind::kError;
    std::optional<HoldCheck::Reservation> reservation;
    return check_.Settled({"LIMIT.CANCEL", "k", number}, {.kind = kind, .text = "ERR"},
                          {ms * 1'000'000}, &reservation);
  }
  HoldCheck check_;
};

TEST_F(HoldCheckTest, OneLeaseTooManyIsNoticed) {
  EXPECT_EQ(Acquire(true, 1, "a", 1), "");
  EXPECT_EQ(Acquire(false, 1, "", 2), "");
  EXPECT_EQ(Acquire(true, 1, "b", 11), "");
  EXPECT_NE(Acquire(true, 2, "c", 12), "");
}

TEST_F(HoldCheckTest, APlaceThatIsFreeAndRefusedIsNoticed) {
  EXPECT_NE(Acquire(false, 0, "", 1), "");
}

TEST_F(HoldCheckTest, AReservationEndsOnceAndInTime) {
  check_.Reserved("1", {{"LIMIT.RESERVE", "k"}, 1, {5'000'000}});
  check_.Reserved("2", {{"LIMIT.RESERVE", "k"}, 1, {5'000'000}});
  EXPECT_EQ(Settle("1", true, 1), "");
  EXPECT_NE(Settle("1", true, 2), "");
  EXPECT_NE(Settle("2", false, 4), "");
  EXPECT_EQ(Settle("2", false, 5), "");
  EXPECT_NE(Settle("2", true, 5), "");
}

}  // namespace
}  // namespace weir::sim
