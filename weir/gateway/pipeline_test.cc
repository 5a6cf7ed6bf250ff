// Goal: the commands of a connection are answered in the order sent, each with what it must see:
// its own writes before it, and nothing older than what was acknowledged when it was sent.
// Method: a whole gateway over a scripted store on one thread; each test is one interleaving.
#include "weir/gateway/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/glob.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;

// With and without values kept in memory.
class PipelineReads : public testing::TestWithParam<bool> {
 protected:
  PipelineReads() : rig_(GetParam() ? GatewayRig::Options() : GatewayRig::WithoutCache()) {}
  GatewayRig rig_;
};
INSTANTIATE_TEST_SUITE_P(CacheOnOff, PipelineReads, testing::Bool());

TEST_P(PipelineReads, AReadSeesTheWriteBeforeItInThePipeline) {
  const size_t a = rig_.Connect();
  rig_.Send(a, {"SET", "k", "1"});
  rig_.Send(a, {"GET", "k"});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a), ElementsAre("+OK", "1"));
}

TEST_P(PipelineReads, AReadAfterAnAcknowledgedDeleteIsNotAnsweredByAnOlderLoad) {
  const size_t a = rig_.Connect();
  const size_t b = rig_.Connect();
  rig_.store().Preload(rig_.StoreKey("k"), {Bytes::Copy("old"), kNever, 1});
  rig_.SendAndHandOn(a, {"GET", "k"});
  const auto hanging = rig_.First(Kind::kLoad);
  rig_.store().Perform(hanging);  // It has read "old" and hangs on its way back.

  rig_.SendAndHandOn(b, {"DEL", "k"});
  rig_.Complete(Kind::kApply);
  rig_.Deliver();
  ASSERT_THAT(rig_.Replies(b), ElementsAre(":1"));

  rig_.SendAndHandOn(b, {"GET", "k"});
  for (const auto id : rig_.store().held(Kind::kLoad)) {
    if (id != hanging) rig_.store().Complete(id);
  }
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(b), ElementsAre("(nil)")) << "while the older load still hangs";

  rig_.store().Answer(hanging);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a), ElementsAre(GetParam() ? "(nil)" : "old"))
      << "it was asked for before the delete, so both are right; what is in memory is preferred";
  EXPECT_EQ(rig_.Do(b, {"GET", "k"}), "(nil)") << "the late fill must not surface";
}

TEST_P(PipelineReads, ValuesOfARunAreTakenInTheOrderSent) {
  // 1. a: GET x, GET y   both are loaded; y's load has read the old value and is back first
  // 2. b: SET y new      acknowledged
  // 3. b: SET x new      acknowledged; so x = new, y = old was never the case
  // 4. a: x's load reads new; y is old now, and must be read again
  const size_t a = rig_.Connect();
  const size_t b = rig_.Connect();
  rig_.store().Preload(rig_.StoreKey("x"), {Bytes::Copy("old"), kNever, 1});
  rig_.store().Preload(rig_.StoreKey("y"), {Bytes::Copy("old"), kNever, 1});
  rig_.SendAndHandOn(a, {"GET", "x"});
  rig_.SendAndHandOn(a, {"GET", "y"});
  const auto loads = rig_.store().held(Kind::kLoad);
  ASSERT_THAT(loads, SizeIs(2));
  rig_.store().Complete(loads[1]);
  rig_.Deliver();
  for (const char* key : {"y", "x"}) {
    rig_.SendAndHandOn(b, {"SET", key, "new"});
    rig_.Complete(Kind::kApply);
    rig_.Deliver();
  }
  rig_.store().Complete(loads[0]);
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a), ElementsAre("new", "new"));
}

