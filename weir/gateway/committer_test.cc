// Goal: writes that wait together share one batch and one record a key, each with its own reply;
// nobody is told of a write before the cache shows it; a failure is told as what it is.
// Method: a whole gateway over a scripted store on one thread; records, batches and replies are
// looked at between any two steps.
#include "weir/gateway/committer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;

constexpr const char* kUnknownReply = "-UNKNOWN the outcome is not known";
constexpr const char* kRecoveringPrefix = "-ERR the database is recovering";

class CommitterTest : public testing::Test {
 protected:
  // Occupies the log, so that what is sent next gathers in one batch.
  void Occupy() { rig_.SendAndHandOn(other_, {"SET", "other", "v"}); }
  void Release() {
    rig_.Complete(Kind::kApply);
    rig_.Deliver();
  }
  void ExpectGoodCalls() { EXPECT_THAT(rig_.store().problems(), IsEmpty()); }
  void TearDown() override {
    rig_.RunAll();
    ExpectGoodCalls();
  }

  GatewayRig rig_;
  size_t a_ = rig_.Connect();
  size_t b_ = rig_.Connect();
  size_t other_ = rig_.Connect();
};

TEST_F(CommitterTest, FiftyIncrementsOfOneKeyAreOneRecord) {
  Occupy();
  std::vector<size_t> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(rig_.Connect());
    rig_.SendAndHandOn(clients.back(), {"INCR", "n"});
  }
  rig_.RunAll();
  ASSERT_THAT(rig_.store().batches(), SizeIs(2));
  EXPECT_THAT(rig_.store().batches()[1].writes, SizeIs(1));
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(rig_.Replies(clients[static_cast<size_t>(i)]),
                ElementsAre(":" + std::to_string(i + 1)));
  }
}

TEST_F(CommitterTest, WritesThatFollowTheirRepliesShareTheNextBatch) {
  rig_.TellWhenIdle();
  rig_.SendAndHandOn(a_, {"SET", "a", "1"});
  rig_.SendAndHandOn(b_, {"SET", "b", "1"});  // Waits: a is in the store.
  Release();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre("+OK"));
  EXPECT_THAT(rig_.store().batches(), SizeIs(1)) << "a may write again";
  rig_.SendAndHandOn(a_, {"SET", "a", "2"});
  EXPECT_THAT(rig_.store().batches(), SizeIs(1));
  rig_.gateway().OnHomeIdle();
  ASSERT_THAT(rig_.store().batches(), SizeIs(2));
  EXPECT_THAT(rig_.store().batches()[1].writes, SizeIs(2));
  Release();
  rig_.gateway().OnHomeIdle();
  // Nobody wrote: the log is free, and the next write goes at once.
  rig_.SendAndHandOn(a_, {"SET", "a", "3"});
  EXPECT_THAT(rig_.store().batches(), SizeIs(3));
  Release();
  rig_.gateway().OnHomeIdle();
}

TEST_F(CommitterTest, AHomeThatNeverTellsIsMadeUpForByTheTick) {
  rig_.TellWhenIdle();
  rig_.SendAndHandOn(a_, {"SET", "a", "1"});
  rig_.SendAndHandOn(b_, {"SET", "b", "1"});
  Release();
  rig_.gateway().Tick();
  EXPECT_THAT(rig_.store().batches(), SizeIs(2));
  Release();
  rig_.gateway().OnHomeIdle();
}

