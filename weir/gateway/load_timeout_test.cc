// Goal: while the database fails, hangs or refuses, keys that have something stale are answered
// from it, within the times configured and not a moment longer; the rest hears an error in time;
// and a load that nobody waits for any more still fills the cache. Method: a whole gateway over a
// scripted store that others write to as well, on a clock that the test moves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;
using std::chrono::milliseconds;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int kTtl = 5000;
constexpr int kStale = 60'000;
constexpr int kSoft = 100;
constexpr int kHard = 2000;

class LoadTimeoutTest : public testing::Test {
 protected:
  LoadTimeoutTest() {
    Keyspace keyspace;
    keyspace.prefix = "s:";
    keyspace.cache_ttl = milliseconds(kTtl);
    keyspace.negative_ttl = milliseconds(kTtl);
    keyspace.stale_if_error = milliseconds(kStale);
    keyspace.load_soft_timeout = milliseconds(kSoft);
    keyspace.load_hard_timeout = milliseconds(kHard);
    Keyspace plain;
    plain.prefix = "p:";
    plain.cache_ttl = milliseconds(kTtl);
    GatewayRig::Options options;
    options.keyspaces = {keyspace, plain};
    rig_ = std::make_unique<GatewayRig>(options);
    a_ = rig_->Connect();
    for (const char* key : {"s:k", "s:l", "p:k"}) {
      WriteBehind(key, "old");
      EXPECT_EQ(rig_->Do(a_, {"GET", key}), "old");
      WriteBehind(key, "new");
    }
    Pass(kTtl);
  }
  void WriteBehind(const std::string& key, std::string_view value) {
    rig_->store().Preload(rig_->StoreKey(key), {Bytes::Copy(value), kNever, 1});
  }
  void Pass(int ms) {
    rig_->Pass(milliseconds(ms));
    rig_->RingAlarms();
  }
  void Fail() {
    for (const auto load : rig_->store().held(Kind::kLoad)) {
      rig_->store().Complete(load, Outcome::kUnavailable);
    }
    rig_->Deliver();
  }
  std::vector<std::string> Replies() { return rig_->Replies(a_); }
  void Send(const Words& words) { rig_->SendAndHandOn(a_, words); }
  size_t Loads() { return rig_->store().held(Kind::kLoad).size(); }
  const KeyspaceCounters& counters() {
    return *rig_->gateway().placement().FindKeyspace("s:")->counters;
  }

  std::unique_ptr<GatewayRig> rig_;
  size_t a_ = 0;
};

TEST_F(LoadTimeoutTest, ALoadThatFailsIsAnsweredFromWhatIsStale) {
  Send({"WEIR.GETX", "s:k"});
  EXPECT_THAT(Replies(), IsEmpty()) << "it waits for the database";
  Fail();
  EXPECT_THAT(Replies(), ElementsAre("[value old age :5000 ttl :0 state stale]"));
  EXPECT_EQ(counters().stale_if_error, 1U);
  Send({"MGET", "s:k", "s:l"});
  Fail();
  EXPECT_THAT(Replies(), ElementsAre("[old old]"));
}

TEST_F(LoadTimeoutTest, TheDatabaseDownForAMinuteIsNoErrorOfAKeyWithinItsTime) {
  for (int second = 0; second < kStale / 1000; ++second) {
    for (const Words& words : {Words{"GET", "s:k"}, Words{"EXISTS", "s:k"}, Words{"MGET", "s:l"},
                               Words{"STRLEN", "s:l"}, Words{"GET", "s:none"}}) {
      Send(words);
    }
    Fail();
    EXPECT_THAT(Replies(), ElementsAre("old", ":1", "[old]", ":3", StartsWith("-")));
    Pass(1000);
  }
  Send({"GET", "s:k"});
  Fail();
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("-"))) << "its time is over";
  Pass(1000);
  rig_->gateway().Tick();  // It is asked again.
  Send({"GET", "s:k"});
  rig_->RunAll();
  EXPECT_THAT(Replies(), ElementsAre("new")) << "the database is back";
}

TEST_F(LoadTimeoutTest, AKeyspaceWithoutItHearsTheError) {
  Send({"GET", "p:k"});
  Fail();
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("-")));
}

TEST_F(LoadTimeoutTest, ALoadThatTakesLongIsAnsweredFromWhatIsStaleAndFillsTheCache) {
  Send({"GET", "s:k"});
  Send({"MGET", "s:l", "s:k"});
  Pass(kSoft - 1);
  EXPECT_THAT(Replies(), IsEmpty());
  Pass(1);
  EXPECT_THAT(Replies(), ElementsAre("old", "[old old]"));
  EXPECT_EQ(counters().soft_timeouts, 3U);
  ASSERT_GT(Loads(), 0U) << "they go on";
  rig_->RunAll();
  EXPECT_THAT(Replies(), IsEmpty());
  Send({"WEIR.GETX", "s:k"});
  EXPECT_THAT(Replies(), ElementsAre("[value new age :100 ttl :4900 state fresh]"));
}

TEST_F(LoadTimeoutTest, ALoadThatIsInTimeIsTaken) {
  Send({"GET", "s:k"});
  Pass(kSoft - 1);
  rig_->RunAll();
  EXPECT_THAT(Replies(), ElementsAre("new"));
  Pass(1);
  Pass(kHard);
  EXPECT_THAT(Replies(), IsEmpty());
}