TEST_P(PipelineReads, AHitAfterAMissWaitsForIt) {
  const size_t a = rig_.Connect();
  const size_t b = rig_.Connect();
  rig_.Do(b, {"SET", "hit", "1"});
  rig_.SendAndHandOn(a, {"GET", "miss"});
  rig_.SendAndHandOn(a, {"GET", "hit"});
  EXPECT_THAT(rig_.Replies(a), IsEmpty());
  rig_.SendAndHandOn(b, {"SET", "hit", "2"});
  rig_.Complete(Kind::kApply);
  rig_.Deliver();
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a), ElementsAre("(nil)", "2"))
      << "taken after the miss, not when it was sent";
}

TEST_P(PipelineReads, AReadThatSawACommitWaitsUntilItIsPublished) {
  const size_t a = rig_.Connect();
  const size_t b = rig_.Connect();
  rig_.SendAndHandOn(a, {"SET", "k", "1"});
  rig_.store().Perform(rig_.First(Kind::kApply));  // Durable, not yet reported.
  rig_.SendAndHandOn(b, {"GET", "k"});
  rig_.Complete(Kind::kLoad);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(b), IsEmpty());
  rig_.store().Answer(rig_.First(Kind::kApply));
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(b), ElementsAre("1"));
}

TEST_P(PipelineReads, ACountThatSawACommitWaitsUntilItIsPublished) {
  const size_t a = rig_.Connect();
  const size_t b = rig_.Connect();
  rig_.SendAndHandOn(a, {"SET", "k", "1"});
  rig_.store().Perform(rig_.First(Kind::kApply));  // Durable, not yet reported.
  rig_.SendAndHandOn(b, {"DBSIZE"});
  rig_.Complete(Kind::kCount);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(b), IsEmpty()) << "a GET of k may still find nothing";
  rig_.store().Answer(rig_.First(Kind::kApply));
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(b), ElementsAre(":1"));
}

TEST_P(PipelineReads, AnExpiredRecordIsNotServed) {
  const size_t a = rig_.Connect();
  EXPECT_EQ(rig_.Do(a, {"SET", "k", "v", "PX", "10"}), "+OK");
  rig_.Pass(std::chrono::milliseconds(9));
  EXPECT_EQ(rig_.Do(a, {"GET", "k"}), "v");
  rig_.Pass(std::chrono::milliseconds(1));
  EXPECT_EQ(rig_.Do(a, {"GET", "k"}), "(nil)");
  EXPECT_EQ(rig_.Do(a, {"EXISTS", "k"}), ":0");
}

// The load saw it alive, and its end comes while the answer is on the way.
TEST_P(PipelineReads, AKeyThatIsThereHasTimeLeft) {
  const size_t a = rig_.Connect();
  rig_.store().Preload(rig_.StoreKey("k"), {Bytes::Copy("v"), {rig_.clock.Wall().ms + 1}, 1});
  rig_.SendAndHandOn(a, {"PTTL", "k"});
  rig_.Complete(Kind::kLoad);
  rig_.Pass(std::chrono::milliseconds(5));
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a), ElementsAre(":1"));
}

// Judged by the batch's time the key is there, judged by the readers' it has expired.
TEST_P(PipelineReads, NobodyMissesAKeyThatABatchUnderWayKeepsAlive) {
  const std::vector<std::pair<Words, std::string>> views = {
      {{"GET", "k"}, "v"},           {{"EXISTS", "k"}, ":1"},   {{"PTTL", "k"}, ":-1"},
      {{"MGET", "k", "k"}, "[v v]"}, {{"DBSIZE"}, ":1"},        {{"RANDOMKEY"}, "k"},
      {{"KEYS", "*"}, "[k]"},        {{"SCAN", "0"}, "[0 [k]]"}};
  for (const auto& [command, reply] : views) {
    GatewayRig rig(GetParam() ? GatewayRig::Options() : GatewayRig::WithoutCache());
    const size_t writer = rig.Connect();
    const size_t reader = rig.Connect();
    rig.Do(writer, {"SET", "k", "v", "PX", "10"});
    rig.SendAndHandOn(writer, {"PERSIST", "k"});
    while (!rig.store().held(Kind::kLoad).empty()) rig.Complete(Kind::kLoad);  // Its base.
    rig.Pass(std::chrono::milliseconds(10));
    rig.SendAndHandOn(reader, command);
    for (const Kind kind : {Kind::kLoad, Kind::kScan, Kind::kCount}) {
      while (!rig.store().held(kind).empty()) {
        rig.Complete(kind);
        rig.Deliver();
      }
    }
    EXPECT_THAT(rig.Replies(reader), ElementsAre()) << command[0];
    rig.RunAll();
    EXPECT_THAT(rig.Replies(writer), ElementsAre(":1"));
    EXPECT_THAT(rig.Replies(reader), ElementsAre(reply)) << command[0];
  }
}

