// Goal: MULTI queues by Redis's rules; EXEC runs whole, in one place of its database's order, and
// only if no watched key was touched; its replies are those of its commands.
// Method: a whole gateway over scripted stores on one thread; each test is one interleaving.
#include "weir/gateway/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;

constexpr const char* kAborted = "-EXECABORT Transaction discarded because of previous errors.";

class TransactionTest : public testing::TestWithParam<bool> {
 protected:
  TransactionTest() : rig_(GetParam() ? GatewayRig::Options() : GatewayRig::WithoutCache()) {}
  void TearDown() override {
    rig_.RunAll();
    EXPECT_THAT(rig_.store().problems(), IsEmpty());
  }

  GatewayRig rig_;
  size_t a_ = rig_.Connect();
  size_t b_ = rig_.Connect();
};
INSTANTIATE_TEST_SUITE_P(CacheOnOff, TransactionTest, testing::Bool());

TEST_P(TransactionTest, QueuedCommandsRunInOrderAndAnswerTogether) {
  EXPECT_THAT(rig_.All(a_, {{"MULTI"},
                            {"SET", "k", "1"},
                            {"INCR", "k"},
                            {"GET", "k"},
                            {"PING"},
                            {"MGET", "k", "none"},
                            {"DEL", "k", "none"},
                            {"EXISTS", "k"},
                            {"EXEC"}}),
              ElementsAre("+OK", "+QUEUED", "+QUEUED", "+QUEUED", "+QUEUED", "+QUEUED", "+QUEUED",
                          "+QUEUED", "[+OK :2 2 +PONG [2 (nil)] :1 :0]"));
  EXPECT_EQ(rig_.Do(a_, {"GET", "k"}), "(nil)");
}

TEST_P(TransactionTest, ItIsOneBatchAndNothingComesBetween) {
  rig_.Do(b_, {"SET", "x", "1"});
  rig_.Do(b_, {"SET", "y", "1"});
  const size_t batches = rig_.store().batches().size();
  rig_.Send(a_, {"MULTI"});
  rig_.Send(a_, {"INCR", "x"});
  rig_.Send(a_, {"INCR", "y"});
  EXPECT_THAT(rig_.store().batches(), SizeIs(batches)) << "nothing runs before EXEC";
  rig_.SendAndHandOn(a_, {"EXEC"});
  while (rig_.store().held(Kind::kApply).empty()) rig_.Complete(Kind::kLoad);
  EXPECT_THAT(rig_.store().batches().back().writes, SizeIs(2));
  rig_.SendAndHandOn(b_, {"MGET", "x", "y"});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(b_), ElementsAre(testing::AnyOf("[1 1]", "[2 2]")));
  EXPECT_EQ(rig_.Do(b_, {"MGET", "x", "y"}), "[2 2]");
}

TEST_P(TransactionTest, AFailedCommandDoesNotStopTheOthers) {
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"},
                           {"SET", "k", "text"},
                           {"INCR", "k"},
                           {"SET", "k", "v", "EX", "0"},
                           {"GET", "k"},
                           {"EXEC"}}),
            "[+OK -ERR value is not an integer or out of range -ERR invalid expire time in 'set' "
            "command text]");
}

TEST_P(TransactionTest, WhatCannotBeQueuedAbortsIt) {
  const std::vector<Words> wrong = {{"NOPE"},
                                    {"SET", "k"},
                                    {"WATCH"},
                                    {"DISCARD", "x"},
                                    {"GET"},
                                    {"CLIENT"},
                                    {"MULTI", "x"},
                                    {"CLIENT", "NO-SUCH"},
                                    {"MSET", "a", "1", "b"}};
  for (const Words& words : wrong) {
    const auto replies = rig_.All(a_, {{"MULTI"}, words, {"SET", "k", "v"}, {"EXEC"}, {"EXEC"}});
    ASSERT_THAT(replies, SizeIs(5));
    EXPECT_THAT(replies[1], StartsWith("-ERR ")) << words[0];
    EXPECT_EQ(replies[2], "+QUEUED");
    EXPECT_EQ(replies[3], kAborted) << words[0];
    EXPECT_EQ(replies[4], "-ERR EXEC without MULTI");
  }
  EXPECT_EQ(rig_.Do(a_, {"EXISTS", "k"}), ":0");
}

