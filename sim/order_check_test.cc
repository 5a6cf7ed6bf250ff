// Goal: the search finds an order where there is one, and none where there is none.
// Method: short histories by hand, each with one thing wrong, and its right twin.
#include "sim/order_check.h"

#include <deque>

#include <gtest/gtest.h>

namespace weir::sim {
namespace {

using Kind = resp::Value::Kind;

resp::Value Ok() {
  return {.kind = Kind::kSimple, .text = "OK"};
}
resp::Value Bulk(std::string text) {
  return {.kind = Kind::kBulk, .text = std::move(text)};
}
resp::Value Int(int64_t integer) {
  return {.kind = Kind::kInteger, .integer = integer};
}
resp::Value Null() {
  return {};
}
resp::Value Unknown() {
  return {.kind = Kind::kError, .text = "UNKNOWN whether it was applied"};
}
resp::Value Array(std::vector<resp::Value> items) {
  return {.kind = Kind::kArray, .items = std::move(items)};
}

// Keys a, b and c, in one database.
class OrderCheckTest : public testing::Test {
 protected:
  static Step StepOf(const Words& words) {
    Step step;
    step.words = words;
    step.rule = FindRule(words[0]);
    const Rule::Keys keys = step.rule != nullptr ? step.rule->keys : Rule::Keys{1, 1, Rule::kAll};
    for (const size_t place : keys.In(words.size())) {
      step.keys.push_back(static_cast<uint32_t>(words[place][0] - 'a'));
    }
    return step;
  }
  Op& Add(uint32_t session, Stamp begin, Stamp end, const Words& words, resp::Value reply) {
    Op& op = ops_.emplace_back();
    op.session = session;
    op.begin = begin;
    op.end = end;
    op.begin_ms = now_ms_;
    op.end_ms = now_ms_;
    op.answered = true;
    op.reply = std::move(reply);
    op.steps = {StepOf(words)};
    return op;
  }
  Op& AddExec(uint32_t session, Stamp begin, Stamp end, const std::vector<Words>& steps,
              resp::Value reply) {
    Op& op = Add(session, begin, end, {"PING"}, std::move(reply));
    op.kind = Op::Kind::kExec;
    op.steps.clear();
    for (const Words& words : steps) op.steps.push_back(StepOf(words));
    return op;
  }
  bool Explained() {
    OrderCheck check(std::vector<Cell>(3), {0, 0, 0}, 4);
    for (const Op& op : ops_) check.Add(&op);
    return check.Explain().empty();
  }