TEST_F(LoadTimeoutTest, WhatHasNothingStaleWaitsForTheHardTimeoutAndHearsAnError) {
  Send({"GET", "s:none"});
  Pass(kHard - 1);
  EXPECT_THAT(Replies(), IsEmpty());
  Pass(1);
  EXPECT_THAT(Replies(),
              ElementsAre(StartsWith("-OVERLOADED retry_after_ms=100 shard=0 reason=timeout : ")));
  EXPECT_EQ(counters().hard_timeouts, 1U);
  WriteBehind("s:none", "now");
  rig_->RunAll();
  EXPECT_THAT(Replies(), IsEmpty()) << "the late answer is nobody's";
  Send({"GET", "s:none"});
  EXPECT_THAT(Replies(), ElementsAre("now")) << "but it is cached";
}

TEST_F(LoadTimeoutTest, RepliesKeepTheirOrder) {
  Send({"GET", "p:none"});
  Send({"GET", "s:k"});
  Send({"GET", "s:none"});
  Pass(kHard);
  EXPECT_THAT(Replies(), IsEmpty()) << "the first one has no limit";
  rig_->Complete(Kind::kLoad);
  rig_->Deliver();
  EXPECT_THAT(Replies(), ElementsAre("(nil)", "old", StartsWith("-OVERLOADED")));
}

TEST_F(LoadTimeoutTest, AStaleValueThatAWriteOvertakesInItsTurnIsNotAnswered) {
  const size_t b = rig_->Connect();
  Send({"GET", "p:none"});
  const auto first = rig_->First(Kind::kLoad);
  Send({"GET", "s:k"});
  Pass(kSoft);
  EXPECT_THAT(Replies(), IsEmpty()) << "what came before it is still under way";
  rig_->SendAndHandOn(b, {"SET", "s:k", "mine"});
  rig_->Complete(Kind::kApply);
  rig_->Deliver();
  EXPECT_THAT(rig_->Replies(b), ElementsAre("+OK"));
  rig_->store().Complete(first);
  rig_->Deliver();
  EXPECT_THAT(Replies(), ElementsAre("(nil)", "mine"));
}

TEST_F(LoadTimeoutTest, ALateLoadIsNotTakenForTheOneThatFollowedIt) {
  const size_t b = rig_->Connect();
  Send({"GET", "p:none"});
  const auto first = rig_->First(Kind::kLoad);
  rig_->store().Perform(first);
  Send({"GET", "s:k"});
  const auto late = rig_->store().last_call();
  rig_->store().Perform(late);  // It has seen "new".
  Pass(kSoft);                  // The stale value is taken, for its turn.
  rig_->SendAndHandOn(b, {"SET", "s:k", "mine"});
  rig_->Complete(Kind::kApply, Outcome::kUnknownApplied);
  rig_->Deliver();
  EXPECT_THAT(rig_->Replies(b), ElementsAre(StartsWith("-UNKNOWN")));
  rig_->store().Answer(first);
  rig_->Deliver();
  EXPECT_THAT(Replies(), ElementsAre("(nil)")) << "in doubt, so it is loaded again";
  rig_->store().Answer(late);
  rig_->Deliver();
  EXPECT_THAT(Replies(), IsEmpty());
  rig_->RunAll();
  rig_->gateway().Tick();
  rig_->RunAll();
  EXPECT_THAT(Replies(), Each(testing::AnyOf("mine", StartsWith("-"))));
}

TEST_F(LoadTimeoutTest, AKeyInDoubtHearsAnErrorAndNothingStale) {
  Send({"SET", "s:k", "mine"});
  rig_->Complete(Kind::kApply, Outcome::kUnknownLate);
  rig_->Deliver();
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("-UNKNOWN")));
  Send({"GET", "s:k"});
  Pass(kSoft);
  EXPECT_THAT(Replies(), IsEmpty());
  Fail();
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("-")));
  Send({"GET", "s:l"});
  Fail();
  EXPECT_THAT(Replies(), ElementsAre("old")) << "other keys are not concerned";
}

TEST_F(LoadTimeoutTest, ARecordThatHasExpiredIsNotStale) {
  Send({"SET", "s:k", "mine", "PX", std::to_string(kTtl + 500)});
  rig_->RunAll();
  Pass(kTtl + 499);
  Send({"GET", "s:k"});
  Fail();
  EXPECT_THAT(Replies(), ElementsAre("+OK", "mine"));
  Pass(1);
  Send({"GET", "s:k"});
  Fail();
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("-")));
}

TEST_F(LoadTimeoutTest, AConnectionMayGoWhileItWaits) {
  Send({"GET", "s:k"});
  rig_->Disconnect(a_);
  Pass(kSoft);
  rig_->RunAll();
  a_ = rig_->Connect();
  Send({"GET", "s:k"});
  EXPECT_THAT(Replies(), ElementsAre("new"));
}

TEST_F(LoadTimeoutTest, AConnectionHasOneAlarmHoweverOftenItsDeadlinesChange) {
  for (int i = 0; i < 100; ++i) {
    Send({"GET", "s:none" + std::to_string(i)});
    rig_->Pass(milliseconds(1));
    EXPECT_LE(rig_->alarms(), 1U);
  }
  rig_->Disconnect(a_);
  EXPECT_EQ(rig_->alarms(), 0U) << "nor is one left of who has gone";
  a_ = rig_->Connect();
}

TEST_F(LoadTimeoutTest, NoAlarmIsLeftOnceNobodyWaits) {
  for (int i = 0; i < 100; ++i) {
    Send({"GET", "s:none" + std::to_string(i)});
    rig_->RunAll();
  }
  Pass(kHard);
  Pass(kHard);
  EXPECT_EQ(rig_->next_alarm(), std::nullopt);
}

}  // namespace
}  // namespace weir::gateway