// Such a batch makes no commit by which a reader could tell that it has seen it.
TEST_P(PipelineReads, ABatchThatChangesNothingIsWaitedForOnce) {
  const size_t writer = rig_.Connect();
  const size_t reader = rig_.Connect();
  rig_.SendAndHandOn(writer, {"PERSIST", "none"});
  ASSERT_EQ(rig_.store().held(Kind::kLoad).size(), 1u);
  rig_.SendAndHandOn(reader, {"DBSIZE"});
  rig_.Complete(Kind::kCount);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(reader), ElementsAre());
  rig_.Complete(Kind::kLoad);
  rig_.Complete(Kind::kCount);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(writer), ElementsAre(":0"));
  EXPECT_THAT(rig_.Replies(reader), ElementsAre(":0"));
}

TEST_P(PipelineReads, FlushallTakesWhatWasAcknowledgedBeforeItAndNothingAfter) {
  // 1. a: SET before    acknowledged
  // 2. b: GET before    its load has read the value and hangs on its way back
  // 3. b: FLUSHALL, c: SET between    both are under way: they stand in the order of the queue
  // 4. c: SET after, once FLUSHALL is acknowledged
  const size_t a = rig_.Connect();
  const size_t b = rig_.Connect();
  const size_t c = rig_.Connect();
  rig_.store().Preload(rig_.StoreKey("loaded"), {Bytes::Copy("old"), kNever, 1});
  rig_.Do(a, {"SET", "before", "1"});
  rig_.SendAndHandOn(a, {"GET", "loaded"});
  const auto hanging = rig_.First(Kind::kLoad);
  rig_.store().Perform(hanging);
  rig_.SendAndHandOn(c, {"SET", "first", "1"});  // Occupies the log.
  rig_.SendAndHandOn(b, {"FLUSHALL"});
  rig_.SendAndHandOn(c, {"SET", "between", "1"});
  rig_.Complete(Kind::kApply);
  rig_.Complete(Kind::kClear);
  rig_.Deliver();
  ASSERT_THAT(rig_.Replies(b), ElementsAre("+OK"));
  rig_.SendAndHandOn(c, {"SET", "after", "1"});
  rig_.store().Answer(hanging);
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a), ElementsAre("old")) << "it was asked for before the FLUSHALL";
  EXPECT_EQ(rig_.Do(a, {"MGET", "before", "loaded", "first", "between", "after"}),
            "[(nil) (nil) (nil) 1 1]");
  EXPECT_EQ(rig_.Do(a, {"DBSIZE"}), ":2");
}

TEST(Pipeline, AKeyIsLoadedOnceForTenThousandReaders) {
  GatewayRig rig;
  rig.store().Preload(rig.StoreKey("k"), {Bytes::Copy("v"), kNever, 1});
  std::vector<size_t> clients;
  for (size_t i = 0; i < 10'000; ++i) {
    clients.push_back(rig.Connect());
    rig.Send(clients.back(), {"GET", "k"});
    if (i % 100 == 0) rig.HandOn();
  }
  rig.HandOn();
  ASSERT_EQ(rig.store().calls(Kind::kLoad), 1u);
  rig.RunAll();
  for (const size_t client : clients) ASSERT_THAT(rig.Replies(client), ElementsAre("v"));
  EXPECT_EQ(rig.store().calls(Kind::kLoad), 1u);
}