TEST_P(TransactionTest, WhatIsOnlyMisplacedDoesNotAbortIt) {
  EXPECT_THAT(rig_.All(a_, {{"MULTI"}, {"MULTI"}, {"WATCH", "k"}, {"SET", "k", "v"}, {"EXEC"}}),
              ElementsAre("+OK", "-ERR MULTI calls can not be nested",
                          "-ERR WATCH inside MULTI is not allowed", "+QUEUED", "[+OK]"));
  EXPECT_THAT(rig_.All(a_, {{"DISCARD"}, {"EXEC"}, {"UNWATCH"}}),
              ElementsAre("-ERR DISCARD without MULTI", "-ERR EXEC without MULTI", "+OK"));
}

TEST_P(TransactionTest, AnExecThatIsRefusedItselfDiscards) {
  EXPECT_THAT(rig_.All(a_, {{"MULTI"}, {"SET", "k", "v"}, {"EXEC", "x"}, {"EXEC"}, {"GET", "k"}}),
              ElementsAre("+OK", "+QUEUED",
                          "-EXECABORT Transaction discarded because of: wrong number of arguments "
                          "for 'exec' command",
                          "-ERR EXEC without MULTI", "(nil)"));
}

TEST_P(TransactionTest, DiscardForgetsCommandsAndWatches) {
  EXPECT_EQ(rig_.Last(a_, {{"WATCH", "k"},
                           {"MULTI"},
                           {"SET", "k", "v"},
                           {"DISCARD"},
                           {"SET", "k", "w"},
                           {"MULTI"},
                           {"GET", "k"},
                           {"EXEC"}}),
            "[w]");
}

TEST_P(TransactionTest, AnEmptyOneAndOneWithoutKeysNeedNoDatabase) {
  EXPECT_THAT(rig_.All(a_, {{"MULTI"}, {"EXEC"}}), ElementsAre("+OK", "[]"));
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"PING"}, {"UNWATCH"}, {"ECHO", "x"}, {"EXEC"}}),
            "[+PONG +OK x]");
  EXPECT_EQ(rig_.store().calls(Kind::kApply), 0u);
}

TEST_P(TransactionTest, OneOfReadsAloneWritesNothing) {
  rig_.Do(a_, {"SET", "k", "v"});
  const uint64_t before = rig_.store().calls(Kind::kApply);
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"GET", "k"}, {"TTL", "k"}, {"EXEC"}}), "[v :-1]");
  EXPECT_EQ(rig_.store().calls(Kind::kApply), before);
}

TEST_P(TransactionTest, RepliesFollowTheProtocolSpokenAtTheirPlace) {
  EXPECT_THAT(rig_.Last(a_, {{"MULTI"},
                             {"CONFIG", "GET", "port"},
                             {"HELLO", "3"},
                             {"CONFIG", "GET", "port"},
                             {"EXEC"}}),
              testing::MatchesRegex("\\[\\[port 6390\\] \\{server .*\\} \\{port 6390\\}\\]"));
}

TEST_P(TransactionTest, ATouchedWatchedKeyMakesExecDoNothing) {
  for (const Words& touch : std::vector<Words>{{"SET", "k", "w"},
                                               {"SET", "k", "v"},
                                               {"DEL", "k"},
                                               {"EXPIRE", "k", "100"},
                                               {"APPEND", "k", ""},
                                               {"FLUSHALL"}}) {
    rig_.Do(b_, {"SET", "k", "v"});
    EXPECT_EQ(rig_.Do(a_, {"WATCH", "k"}), "+OK");
    rig_.Do(b_, touch);
    EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"SET", "done", "1"}, {"EXEC"}}), "(nil)") << touch[0];
    EXPECT_EQ(rig_.Do(a_, {"GET", "done"}), "(nil)");
    EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"PING"}, {"EXEC"}}), "[+PONG]") << "EXEC ends the watch";
  }
}

