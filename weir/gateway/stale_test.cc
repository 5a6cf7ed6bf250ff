// Goal: one read refreshes and all others are answered from memory; what is stale is answered for
// as long as configured and not longer; a write through weir, a doubt and an invalidation win over
// it. Method: a whole gateway over a scripted store that others write to as well, on a clock that
// the test moves; the limits of each time at and past.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;
using std::chrono::milliseconds;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Fresh for a second, refreshed in the last 200 ms of it, stale for half a second.
Keyspace Refreshing() {
  Keyspace keyspace;
  keyspace.cache_ttl = milliseconds(1000);
  keyspace.negative_ttl = milliseconds(1000);
  keyspace.refresh_ahead_percent = 80;
  keyspace.stale_while_revalidate = milliseconds(500);
  return keyspace;
}

class StaleTest : public testing::Test {
 protected:
  StaleTest() : StaleTest(Refreshing()) {}
  explicit StaleTest(const Keyspace& keyspace) {
    GatewayRig::Options options;
    options.keyspaces = {keyspace};
    rig_ = std::make_unique<GatewayRig>(options);
    a_ = rig_->Connect();
    b_ = rig_->Connect();
    WriteBehind("k", "old");
    EXPECT_EQ(Do({"GET", "k"}), "old");
    WriteBehind("k", "new");
  }
  void WriteBehind(const std::string& key, std::string_view value) {
    rig_->store().Preload(rig_->StoreKey(key), {Bytes::Copy(value), kNever, 1});
  }
  std::string Do(const Words& words) { return rig_->Do(a_, words); }
  // What is answered without waiting for the store, or "".
  std::string AtOnce(const Words& words) {
    rig_->SendAndHandOn(b_, words);
    const std::vector<std::string> replies = rig_->Replies(b_);
    return replies.empty() ? "" : replies[0];
  }
  size_t Loads() { return rig_->store().held(Kind::kLoad).size(); }
  const KeyspaceCounters& counters() {
    return *rig_->gateway().placement().FindKeyspace("")->counters;
  }
  void Pass(int ms) { rig_->Pass(milliseconds(ms)); }

  std::unique_ptr<GatewayRig> rig_;
  size_t a_ = 0;
  size_t b_ = 0;
};

TEST_F(StaleTest, TheFirstReadOfTheLastPartBeginsALoadAndAllAreAnsweredFromMemory) {
  Pass(799);
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value old age :799 ttl :201 state fresh]");
  EXPECT_EQ(Loads(), 0U);
  Pass(1);
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value old age :800 ttl :200 state refreshing]");
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value old age :800 ttl :200 state fresh]");
  EXPECT_EQ(AtOnce({"GET", "k"}), "old");
  EXPECT_EQ(Loads(), 1U);
  rig_->RunAll();
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value new age :0 ttl :1000 state fresh]");
  EXPECT_EQ(counters().refreshes, 1U);
}

TEST_F(StaleTest, OneOfAThousandReadersRefreshesWhateverTheyAsk) {
  for (const int pass : {800, 1200, 1499}) {
    Pass(pass);
    for (size_t i = 0; i < 1000; ++i) {
      const size_t reader = rig_->Connect();
      rig_->Send(reader, i % 2 == 0 ? Words{"GET", "k"} : Words{"MGET", "k", "k"});
      EXPECT_THAT(rig_->Replies(reader), testing::SizeIs(1)) << "answered at once";
      rig_->Disconnect(reader);
    }
    rig_->HandOn();
    EXPECT_EQ(Loads(), 1U);
    rig_->RunAll();
  }
  EXPECT_EQ(counters().refreshes, 3U);
}

TEST_F(StaleTest, AStaleValueIsAnsweredWhileItIsLoadedAndNoLonger) {
  Pass(1000);
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value old age :1000 ttl :0 state revalidating]");
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value old age :1000 ttl :0 state stale]");
  Pass(499);
  EXPECT_EQ(AtOnce({"GET", "k"}), "old");
  EXPECT_EQ(Loads(), 1U);
  EXPECT_EQ(counters().stale_while_revalidate, 3U);
  Pass(1);
  EXPECT_EQ(AtOnce({"GET", "k"}), "") << "it joins the load";
  EXPECT_EQ(Loads(), 1U);
  rig_->RunAll();
  EXPECT_THAT(rig_->Replies(b_), ElementsAre("new"));
}