  int64_t now_ms_ = 1000;
  std::deque<Op> ops_;
};

TEST_F(OrderCheckTest, AReadMaySeeAWriteThatIsUnderWayOrNot) {
  Add(0, 1, 10, {"SET", "a", "1"}, Ok());
  Add(1, 2, 3, {"GET", "a"}, Null());
  Add(1, 4, 5, {"GET", "a"}, Bulk("1"));
  EXPECT_TRUE(Explained());
}

TEST_F(OrderCheckTest, AValueOnceSeenDoesNotGoBack) {
  Add(0, 1, 10, {"SET", "a", "1"}, Ok());
  Add(1, 2, 3, {"GET", "a"}, Bulk("1"));
  Add(2, 4, 5, {"GET", "a"}, Null());
  EXPECT_FALSE(Explained());
}

TEST_F(OrderCheckTest, AnAcknowledgedWriteIsNotLost) {
  Add(0, 1, 2, {"INCR", "a"}, Int(1));
  Add(1, 3, 4, {"INCR", "a"}, Int(1));
  EXPECT_FALSE(Explained());
}

TEST_F(OrderCheckTest, APipelineIsInOrderAcrossKeys) {
  Add(0, 1, 10, {"SET", "a", "1"}, Ok());
  Add(0, 2, 11, {"SET", "b", "1"}, Ok());
  Add(1, 3, 4, {"GET", "b"}, Bulk("1"));
  Add(1, 5, 6, {"GET", "a"}, Null());
  EXPECT_FALSE(Explained());
}

// As in Redis: an EXEC that is refused ends what is watched, whether or not MULTI was sent.
TEST_F(OrderCheckTest, ARefusedExecOutsideOfATransactionEndsItsWatches) {
  Add(0, 1, 2, {"WATCH", "a"}, Ok()).kind = Op::Kind::kWatch;
  Op& stray =
      Add(0, 3, 4, {"EXEC"}, {.kind = Kind::kError, .text = "EXECABORT Transaction discarded"});
  stray.kind = Op::Kind::kOther;
  Add(1, 5, 6, {"SET", "a", "1"}, Ok());
  AddExec(0, 7, 8, {{"GET", "a"}}, Array({Bulk("1")}));
  EXPECT_TRUE(Explained());
}

TEST_F(OrderCheckTest, WhatHasNothingToDoWithADeadEndIsNotTriedInOtherPlaces) {
  constexpr uint32_t kWriters = 12;
  for (uint32_t i = 0; i < kWriters; ++i) Add(i, 1, 100, {"APPEND", "a", "x"}, Int(i + 1));
  Add(kWriters, 1, 2, {"INCR", "b"}, Int(1));
  Add(kWriters, 3, 4, {"INCR", "b"}, Int(1));
  OrderCheck check(std::vector<Cell>(3), {0, 0, 0}, kWriters + 1);
  for (const Op& op : ops_) check.Add(&op);
  EXPECT_NE(check.Explain(), "");
  EXPECT_LT(check.states(), 50) << "there are 12 orders of as many prefixes";
}

TEST_F(OrderCheckTest, SeveralKeysAreOneStep) {
  Add(0, 1, 10, {"MSET", "a", "1", "b", "1"}, Ok());
  Add(1, 2, 3, {"MGET", "a", "b"}, Array({Bulk("1"), Null()}));
  EXPECT_FALSE(Explained());
}

TEST_F(OrderCheckTest, TheUnknownMayHappenLateOrNever) {
  Add(0, 1, 2, {"SET", "a", "1"}, Unknown());
  Add(1, 3, 4, {"GET", "a"}, Null());
  Add(1, 5, 6, {"SETRANGE", "b", "1", "x"}, Int(2));
  Add(1, 7, 8, {"GET", "a"}, Bulk("1"));
  Add(1, 9, 10, {"GET", "c"}, Null());
  EXPECT_TRUE(Explained());
}

TEST_F(OrderCheckTest, TheUnknownHappensOnceOnly) {
  Add(0, 1, 2, {"INCR", "a"}, Unknown());
  Add(1, 3, 4, {"INCR", "a"}, Int(3));
  EXPECT_FALSE(Explained());
}

TEST_F(OrderCheckTest, TheUnknownIsFoundWhereNoReplyWaitsForIt) {
  Add(0, 1, 2, {"SET", "a", "v200"}, Unknown());
  Add(1, 3, 4, {"SETRANGE", "a", "3", "7"}, Int(4));  // As long without the SET.
  Add(1, 5, 6, {"GET", "a"}, Bulk("v207"));
  EXPECT_TRUE(Explained());
}

TEST_F(OrderCheckTest, NothingComesBetweenTheStepsOfATransaction) {
  AddExec(0, 1, 10, {{"SET", "a", "1"}, {"SET", "b", "1"}}, Array({Ok(), Ok()}));
  Add(1, 2, 3, {"GET", "a"}, Bulk("1"));
  Add(1, 4, 5, {"GET", "b"}, Null());
  EXPECT_FALSE(Explained());
}

TEST_F(OrderCheckTest, AWatchedKeyThatWasWrittenKeepsATransactionFromRunning) {
  Add(0, 1, 2, {"WATCH", "a"}, Ok()).kind = Op::Kind::kWatch;
  Add(1, 3, 4, {"SET", "a", "1"}, Ok());
  AddExec(0, 5, 6, {{"SET", "a", "2"}}, Array({Ok()}));
  EXPECT_FALSE(Explained());
  ops_.back().reply = Null();
  EXPECT_TRUE(Explained());
}

TEST_F(OrderCheckTest, AKeyEndsToTheMillisecond) {
  Add(0, 1, 2, {"SET", "a", "1", "PXAT", "1010"}, Ok());
  now_ms_ = 1009;
  Add(0, 3, 4, {"GET", "a"}, Bulk("1"));
  EXPECT_TRUE(Explained());
  now_ms_ = 1010;
  Add(0, 5, 6, {"GET", "a"}, Bulk("1"));
  EXPECT_FALSE(Explained());
}

// The clock jumps over it while the command is under way.
TEST_F(OrderCheckTest, ATimeThatIsNamedInSecondsMayPassMeanwhile) {
  Add(0, 1, 2, {"SET", "a", "1"}, Ok());
  Add(0, 3, 6, {"EXPIREAT", "a", "2"}, Int(1)).end_ms = 6000;
  now_ms_ = 6000;
  Add(1, 4, 5, {"GET", "a"}, Null());
  EXPECT_TRUE(Explained());
  now_ms_ = 1000;
  Add(1, 7, 8, {"SET", "b", "1"}, Ok());
  Add(1, 9, 12, {"SET", "b", "2", "EXAT", "2"}, Ok()).end_ms = 6000;
  Add(2, 10, 11, {"GET", "b"}, Null()).begin_ms = 3000;
  ops_.back().end_ms = 3000;
  EXPECT_TRUE(Explained());
}

// Its clock says nothing of the keys that it names.
TEST_F(OrderCheckTest, ATransactionThatWasRefusedHasSeenNoKeyEnd) {
  Add(0, 1, 2, {"SET", "a", "1", "PXAT", "1010"}, Ok());
  Add(0, 3, 10, {"SET", "c", "1"}, Ok()).end_ms = 1020;
  Add(0, 4, 11, {"SETNX", "a", "2"}, Int(0)).end_ms = 1020;
  now_ms_ = 1012;
  AddExec(1, 5, 6, {{"GET", "a"}},
          {.kind = Kind::kError, .text = "OVERLOADED retry_after_ms=1 reason=queue : "});
  Add(1, 7, 8, {"GET", "c"}, Null());
  EXPECT_TRUE(Explained());
}

// What came behind it on the connection may have run.
TEST_F(OrderCheckTest, ATransactionThatWasNotAnsweredEndsItsWatchesAllTheSame) {
  Add(0, 1, 2, {"WATCH", "a"}, Ok()).kind = Op::Kind::kWatch;
  Add(1, 3, 4, {"SET", "a", "1"}, Ok());
  AddExec(0, 5, kNoStamp, {}, Null()).answered = false;
  AddExec(0, 6, kNoStamp, {{"SET", "a", "2"}}, Null()).answered = false;
  Add(1, 7, 8, {"GET", "a"}, Bulk("2"));
  EXPECT_TRUE(Explained());
}

}  // namespace
}  // namespace weir::sim