TEST_P(TransactionTest, AnUntouchedWatchedKeyLetsExecRun) {
  rig_.Do(b_, {"SET", "k", "v"});
  for (const Words& other : std::vector<Words>{{"GET", "k"},
                                               {"SET", "other", "v"},
                                               {"DEL", "none"},
                                               {"SET", "k", "w", "NX"},
                                               {"PERSIST", "k"}}) {
    rig_.Do(a_, {"WATCH", "k", "none"});
    rig_.Do(b_, other);
    EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"GET", "k"}, {"EXEC"}}), "[v]") << other[0];
  }
}

TEST_P(TransactionTest, AKeyThatAppearedOrWentCountsAsTouched) {
  rig_.Do(a_, {"WATCH", "k"});
  rig_.Do(b_, {"SET", "k", "v"});
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"EXEC"}}), "(nil)");
  rig_.Do(a_, {"WATCH", "k"});
  rig_.Do(b_, {"DEL", "k"});
  rig_.Do(b_, {"SET", "k", "v"});
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"EXEC"}}), "(nil)") << "the same value, but another write";
}

TEST_P(TransactionTest, AKeyThatExpiredSinceCountsAsTouched) {
  rig_.Do(b_, {"SET", "k", "v", "PX", "10"});
  rig_.Do(a_, {"WATCH", "k"});
  rig_.Pass(std::chrono::milliseconds(10));
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"PING"}, {"EXEC"}}), "(nil)");
  rig_.Do(a_, {"WATCH", "k"});
  rig_.Do(b_, {"DEL", "k"});
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"PING"}, {"EXEC"}}), "[+PONG]")
      << "it was over when watched";
}

TEST_P(TransactionTest, AWriteBeforeItInTheSameBatchCounts) {
  for (const char* first : {"SET", "INCR", "DEL"}) {
    rig_.Do(b_, {"SET", "k", "5"});
    rig_.Do(a_, {"WATCH", "k"});
    rig_.Send(a_, {"MULTI"});
    rig_.Send(a_, {"SET", "mark", first});
    rig_.RunAll();
    rig_.SendAndHandOn(b_, {"SET", "other", "v"});  // Occupies the log.
    rig_.SendAndHandOn(b_,
                       std::string(first) == "SET" ? Words{"SET", "k", "6"} : Words{first, "k"});
    rig_.SendAndHandOn(a_, {"EXEC"});
    rig_.SendAndHandOn(b_, {"INCR", "mark"});
    rig_.RunAll();
    EXPECT_EQ(rig_.Replies(a_).back(), "(nil)") << first;
    EXPECT_EQ(rig_.Replies(b_).back(), ":1") << "the SET of the transaction has not run";
    rig_.Do(b_, {"DEL", "mark"});
  }
}

TEST_P(TransactionTest, AWatchTakesItsTurnInThePipeline) {
  rig_.Do(b_, {"SET", "k", "5"});
  EXPECT_EQ(rig_.Last(a_, {{"SET", "k", "6"}, {"WATCH", "k"}, {"MULTI"}, {"INCR", "k"}, {"EXEC"}}),
            "[:7]")
      << "the write before it on its own connection is what it sees";
  EXPECT_EQ(rig_.Last(a_, {{"WATCH", "k"}, {"SET", "k", "6"}, {"MULTI"}, {"INCR", "k"}, {"EXEC"}}),
            "(nil)");
  EXPECT_EQ(
      rig_.Last(
          a_, {{"WATCH", "k"}, {"UNWATCH"}, {"SET", "k", "6"}, {"MULTI"}, {"INCR", "k"}, {"EXEC"}}),
      "[:7]");
}