TEST_F(CommitterTest, AfterALargeBatchNothingIsWaitedFor) {
  for (const size_t writes :
       {Committer::kGatherAfterWritesMax, Committer::kGatherAfterWritesMax + 1}) {
    GatewayRig rig;
    rig.TellWhenIdle();
    const size_t client = rig.Connect();
    const size_t other = rig.Connect();
    rig.SendAndHandOn(other, {"SET", "other", "v"});
    for (size_t i = 0; i < writes; ++i) {
      rig.SendAndHandOn(client, {"SET", std::to_string(i), "v"});
    }
    rig.Complete(Kind::kApply);
    rig.Deliver();
    rig.gateway().OnHomeIdle();
    rig.SendAndHandOn(other, {"SET", "other", "w"});
    rig.Complete(Kind::kApply);
    rig.Deliver();
    const bool waits = writes <= Committer::kGatherAfterWritesMax;
    EXPECT_THAT(rig.store().batches(), SizeIs(waits ? 2 : 3));
    rig.gateway().OnHomeIdle();
    rig.RunAll();
    rig.gateway().OnHomeIdle();
  }
}

TEST_F(CommitterTest, NoReplyComesBeforeTheCacheShowsTheValue) {
  rig_.SendAndHandOn(a_, {"SET", "k", "1"});
  rig_.store().Perform(rig_.First(Kind::kApply));
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a_), IsEmpty()) << "durable, but not reported";
  rig_.store().Answer(rig_.First(Kind::kApply));
  // The reply is on its way; whoever asks now hits the new value.
  rig_.Send(b_, {"GET", "k"});
  EXPECT_THAT(rig_.Replies(b_), ElementsAre("1"));
  EXPECT_THAT(rig_.Replies(a_), IsEmpty());
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre("+OK"));
}

TEST_F(CommitterTest, TheStoreCountsDeletesOfKeysThatAreNotInMemory) {
  rig_.store().Preload(rig_.StoreKey("there"), {Bytes::Copy("v"), kNever, 1});
  rig_.store().Preload(rig_.StoreKey("over"), {Bytes::Copy("v"), {1}, 1});
  EXPECT_EQ(rig_.Do(a_, {"DEL", "there", "absent", "over", "there"}), ":1");
  EXPECT_EQ(rig_.store().calls(Kind::kLoad), 0u) << "no base is needed for that";
}

TEST_F(CommitterTest, ASecondDeleteInTheBatchFindsNothing) {
  rig_.store().Preload(rig_.StoreKey("k"), {Bytes::Copy("v"), kNever, 1});
  Occupy();
  rig_.SendAndHandOn(a_, {"DEL", "k"});
  rig_.SendAndHandOn(b_, {"DEL", "k"});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre(":1"));
  EXPECT_THAT(rig_.Replies(b_), ElementsAre(":0"));
}

TEST_F(CommitterTest, SetAndDeleteInOneBatchLeaveNothing) {
  for (const bool known : {false, true}) {
    const std::string key = known ? "known" : "unknown";
    if (known) rig_.Do(a_, {"GET", key});
    Occupy();
    rig_.SendAndHandOn(a_, {"SET", key, "v"});
    rig_.SendAndHandOn(a_, {"DEL", key});
    rig_.RunAll();
    EXPECT_THAT(rig_.Replies(a_), ElementsAre("+OK", ":1"));
    EXPECT_EQ(rig_.Do(a_, {"GET", key}), "(nil)");
  }
  EXPECT_EQ(rig_.Do(a_, {"DBSIZE"}), ":1") << "only what Occupy wrote";
}

TEST_F(CommitterTest, TheBaseIsLoadedOnceForAllThatNeedIt) {
  rig_.store().Preload(rig_.StoreKey("n"), {Bytes::Copy("5"), kNever, 1});
  rig_.store().Preload(rig_.StoreKey("s"), {Bytes::Copy("ab"), kNever, 1});
  Occupy();
  rig_.Send(a_, {"INCR", "n"});
  rig_.Send(a_, {"APPEND", "s", "c"});
  rig_.Send(a_, {"INCR", "n"});
  rig_.Send(a_, {"SET", "s", "x", "GET"});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre(":6", ":3", ":7", "abc"));
  EXPECT_EQ(rig_.store().calls(Kind::kLoad), 1u);
}