TEST(Pipeline, ALoadThatFailsIsAnsweredAsAnErrorAndNotCached) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.store().Preload(rig.StoreKey("k"), {Bytes::Copy("v"), kNever, 1});
  rig.SendAndHandOn(a, {"GET", "k"});
  rig.Complete(Kind::kLoad, Outcome::kUnavailable);
  rig.Deliver();
  EXPECT_THAT(rig.Replies(a), ElementsAre("-ERR disk full"));
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), "v");
}

TEST(Pipeline, OneFailedLoadOfAnMgetIsItsErrorAndTheOthersAreDropped) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.SendAndHandOn(a, {"GET", "x"});  // So that MGET waits for loads of two calls.
  rig.SendAndHandOn(a, {"MGET", "x", "y"});
  rig.SendAndHandOn(a, {"PING"});
  const auto loads = rig.store().held(Kind::kLoad);
  ASSERT_THAT(loads, SizeIs(2));
  rig.store().Complete(loads[1], Outcome::kUnavailable);
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), ElementsAre("(nil)", "-ERR disk full", "+PONG"));
}

TEST(Pipeline, ErrorsComeInTheirTurn) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.Send(a, {"GET", "k"});
  rig.Send(a, {"NOPE"});
  rig.Send(a, {"SET", "k"});
  rig.Send(a, {"SET", "k", "v", "EX", "0"});
  rig.Send(a, {"ECHO", "x"});
  rig.Send(a, {"SCAN", "zero"});
  rig.Send(a, {"PING"});
  EXPECT_THAT(rig.Replies(a), IsEmpty());
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a),
              ElementsAre("(nil)", "-ERR unknown command 'NOPE', with args beginning with: ",
                          "-ERR wrong number of arguments for 'set' command",
                          "-ERR invalid expire time in 'set' command", "x", "-ERR invalid cursor",
                          "+PONG"));
}

TEST(Pipeline, HelloChangesOnlyTheRepliesAfterIt) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.Send(a, {"GET", "absent"});  // So that all of this waits.
  rig.Send(a, {"CONFIG", "GET", "port"});
  rig.Send(a, {"HELLO", "3"});
  rig.Send(a, {"CONFIG", "GET", "port"});
  rig.RunAll();
  const std::vector<std::string> replies = rig.Replies(a);
  ASSERT_THAT(replies, SizeIs(4));
  EXPECT_EQ(replies[1], "[port 6390]");
  EXPECT_THAT(replies[2], StartsWith("{server weir"));
  EXPECT_EQ(replies[3], "{port 6390}");
}

TEST(Pipeline, QuitDropsWhatFollowsIt) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.Send(a, {"GET", "k"});
  rig.Send(a, {"QUIT"});
  rig.Send(a, {"SET", "k", "v"});
  rig.Send(a, {"PING"});
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), ElementsAre("(nil)", "+OK"));
  EXPECT_TRUE(rig.client(a).session.closing);
  EXPECT_FALSE(rig.client(a).pipeline.accepting());
  EXPECT_TRUE(rig.client(a).pipeline.idle());
  EXPECT_THAT(rig.store().batches(), IsEmpty()) << "the SET must not take effect";
}

TEST(Pipeline, QuitWaitsForWhatIsBeforeIt) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.Send(a, {"SET", "k", "v"});
  rig.SendAndHandOn(a, {"QUIT"});
  EXPECT_THAT(rig.Replies(a), IsEmpty());
  EXPECT_FALSE(rig.client(a).session.closing);
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), ElementsAre("+OK", "+OK"));
}