TEST_F(StaleTest, AReadThatWaitsItsTurnCountsOnceAndSaysThatItBeganTheLoad) {
  for (const bool fresh : {true, false}) {
    Pass(fresh ? 900 : 1200);
    const uint64_t stale = counters().stale_while_revalidate;
    rig_->SendAndHandOn(b_, {"GET", fresh ? "miss" : "another"});
    rig_->SendAndHandOn(b_, {"WEIR.GETX", "k"});
    ASSERT_EQ(Loads(), 2U);
    rig_->Complete(Kind::kLoad);  // Of the key that is missing.
    rig_->Deliver();
    EXPECT_THAT(rig_->Replies(b_),
                ElementsAre("(nil)", fresh ? "[value old age :900 ttl :100 state refreshing]"
                                           : "[value new age :1200 ttl :0 state revalidating]"));
    EXPECT_EQ(counters().stale_while_revalidate, stale + (fresh ? 0 : 1));
    rig_->RunAll();
  }
}

TEST_F(StaleTest, AbsenceIsRefreshedAndStaleToo) {
  EXPECT_EQ(Do({"GET", "none"}), "(nil)");
  WriteBehind("none", "now");
  Pass(1499);
  EXPECT_EQ(AtOnce({"WEIR.GETX", "none"}), "[value (nil) age :1499 ttl :0 state revalidating]");
  rig_->RunAll();
  EXPECT_EQ(AtOnce({"GET", "none"}), "now");
}

TEST_F(StaleTest, WhatWaitsBehindAMissTakesStaleValuesInItsTurn) {
  Pass(1000);
  const auto replies = rig_->All(a_, {{"GET", "miss"}, {"GET", "k"}, {"MGET", "miss", "k"}});
  EXPECT_EQ(replies[0], "(nil)");
  EXPECT_THAT(replies[1], testing::AnyOf("old", "new"));
  EXPECT_EQ(rig_->store().calls(Kind::kScan), 0U);
}

TEST_F(StaleTest, AnAcknowledgedWriteIsNeverFollowedByAnOlderValue) {
  Pass(1000);
  EXPECT_EQ(AtOnce({"GET", "k"}), "old");
  const auto refresh = rig_->First(Kind::kLoad);
  rig_->store().Perform(refresh);  // It has seen "new", which is older than what comes.
  EXPECT_EQ(Do({"SET", "k", "mine"}), "+OK");
  for (const int pass : {0, 799, 200, 499}) {  // Fresh, to be refreshed, stale.
    Pass(pass);
    EXPECT_EQ(AtOnce({"GET", "k"}), "mine");
  }
}

TEST_F(StaleTest, AKeyInDoubtIsNeverAnsweredStale) {
  Pass(1000);
  EXPECT_EQ(AtOnce({"GET", "k"}), "old");
  rig_->RunAll();
  rig_->SendAndHandOn(a_, {"SET", "k", "mine"});
  rig_->Complete(Kind::kApply, Outcome::kUnknownLate);
  rig_->Deliver();
  EXPECT_THAT(rig_->Replies(a_), ElementsAre(StartsWith("-UNKNOWN")));
  for (const int pass : {0, 800, 200}) {
    Pass(pass);
    EXPECT_EQ(AtOnce({"GET", "k"}), "") << "it asks the database";
    EXPECT_EQ(AtOnce({"MGET", "k", "k"}), "");
  }
  rig_->RunAll();
  EXPECT_THAT(rig_->Replies(b_), Each(testing::Not(HasSubstr("old"))));
}

TEST_F(StaleTest, AWriteBuildsOnTheDatabaseAndNotOnWhatIsStale) {
  WriteBehind("n", "1");
  EXPECT_EQ(Do({"GET", "n"}), "1");
  WriteBehind("n", "10");
  Pass(1000);
  EXPECT_EQ(AtOnce({"GET", "n"}), "1");
  EXPECT_EQ(Do({"INCR", "n"}), ":11");
  EXPECT_THAT(rig_->store().problems(), testing::IsEmpty());
}