TEST_F(CommitterTest, AWriteThatChangesNothingWritesNothing) {
  rig_.Do(a_, {"SET", "k", "v"});
  EXPECT_EQ(rig_.Do(a_, {"SET", "k", "w", "NX"}), "(nil)");
  EXPECT_EQ(rig_.Do(a_, {"PERSIST", "k"}), ":0");
  EXPECT_EQ(rig_.Do(a_, {"DEL", "absent"}), ":0");
  EXPECT_EQ(rig_.Do(a_, {"DEL", "absent"}), ":0") << "known to be absent by now";
  EXPECT_THAT(rig_.store().batches(), SizeIs(2));
}

TEST_F(CommitterTest, ABaseThatCannotBeLoadedFailsOnlyThoseThatNeedIt) {
  Occupy();
  rig_.Send(a_, {"SET", "k", "v"});
  rig_.Send(a_, {"INCR", "n"});
  rig_.Send(a_, {"DEL", "n"});
  rig_.HandOn();
  Release();
  rig_.Complete(Kind::kLoad, Outcome::kUnavailable);
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre("+OK", "-ERR disk full", ":0"));
}

TEST_F(CommitterTest, AnExpiredBaseCountsAsAbsent) {
  rig_.store().Preload(rig_.StoreKey("n"), {Bytes::Copy("5"), {1}, 1});
  rig_.store().Preload(rig_.StoreKey("m"), {Bytes::Copy("5"), {1}, 1});
  EXPECT_EQ(rig_.Do(a_, {"SET", "m", "v", "XX"}), "(nil)");
  EXPECT_EQ(rig_.Do(a_, {"INCR", "n"}), ":1");
  EXPECT_EQ(rig_.Do(a_, {"TTL", "n"}), ":-1") << "nor is its expiry inherited";
}

TEST_F(CommitterTest, RemovalsOfExpiredRecordsAlternateWithWrites) {
  for (int i = 0; i < 1100; ++i) {
    rig_.store().Preload(rig_.StoreKey("e" + std::to_string(i)), {Bytes::Copy("v"), {5}, 1});
  }
  rig_.Do(a_, {"SET", "e", "v", "PX", "1"});  // So that it looks again soon.
  rig_.Pass(std::chrono::milliseconds(Committer::kExpirePauseMs + 1));
  rig_.gateway().Tick();
  std::vector<Kind> order;
  for (int i = 0; i < 4; ++i) {
    rig_.SendAndHandOn(a_, {"SET", "k", std::to_string(i)});
    for (const auto id : rig_.store().held()) {
      if (!ScriptedStore::IsWrite(rig_.store().kind(id))) continue;
      order.push_back(rig_.store().kind(id));
      rig_.store().Complete(id);
    }
    rig_.Deliver();
  }
  EXPECT_THAT(order, ElementsAre(Kind::kExpire, Kind::kApply, Kind::kExpire, Kind::kApply));
  rig_.RunAll();
  EXPECT_EQ(rig_.gateway().database(0).committer().counters().expired, 1101u);
  EXPECT_EQ(rig_.Do(b_, {"DBSIZE"}), ":1");
}

class InDoubt : public CommitterTest, public testing::WithParamInterface<Outcome> {};
INSTANTIATE_TEST_SUITE_P(Outcomes, InDoubt,
                         testing::Values(Outcome::kUnknownApplied, Outcome::kUnknownLost,
                                         Outcome::kUnknownLate));