TEST_P(TransactionTest, AKeyWatchedTwiceKeepsItsFirstState) {
  EXPECT_EQ(
      rig_.Last(a_, {{"WATCH", "k", "k"}, {"SET", "k", "1"}, {"WATCH", "k"}, {"MULTI"}, {"EXEC"}}),
      "(nil)");
}

TEST_P(TransactionTest, ResetDropsEverythingThatTheConnectionHasSaid) {
  EXPECT_THAT(
      rig_.All(a_, {{"HELLO", "3", "SETNAME", "me"},
                    {"WATCH", "k"},
                    {"MULTI"},
                    {"SET", "k", "v"},
                    {"RESET"},
                    {"EXEC"},
                    {"CLIENT", "GETNAME"},
                    {"SET", "k", "w"},
                    {"MULTI"},
                    {"CONFIG", "GET", "port"},
                    {"EXEC"}}),
      ElementsAre(StartsWith("{server"), "+OK", "+OK", "+QUEUED", "+RESET",
                  "-ERR EXEC without MULTI", "(nil)", "+OK", "+OK", "+QUEUED", "[[port 6390]]"));
  EXPECT_EQ(rig_.client(a_).session.protocol, resp::Protocol::kResp2);
}

TEST_P(TransactionTest, QuitInsideMultiEndsTheConnection) {
  EXPECT_THAT(rig_.All(a_, {{"MULTI"}, {"SET", "k", "v"}, {"QUIT"}}),
              ElementsAre("+OK", "+QUEUED", "+OK"));
  EXPECT_EQ(rig_.Do(b_, {"GET", "k"}), "(nil)");
}

TEST_P(TransactionTest, AConnectionThatGoesLeavesNothingBehind) {
  rig_.Send(a_, {"WATCH", "k"});
  rig_.Send(a_, {"MULTI"});
  rig_.Send(a_, {"SET", "k", "v"});
  rig_.Disconnect(a_);
  rig_.RunAll();
  EXPECT_EQ(rig_.Do(b_, {"GET", "k"}), "(nil)");
}

TEST_P(TransactionTest, FlushallAndDbsizeTakeTheirPlace) {
  rig_.Do(b_, {"MSET", "a", "1", "b", "2", "c", "3"});
  rig_.Do(b_, {"SET", "d", "1", "PX", "1"});
  rig_.Pass(std::chrono::milliseconds(1));
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"},
                           {"SET", "new", "1"},
                           {"DEL", "a"},
                           {"DBSIZE"},
                           {"FLUSHALL", "NOW"},
                           {"FLUSHALL"},
                           {"DBSIZE"},
                           {"GET", "b"},
                           {"INCR", "c"},
                           {"SET", "new", "2", "NX"},
                           {"DBSIZE"},
                           {"EXEC"}}),
            "[+OK :1 :3 -ERR syntax error +OK :0 (nil) :1 +OK :2]");
  EXPECT_EQ(rig_.Do(b_, {"MGET", "a", "b", "c", "new"}), "[(nil) (nil) 1 2]");
  EXPECT_EQ(rig_.Do(b_, {"DBSIZE"}), ":2");
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"FLUSHALL"}, {"EXEC"}}), "[+OK]");
  EXPECT_EQ(rig_.Do(b_, {"MGET", "c", "new"}), "[(nil) (nil)]");
  EXPECT_EQ(rig_.Do(b_, {"DBSIZE"}), ":0");
}

TEST_P(TransactionTest, OneWithFlushallHasItsBatchAlone) {
  rig_.Do(b_, {"SET", "k", "v"});
  rig_.SendAndHandOn(b_, {"SET", "other", "v"});
  rig_.SendAndHandOn(b_, {"DEL", "k"});
  rig_.Send(a_, {"MULTI"});
  rig_.Send(a_, {"FLUSHALL"});
  rig_.SendAndHandOn(a_, {"EXEC"});
  rig_.SendAndHandOn(b_, {"SET", "after", "v"});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre("+OK", "+QUEUED", "[+OK]"));
  EXPECT_THAT(rig_.Replies(b_), ElementsAre("+OK", ":1", "+OK"));
  EXPECT_EQ(rig_.Do(b_, {"MGET", "k", "other", "after"}), "[(nil) (nil) v]");
}