TEST(Pipeline, AWriteWaitsForTheReadsBeforeIt) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.SendAndHandOn(a, {"GET", "k"});
  rig.SendAndHandOn(a, {"SET", "other", "v"});
  EXPECT_EQ(rig.store().calls(Kind::kApply), 0u);
  rig.Complete(Kind::kLoad);
  rig.Deliver();
  EXPECT_EQ(rig.store().calls(Kind::kApply), 1u);
}

TEST(Pipeline, WritesInARowGoToTheLogTogether) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  for (int i = 0; i < 10; ++i) rig.Send(a, {"SET", "k" + std::to_string(i), "v"});
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), SizeIs(10));
  EXPECT_THAT(rig.store().batches(), SizeIs(1));
}

TEST(Pipeline, AWriteToAnotherDatabaseWaitsForTheOnesBefore) {
  GatewayRig rig({.databases = 2});
  const size_t a = rig.Connect();
  rig.Send(a, {"SET", rig.KeyIn(0), "v"});
  rig.Send(a, {"SET", rig.KeyIn(0, 1), "v"});
  rig.Send(a, {"SET", rig.KeyIn(1), "v"});
  rig.Send(a, {"SET", rig.KeyIn(0, 2), "v"});
  rig.HandOn();
  EXPECT_THAT(rig.store(0).held(Kind::kApply), SizeIs(1));
  EXPECT_THAT(rig.store(1).held(Kind::kApply), IsEmpty());
  rig.Complete(Kind::kApply);
  rig.Deliver();
  EXPECT_THAT(rig.Replies(a), ElementsAre("+OK", "+OK"));
  EXPECT_THAT(rig.store(0).held(Kind::kApply), IsEmpty());
  EXPECT_THAT(rig.store(1).held(Kind::kApply), SizeIs(1));
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), ElementsAre("+OK", "+OK"));
}

TEST(Pipeline, AConnectionMayGoWhileThingsAreUnderWay) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  const size_t b = rig.Connect();
  const size_t c = rig.Connect();
  rig.SendAndHandOn(a, {"SET", "k", "v"});
  rig.SendAndHandOn(b, {"GET", "x"});
  rig.SendAndHandOn(c, {"SCAN", "0"});
  rig.Disconnect(a);
  rig.Disconnect(b);
  rig.Disconnect(c);
  rig.RunAll();
  const size_t d = rig.Connect();
  EXPECT_EQ(rig.Do(d, {"GET", "k"}), "v") << "what was begun is finished";
}

TEST(Pipeline, ItAcceptsCommandsUpToItsLimit) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  for (size_t i = 0; i < Pipeline::kCommandsMax; ++i) {
    ASSERT_TRUE(rig.client(a).pipeline.accepting()) << i;
    ASSERT_EQ(rig.client(a).pipeline.room(), Pipeline::kCommandsMax - i);
    rig.Send(a, {"GET", "k"});
  }
  EXPECT_FALSE(rig.client(a).pipeline.accepting());
  EXPECT_EQ(rig.client(a).pipeline.room(), 0u);
  rig.RunAll();
  EXPECT_TRUE(rig.client(a).pipeline.accepting());
  EXPECT_THAT(rig.Replies(a), SizeIs(Pipeline::kCommandsMax));
}

TEST(Pipeline, ItAcceptsBytesUpToItsLimit) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  const size_t overhead = 3 * sizeof(std::string_view) + std::string("SETk").size();
  rig.Send(a, {"SET", "k", std::string(Pipeline::kBytesMax - overhead - 1, 'x')});
  EXPECT_TRUE(rig.client(a).pipeline.accepting()) << "one byte below";
  rig.RunAll();
  rig.Send(a, {"SET", "k", std::string(Pipeline::kBytesMax - overhead, 'x')});
  EXPECT_FALSE(rig.client(a).pipeline.accepting());
  EXPECT_GT(rig.client(a).pipeline.room(), 0u) << "what came in the same burst still has room";
  rig.RunAll();
  EXPECT_TRUE(rig.client(a).pipeline.accepting());
}