TEST_P(InDoubt, AWriteOfUnknownOutcomeIsResolvedAgainstTheStore) {
  rig_.Do(a_, {"SET", "k", "old"});
  rig_.Send(a_, {"SET", "k", "new"});
  rig_.Send(a_, {"SET", "k", "wrong", "NX"});
  rig_.Send(a_, {"INCR", "k"});
  rig_.SendAndHandOn(a_, {"SET", "k", "newer"});
  rig_.SendAndHandOn(b_, {"SET", "elsewhere", "v"});
  rig_.Complete(Kind::kApply, GetParam());
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a_), testing::AllOf(SizeIs(4), Each(kUnknownReply)))
      << "the error of INCR too, for it rests on a write that may not have been";
  EXPECT_THAT(rig_.Replies(b_), ElementsAre(StartsWith(kRecoveringPrefix)));

  rig_.SendAndHandOn(b_, {"SET", "elsewhere", "v"});
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(b_), ElementsAre(StartsWith(kRecoveringPrefix)));
  rig_.SendAndHandOn(b_, {"GET", "k"});
  EXPECT_THAT(rig_.Replies(b_), IsEmpty()) << "the old value must not be served from memory";
  rig_.Complete(Kind::kLoad);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(b_), ElementsAre("-ERR disk full"));

  rig_.Complete(Kind::kSettle, Outcome::kUnavailable);
  EXPECT_THAT(rig_.store().held(Kind::kSettle), IsEmpty()) << "it tries again at the next tick";
  rig_.gateway().Tick();
  rig_.Complete(Kind::kSettle);
  const std::string value = GetParam() == Outcome::kUnknownLost ? "old" : "newer";
  EXPECT_EQ(rig_.Do(b_, {"GET", "k"}), value);
  EXPECT_EQ(rig_.Do(b_, {"SET", "elsewhere", "v"}), "+OK");
  EXPECT_EQ(rig_.Do(b_, {"APPEND", "k", "!"}), ":" + std::to_string(value.size() + 1));
}

TEST_P(InDoubt, AFlushOfUnknownOutcomeRefusesTheWritesBehindIt) {
  rig_.Do(a_, {"SET", "k", "v"});
  rig_.SendAndHandOn(a_, {"FLUSHALL"});
  rig_.SendAndHandOn(b_, {"SET", "x", "v"});
  rig_.Complete(Kind::kClear, GetParam());
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre(kUnknownReply));
  EXPECT_THAT(rig_.Replies(b_), ElementsAre(StartsWith(kRecoveringPrefix)));
  rig_.RunAll();
  EXPECT_EQ(rig_.Do(b_, {"GET", "k"}), GetParam() == Outcome::kUnknownLost ? "v" : "(nil)");
}

TEST_P(InDoubt, ARemovalOfUnknownOutcomeRefusesTheWritesBehindIt) {
  rig_.Do(a_, {"SET", "k", "v", "PX", "1"});
  rig_.Pass(std::chrono::milliseconds(Committer::kExpirePauseMs + 1));
  rig_.gateway().Tick();
  rig_.SendAndHandOn(b_, {"SET", "x", "v"});
  rig_.Complete(Kind::kExpire, GetParam());
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(b_), ElementsAre(StartsWith(kRecoveringPrefix)));
  rig_.RunAll();
  EXPECT_EQ(rig_.Do(b_, {"SET", "k", "w", "NX"}), "+OK");
}

TEST_P(InDoubt, ItStopsWhileNothingIsSettled) {
  rig_.SendAndHandOn(a_, {"FLUSHALL"});
  rig_.SendAndHandOn(b_, {"SET", "x", "v"});
  rig_.Complete(Kind::kClear, GetParam());
  rig_.Complete(Kind::kSettle, Outcome::kUnavailable);
  rig_.gateway().database(0).committer().Stop();  // Returns: nothing waits for the settling.
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(b_), SizeIs(1));
}

TEST_F(CommitterTest, AFullDiskRefusesTheWriteAndReadsGoOn) {
  rig_.Do(a_, {"SET", "k", "old"});
  rig_.SendAndHandOn(a_, {"SET", "k", "new"});
  rig_.Complete(Kind::kApply, Outcome::kUnavailable);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre("-ERR disk full"));
  EXPECT_EQ(rig_.Do(b_, {"GET", "k"}), "old");
  EXPECT_EQ(rig_.Do(b_, {"SET", "k", "newer"}), "+OK") << "it recovers by itself";
}