class TransactionFailures : public testing::TestWithParam<Outcome> {};
INSTANTIATE_TEST_SUITE_P(Outcomes, TransactionFailures,
                         testing::Values(Outcome::kUnavailable, Outcome::kUnknownApplied,
                                         Outcome::kUnknownLost, Outcome::kUnknownLate));

TEST_P(TransactionFailures, AFailedBatchIsOneErrorForTheWholeTransaction) {
  for (const bool clears : {false, true}) {
    GatewayRig rig;
    const size_t a = rig.Connect();
    rig.Do(a, {"MSET", "a", "1", "b", "1"});
    rig.Send(a, {"MULTI"});
    if (clears) rig.Send(a, {"FLUSHALL"});
    rig.Send(a, {"INCR", "a"});
    rig.Send(a, {"INCR", "b"});
    rig.Send(a, {"GET", "b"});
    rig.SendAndHandOn(a, {"EXEC"});
    if (clears) rig.Complete(Kind::kCount);
    rig.Complete(Kind::kApply, GetParam());
    rig.Deliver();
    const bool unknown = GetParam() != Outcome::kUnavailable;
    EXPECT_EQ(rig.Replies(a).back(),
              unknown ? "-UNKNOWN the outcome is not known" : "-ERR disk full");
    rig.gateway().Tick();
    rig.RunAll();
    const bool applied =
        GetParam() == Outcome::kUnknownApplied || GetParam() == Outcome::kUnknownLate;
    EXPECT_EQ(rig.Do(a, {"MGET", "a", "b"}), !applied ? "[1 1]" : (clears ? "[1 1]" : "[2 2]"));
    EXPECT_EQ(rig.Do(a, {"DBSIZE"}), ":2");
  }
}

TEST(TransactionLoads, ABaseThatCannotBeLoadedFailsTheWholeTransaction) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.store().Preload(rig.StoreKey("n"), {Bytes::Copy("7"), kNever, 1});
  rig.Send(a, {"MULTI"});
  rig.Send(a, {"SET", "k", "v"});
  rig.Send(a, {"INCR", "n"});
  rig.Send(a, {"EXEC"});
  rig.SendAndHandOn(a, {"APPEND", "k", "w"});
  rig.Complete(Kind::kLoad, Outcome::kUnavailable);
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a),
              ElementsAre("+OK", "+QUEUED", "+QUEUED", "-ERR disk full", "-ERR disk full"));
  EXPECT_EQ(rig.Do(a, {"MGET", "k", "n"}), "[(nil) 7]");
}

TEST(TransactionLoads, ACountThatFailsFailsTheTransaction) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.Do(a, {"SET", "k", "v"});
  rig.Send(a, {"MULTI"});
  rig.Send(a, {"FLUSHALL"});
  rig.SendAndHandOn(a, {"EXEC"});
  rig.Complete(Kind::kCount, Outcome::kUnavailable);
  rig.RunAll();
  EXPECT_EQ(rig.Replies(a).back(), "-ERR disk full");
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), "v");
}

TEST(TransactionLoads, AWatchThatFailsLeavesExecNothingToRelyOn) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.Send(a, {"WATCH", "k"});
  rig.Send(a, {"MULTI"});
  rig.Send(a, {"SET", "k", "v"});
  rig.SendAndHandOn(a, {"EXEC"});
  rig.Complete(Kind::kLoad, Outcome::kUnavailable);
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), ElementsAre("-ERR disk full", "+OK", "+QUEUED",
                                          HasSubstr("a WATCH before it failed")));
  rig.Send(a, {"MULTI"});
  rig.Send(a, {"GET", "k"});
  rig.Send(a, {"EXEC"});
  rig.RunAll();
  EXPECT_EQ(rig.Replies(a).back(), "[(nil)]");
}

}  // namespace
}  // namespace weir::gateway
