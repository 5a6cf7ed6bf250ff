// Goal: equal checks are one, what fitted is remembered until forgotten, the queue ends at its
// limit, and who is gone is not checked for. Method: the checks are taken and answered by hand.
#include "weir/users/password_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::users {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PasswordChecksTest : public ::testing::Test {
 protected:
  Result<PasswordChecks::Begun> Begin(const std::string& password, const std::string& who = "") {
    return checks.Begin(checks.Name("hash", password), "hash", password,
                        [this, who](bool fits) { told.push_back(who + (fits ? "+" : "-")); });
  }
  bool Remembers(const std::string& password, const std::string& hash = "hash") {
    return checks.Remembers(checks.Name(hash, password));
  }
  void FinishOne(bool fits) { checks.Finish(*checks.TryNext(), fits); }

  PasswordChecks checks;
  std::vector<std::string> told;
};

TEST_F(PasswordChecksTest, AreMadeInTheOrderOfComing) {
  ASSERT_TRUE(Begin("a", "first").ok());
  ASSERT_TRUE(Begin("b", "second").ok());
  std::optional<PasswordChecks::Work> work = checks.TryNext();
  ASSERT_TRUE(work.has_value());
  EXPECT_EQ(work->hash, "hash");
  EXPECT_EQ(work->password, "a");
  checks.Finish(std::move(*work), false);
  FinishOne(true);
  EXPECT_THAT(told, ElementsAre("first-", "second+"));
  EXPECT_FALSE(checks.TryNext().has_value());
}

TEST_F(PasswordChecksTest, EqualOnesJoinWhetherWaitingOrUnderWay) {
  EXPECT_FALSE(Begin("a", "x").value().joined);
  EXPECT_TRUE(Begin("a", "y").value().joined);
  std::optional<PasswordChecks::Work> work = checks.TryNext();
  EXPECT_TRUE(Begin("a", "z").value().joined);
  EXPECT_EQ(checks.waiting(), 0u);
  checks.Finish(std::move(*work), true);
  EXPECT_THAT(told, ElementsAre("x+", "y+", "z+"));
  EXPECT_EQ(checks.counters().fitted, 1u);
  EXPECT_EQ(checks.counters().joined, 2u);
}

TEST_F(PasswordChecksTest, JoinFindsEqualOnesAndBeginsNone) {
  const auto join = [&] {
    return checks.Join(checks.Name("hash", "a"), [this](bool) { told.push_back("joined"); });
  };
  EXPECT_FALSE(join().has_value());
  ASSERT_TRUE(Begin("a", "x").ok());
  const std::optional<PasswordChecks::Ticket> gone = join();
  ASSERT_TRUE(gone.has_value());
  EXPECT_TRUE(join().has_value());
  checks.Cancel(*gone);
  FinishOne(true);
  EXPECT_THAT(told, ElementsAre("x+", "joined"));
}

TEST_F(PasswordChecksTest, OnlyWhatFittedIsRemembered) {
  ASSERT_TRUE(Begin("right").ok());
  ASSERT_TRUE(Begin("wrong").ok());
  EXPECT_FALSE(Remembers("right"));
  FinishOne(true);
  FinishOne(false);
  EXPECT_TRUE(Remembers("right"));
  EXPECT_FALSE(Remembers("wrong"));
  EXPECT_FALSE(Remembers("right", "another hash"));
  EXPECT_FALSE(Remembers("", "hashright"));
}

TEST_F(PasswordChecksTest, ANameIsOfThisProcessAlone) {
  const PasswordChecks other;
  EXPECT_EQ(checks.Name("hash", "a"), checks.Name("hash", "a"));
  EXPECT_NE(checks.Name("hash", "a"), other.Name("hash", "a"));
}

TEST_F(PasswordChecksTest, TheOldestIsForgottenPastTheLimit) {
  for (size_t i = 0; i <= PasswordChecks::kRememberedMax; ++i) {
    ASSERT_TRUE(Begin(std::to_string(i)).ok());
    FinishOne(true);
    if (i + 1 == PasswordChecks::kRememberedMax) {
      EXPECT_TRUE(Remembers("0"));
    }
  }
  EXPECT_FALSE(Remembers("0"));
  EXPECT_TRUE(Remembers("1"));
}

TEST_F(PasswordChecksTest, TheQueueEndsAtItsLimitAndEqualChecksStillJoin) {
  for (size_t i = 0; i < PasswordChecks::kWaitingMax; ++i) {
    ASSERT_TRUE(Begin(std::to_string(i)).ok());
  }
  const Result<PasswordChecks::Begun> refused = Begin("one more");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(refused.error().message, "128 password checks are waiting; try again later");
  EXPECT_TRUE(Begin("0").ok());
  FinishOne(false);
  EXPECT_TRUE(Begin("one more").ok());
}

TEST_F(PasswordChecksTest, WhatNobodyWaitsForIsNotMade) {
  const PasswordChecks::Ticket first = Begin("a", "x").value().ticket;
  const PasswordChecks::Ticket second = Begin("a", "y").value().ticket;
  ASSERT_TRUE(Begin("b", "z").ok());
  checks.Cancel(first);
  EXPECT_EQ(checks.waiting(), 2u);
  checks.Cancel(second);
  EXPECT_EQ(checks.waiting(), 1u);
  checks.Cancel(second);  // Again: nothing.
  EXPECT_EQ(checks.TryNext()->password, "b");
  EXPECT_FALSE(Begin("a", "again").value().joined);
}

TEST_F(PasswordChecksTest, OneUnderWayIsFinishedForThoseWhoStayed) {
  const PasswordChecks::Ticket first = Begin("a", "x").value().ticket;
  ASSERT_TRUE(Begin("a", "y").ok());
  std::optional<PasswordChecks::Work> work = checks.TryNext();
  checks.Cancel(first);
  checks.Finish(std::move(*work), true);
  EXPECT_THAT(told, ElementsAre("y+"));
}

TEST_F(PasswordChecksTest, OneUnderWayForNobodyEndsInSilence) {
  const PasswordChecks::Ticket only = Begin("a", "x").value().ticket;
  std::optional<PasswordChecks::Work> work = checks.TryNext();
  checks.Cancel(only);
  EXPECT_TRUE(Begin("a", "y").value().joined);
  checks.Finish(std::move(*work), false);
  EXPECT_THAT(told, ElementsAre("y-"));
}

TEST_F(PasswordChecksTest, CloseEndsTheWaitingForWork) {
  ASSERT_TRUE(Begin("a").ok());
  checks.Close();
  EXPECT_FALSE(checks.Next().has_value());
  EXPECT_THAT(told, IsEmpty());
}

}  // namespace
}  // namespace weir::users