TEST_F(CommitterTest, FlushallIsInOrderWithTheWrites) {
  rig_.SendAndHandOn(a_, {"SET", "before", "v"});
  rig_.SendAndHandOn(b_, {"FLUSHALL"});
  rig_.SendAndHandOn(a_, {"SET", "after", "v"});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(b_), ElementsAre("+OK"));
  EXPECT_EQ(rig_.Do(b_, {"MGET", "before", "after"}), "[(nil) v]");
  EXPECT_EQ(rig_.Do(b_, {"FLUSHALL", "sync"}), "+OK");
  EXPECT_EQ(rig_.Do(b_, {"DBSIZE"}), ":0");
  EXPECT_EQ(rig_.Do(b_, {"FLUSHALL", "nonsense"}), "-ERR syntax error");
}

TEST_F(CommitterTest, ABatchTakesAsManyWritesAsItsLimit) {
  for (const size_t extra : {0, 1}) {
    const size_t before = rig_.store().batches().size();
    Occupy();
    for (size_t i = 0; i < Committer::kBatchWritesMax + extra; ++i) {
      if (i % 1000 == 0) a_ = rig_.Connect();
      rig_.SendAndHandOn(a_, {"SET", "k" + std::to_string(i), "v"});
    }
    rig_.RunAll();
    EXPECT_EQ(rig_.store().batches().size(), before + 2 + extra);
  }
}

TEST_F(CommitterTest, ABatchTakesAsManyBytesAsItsLimit) {
  const size_t overhead = 3 * sizeof(std::string_view) + std::string("SETk").size();
  for (const size_t extra : {0, 1}) {
    const size_t before = rig_.store().batches().size();
    Occupy();
    rig_.SendAndHandOn(
        a_,
        {"SET", "k", std::string(rig_.gateway().memory().batch_bytes_max() / 2 - overhead, 'x')});
    rig_.SendAndHandOn(
        b_, {"SET", "l",
             std::string(rig_.gateway().memory().batch_bytes_max() / 2 - overhead + extra, 'x')});
    rig_.RunAll();
    EXPECT_EQ(rig_.store().batches().size(), before + 2 + extra);
  }
}

TEST_F(CommitterTest, ACommandThatNoBatchCanHoldFailsAlone) {
  // Less than the gateway was told, which refuses more by itself.
  rig_.store().limits_now.batch_writes_max = Committer::kBatchWritesMax;
  Words words = {"MSET"};
  for (size_t i = 0; i <= rig_.store().limits().batch_writes_max; ++i) {
    words.push_back("k" + std::to_string(i));
    words.push_back("v");
  }
  Occupy();
  rig_.SendAndHandOn(a_, {"SET", "a", "v"});
  rig_.SendAndHandOn(b_, words);
  rig_.SendAndHandOn(a_, {"SET", "a", "w"});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre("+OK", "+OK"));
  EXPECT_THAT(
      rig_.Replies(b_),
      ElementsAre(StartsWith("-OVERLOADED retry_after_ms=100 reason=limit : batch_writes ")));
}

std::vector<std::unique_ptr<WriteItem>> Writes(GatewayRig& rig, size_t count, size_t bytes) {
  // From a connection that is gone, so that nothing but the committer takes part.
  const std::string value(bytes, 'x');
  const std::vector<std::string_view> words = {"SET", "k", value};
  std::vector<std::unique_ptr<WriteItem>> items;
  for (size_t i = 0; i < count; ++i) {
    items.push_back(std::make_unique<WriteItem>());
    items.back()->origin = {&rig.home(), 1'000'000, i};
    items.back()->command = FindCommand("set");
    items.back()->args = OwnedArgs(Args(words));
  }
  return items;
}