TEST_F(StaleTest, AnInvalidationTakesWhatIsStale) {
  Pass(1000);
  EXPECT_EQ(AtOnce({"GET", "k"}), "old");
  const auto refresh = rig_->First(Kind::kLoad);
  rig_->store().Perform(refresh);
  WriteBehind("k", "newest");
  EXPECT_EQ(AtOnce({"WEIR.INVALIDATE", "PREFIX", ""}), "+OK");
  EXPECT_EQ(AtOnce({"GET", "k"}), "");
  rig_->RunAll();
  EXPECT_THAT(rig_->Replies(b_), ElementsAre("newest"));
}

TEST_F(StaleTest, ARecordIsNotShownPastItsOwnEndNorRefreshedBeforeIt) {
  EXPECT_EQ(Do({"SET", "k", "mine", "PX", "900"}), "+OK");
  Pass(899);
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value mine age (nil) ttl :1 state fresh]");
  EXPECT_EQ(Loads(), 0U) << "it would end with its record again";
  Pass(1);
  EXPECT_EQ(Do({"GET", "k"}), "(nil)");
  EXPECT_EQ(Do({"SET", "k", "mine", "PX", "1200"}), "+OK");
  Pass(1199);
  EXPECT_EQ(AtOnce({"GET", "k"}), "mine") << "stale";
  Pass(1);
  rig_->RunAll();
  EXPECT_EQ(Do({"GET", "k"}), "(nil)");
}

TEST_F(StaleTest, AfterAFailedLoadNothingIsRefreshedForASecond) {
  const auto fail = [this] {
    for (const auto load : rig_->store().held(Kind::kLoad)) {
      rig_->store().Complete(load, Outcome::kUnavailable);
    }
    rig_->Deliver();
  };
  Pass(800);
  EXPECT_EQ(AtOnce({"GET", "k"}), "old");
  fail();
  Pass(500);
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value old age :1300 ttl :0 state stale]");
  Pass(199);
  EXPECT_EQ(AtOnce({"GET", "k"}), "old");
  EXPECT_EQ(Loads(), 0U);
  EXPECT_EQ(Do({"SET", "k", "mine"}), "+OK");
  Pass(1000);
  EXPECT_EQ(AtOnce({"WEIR.GETX", "k"}), "[value mine age :1000 ttl :0 state revalidating]");
}

// A hundred thousand keys that were loaded at one moment, each read ten times in its time, at
// random moments. Their loads are counted in tenths of that time.
TEST(Stampede, KeysThatEndTogetherNeverAskTwiceWhatIsUsual) {
  constexpr size_t kKeys = 100'000;
  constexpr size_t kEach = 500;  // Of one MGET.
  constexpr int kTenths = 40;
  GatewayRig::Options options;
  options.fallback.cache_ttl = milliseconds(10'000);
  options.fallback.jitter_percent = 50;
  options.fallback.refresh_ahead_percent = 80;
  options.fallback.stale_while_revalidate = milliseconds(10'000);
  options.cache_bytes = size_t{64} << 20;
  GatewayRig rig(options);
  const size_t reader = rig.Connect();
  std::vector<Words> reads;
  for (size_t i = 0; i < kKeys; ++i) {
    if (i % kEach == 0) reads.emplace_back(Words{"MGET"});
    reads.back().push_back("k" + std::to_string(i));
    rig.store().Preload(rig.StoreKey(reads.back().back()), {Bytes::Copy("v"), kNever, 1});
  }
  const auto begun = [&] { return rig.gateway().lanes().Sum().loads_begun; };
  for (const Words& words : reads) rig.Do(reader, words);
  ASSERT_EQ(begun(), kKeys);
  Random random(3);
  uint64_t peak = 0;
  uint64_t later = 0;
  for (int tenth = 0; tenth < kTenths; ++tenth) {
    const uint64_t before = begun();
    for (int step = 0; step < 10; ++step) {
      rig.Pass(milliseconds(100));
      for (const Words& words : reads) {
        if (random.OneIn(10)) rig.Do(reader, words);
      }
    }
    peak = std::max(peak, begun() - before);
    if (tenth >= kTenths / 2) later += begun() - before;
  }
  const uint64_t usual = later / (kTenths / 2);
  EXPECT_LE(peak, 2 * usual);
  EXPECT_GT(usual, kKeys / 10) << "a key's time is at most ten tenths";
  EXPECT_LT(usual, kKeys / 5);
}

}  // namespace
}  // namespace weir::gateway