TEST(Pipeline, ManyEmptyArgumentsCountForWhatTheyHold) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  Words words(Pipeline::kBytesMax / sizeof(std::string_view));
  words[0] = "EXISTS";
  rig.Send(a, words);
  EXPECT_FALSE(rig.client(a).pipeline.accepting());
}

TEST(Pipeline, ACommandThatNoKeyAnswersTakesSoManyArgumentsAndNoMore) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  Words words(Pipeline::kLocalArgsMax, "nothing");
  words[0] = "COMMAND";
  words[1] = "DOCS";
  EXPECT_EQ(rig.Do(a, words), "[]");
  words.emplace_back("nothing");
  EXPECT_EQ(rig.Do(a, words), "-ERR 'command|docs' takes at most 1024 arguments");
  words[0] = "DEL";
  EXPECT_EQ(rig.Do(a, words), ":0");
}

TEST(Pipeline, AWriteOfMoreKeysThanTheStoreTakesIsRefusedForGood) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  Words words = {"DEL"};
  for (size_t i = 0; i < rig.gateway().write_keys_max(); ++i) words.push_back(std::to_string(i));
  EXPECT_EQ(rig.Do(a, words), ":0");
  words.emplace_back("one more");
  EXPECT_EQ(rig.Do(a, words), "-ERR a command changes at most 16384 keys; split it");
  words[0] = "EXISTS";
  EXPECT_EQ(rig.Do(a, words), ":0");
}

TEST(Pipeline, PatternsForNamesOfTheServersOwnEndAtTheirLimit) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  const std::string most = "[" + std::string(kNamePatternsBytesMax - 3, 'x') + "p]";
  const std::string error = "-ERR the patterns are longer than 512 bytes together; no name is";
  EXPECT_EQ(rig.Do(a, {"COMMAND", "LIST", "FILTERBY", "PATTERN", most + "*"}), error);
  EXPECT_EQ(rig.Do(a, {"CONFIG", "GET", most, "x"}), error);
  const std::string fits = "[" + std::string(kNamePatternsBytesMax - 6, 'x') + "P]ING";
  EXPECT_EQ(rig.Do(a, {"COMMAND", "LIST", "FILTERBY", "PATTERN", fits}), "[ping]");
  EXPECT_EQ(rig.Do(a, {"CONFIG", "GET", "P[o]rt", "no", "port"}), "[port 6390]");
}

TEST(Pipeline, AKeyLongerThanTheStoreTakesIsRefusedAlone) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  const size_t b = rig.Connect();
  const std::string fits(rig.gateway().key_bytes_max(), 'k');
  const std::string error = "-ERR key is longer than the database can hold";
  rig.Send(a, {"SET", fits + "k", "v"});
  rig.Send(a, {"GET", fits + "k"});
  rig.Send(a, {"MGET", "x", fits + "k"});
  rig.Send(a, {"SET", fits, "v"});
  rig.Send(b, {"SET", "k", "v"});
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), ElementsAre(error, error, error, "+OK"));
  EXPECT_THAT(rig.Replies(b), ElementsAre("+OK"));
}

TEST(Pipeline, AThrottledCommandIsRefusedInItsTurn) {
  limit::Policy policy;
  policy.name = "writes";
  policy.command = limit::CommandClass::kWrite;
  policy.rate = {.count = 1, .period = std::chrono::seconds(1), .burst = 1};
  GatewayRig rig({.policies = {policy}});
  const size_t a = rig.Connect();
  rig.Send(a, {"SET", "k", "1"});
  rig.Send(a, {"SET", "k", "2"});
  rig.Send(a, {"GET", "k"});
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a),
              ElementsAre("+OK", StartsWith("-THROTTLED retry_after_ms=1000 policy=writes"), "1"));
  EXPECT_EQ(rig.stats.throttled.value(), 1u);
}

}  // namespace
}  // namespace weir::gateway