TEST_F(CommitterTest, ItsQueueTakesAsManyWritesAsItsLimit) {
  Occupy();
  Committer& committer = rig_.gateway().database(0).committer();
  committer.Submit(Writes(rig_, WriteQueue::kWritesMax, 1));
  EXPECT_EQ(committer.counters().refused, 0u);
  rig_.SendAndHandOn(a_, {"SET", "k", "v"});
  rig_.SendAndHandOn(b_, {"FLUSHALL"});
  rig_.Deliver();
  constexpr const char* kFull = "-OVERLOADED retry_after_ms=1 shard=0 reason=concurrency : ";
  EXPECT_THAT(rig_.Replies(a_), ElementsAre(StartsWith(kFull)));
  EXPECT_THAT(rig_.Replies(b_), ElementsAre(StartsWith(kFull)));
  EXPECT_EQ(committer.counters().refused, 1u);
}

TEST_F(CommitterTest, ItsQueueTakesAsManyBytesAsItsLimit) {
  const size_t overhead = 3 * sizeof(std::string_view) + std::string("SETk").size();
  const size_t size = rig_.gateway().memory().queued_bytes_max() / 16 - overhead;
  Occupy();
  Committer& committer = rig_.gateway().database(0).committer();
  committer.Submit(Writes(rig_, 16, size));
  EXPECT_EQ(committer.counters().refused, 0u);
  committer.Submit(Writes(rig_, 1, 0));
  EXPECT_EQ(committer.counters().refused, 1u);
}

TEST_F(CommitterTest, AHoldComesBeforeWhatWaitsAndNoWriteBeginsUntilRelease) {
  Committer& committer = rig_.gateway().database(0).committer();
  bool held = false;
  Occupy();
  rig_.SendAndHandOn(a_, {"SET", "k", "1"});
  committer.SubmitHold([&](const Result<Ok>& result) { held = result.ok(); });
  EXPECT_FALSE(held) << "a write is under way";
  Release();
  EXPECT_TRUE(held);
  EXPECT_THAT(rig_.store().held(Kind::kApply), IsEmpty());
  rig_.SendAndHandOn(b_, {"SET", "k", "2"});
  rig_.gateway().Tick();
  rig_.RunAll();
  EXPECT_THAT(rig_.store().batches(), SizeIs(1));
  EXPECT_THAT(rig_.Replies(a_), IsEmpty());
  committer.Release();
  rig_.RunAll();
  EXPECT_THAT(rig_.store().batches(), SizeIs(2));
  EXPECT_THAT(rig_.Replies(b_), ElementsAre("+OK"));
}

TEST_F(CommitterTest, AHoldIsRefusedWhileAnOutcomeIsUnknown) {
  Committer& committer = rig_.gateway().database(0).committer();
  std::vector<std::string> refused;
  const auto held = [&](const Result<Ok>& result) {
    refused.push_back(result.ok() ? "held" : result.error().message);
  };
  Occupy();
  committer.SubmitHold(held);
  rig_.Complete(Kind::kApply, Outcome::kUnknownLost);
  committer.SubmitHold(held);
  EXPECT_THAT(refused, ElementsAre(StartsWith("the database is recovering"),
                                   StartsWith("the database is recovering")));
  rig_.RunAll();
}

TEST_F(CommitterTest, WhatAsksTheWholeStoreDuringRecoveryIsAnsweredAndTheConnectionGoesOn) {
  Occupy();
  rig_.Complete(Kind::kApply, Outcome::kUnknownLost);
  rig_.Deliver();
  rig_.SendAndHandOn(a_, {"SCAN", "0"});
  rig_.Complete(Kind::kScan, Outcome::kUnavailable);
  rig_.SendAndHandOn(b_, {"DBSIZE"});
  rig_.Complete(Kind::kCount, Outcome::kUnavailable);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre(StartsWith("-ERR ")));
  EXPECT_THAT(rig_.Replies(b_), ElementsAre(StartsWith("-ERR ")));
  rig_.RunAll();
  EXPECT_EQ(rig_.Do(a_, {"PING"}), "+PONG");
  EXPECT_EQ(rig_.Do(a_, {"SET", "k", "v"}), "+OK");
}

}  // namespace
}  // namespace weir::gateway
