// Goal: what a transaction and all of them hold is bounded, at the limit and one past; rate limits
// count each queued command once; and a transaction too large to be published at once is seen
// whole. Method: a whole gateway over scripted stores on one thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/errors.h"
#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/transaction.h"
#include "weir/gateway/write_batch.h"

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

TEST(TransactionLimits, CommandsKeysAndBytesAreTakenUpToTheirLimits) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  const auto replies = [&] {
    rig.RunAll();
    return rig.Replies(a);
  };
  rig.Send(a, {"MULTI"});
  for (size_t i = 0; i < Transaction::kCommandsMax; ++i) rig.Send(a, {"PING"});
  EXPECT_EQ(replies().back(), "+QUEUED");
  rig.Send(a, {"PING"});
  EXPECT_THAT(replies().back(), StartsWith("-ERR a transaction holds at most 16384 commands"));
  EXPECT_EQ(rig.Do(a, {"EXEC"}), kAborted);

  Words many = {"EXISTS"};
  for (size_t i = 0; i < Transaction::kKeysMax; ++i) many.push_back("k" + std::to_string(i));
  rig.Send(a, {"MULTI"});
  rig.Send(a, many);
  EXPECT_EQ(replies().back(), "+QUEUED");
  rig.Send(a, {"GET", "k"});
  EXPECT_THAT(replies().back(), StartsWith("-ERR a transaction holds at most 16384 keys"));
  EXPECT_EQ(rig.Do(a, {"EXEC"}), kAborted);

  const size_t overhead = 2 * sizeof(std::string_view) + std::string("ECHO").size();
  const std::string most(Transaction::kBytesMax / 2 - overhead, 'x');
  rig.Send(a, {"MULTI"});
  rig.Send(a, {"ECHO", most});
  rig.Send(a, {"ECHO", most});
  EXPECT_EQ(replies().back(), "+QUEUED");
  rig.Send(a, {"PING"});
  EXPECT_THAT(replies().back(), StartsWith("-ERR a transaction holds at most 33554432 bytes"));
  EXPECT_EQ(rig.Do(a, {"EXEC"}), kAborted);
}

TEST(TransactionLimits, WhatIsQueuedCountsWithAllThatItHolds) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  Pipeline& pipeline = rig.client(a).pipeline;
  const size_t before = pipeline.held_bytes();
  rig.Do(a, {"MULTI"});
  for (int i = 0; i < 1000; ++i) rig.Do(a, {"PING"});
  EXPECT_GE(pipeline.held_bytes() - before, 1000 * sizeof(WriteItem));
  rig.Do(a, {"DISCARD"});
  rig.Do(a, {"WATCH", "a", "b"});
  EXPECT_GE(pipeline.held_bytes() - before, 2 * sizeof(WatchedKey));
  rig.Do(a, {"UNWATCH"});
  pipeline.ReleaseIdle();
  EXPECT_EQ(pipeline.held_bytes(), before);
}

TEST(TransactionLimits, WhatExecAnswersIsBoundedAndTheWritesAreAllDone) {
  GatewayRig::Options options;
  options.memory.client_bytes = 200'000;  // So one reply may be half of that.
  GatewayRig rig(options);
  const size_t a = rig.Connect();
  rig.Do(a, {"SET", "k", std::string(9'980, 'x')});
  rig.Do(a, {"MULTI"});
  for (int i = 0; i < 20; ++i) rig.Do(a, {"GET", "k"});
  rig.Do(a, {"COMMAND"});
  rig.Do(a, {"INCR", "n"});
  const std::string reply = rig.Do(a, {"EXEC"});
  EXPECT_LT(reply.size(), 120'000u);
  EXPECT_THAT(reply, testing::EndsWith("-ERR the replies of this transaction are together larger "
                                       "than one reply may be; this command was not run; split the "
                                       "transaction :1]"));
  EXPECT_EQ(rig.Do(a, {"GET", "n"}), "1");
}

TEST(TransactionLimits, WhatRunsApartIsRefusedOnceTheReplyIsLarge) {
  GatewayRig::Options options;
  options.memory.client_bytes = 4000;
  GatewayRig rig(options);
  const size_t a = rig.Connect();
  const std::string key(1500, 'k');
  rig.Do(a, {"SET", key, "v"});
  std::vector<Words> commands(4, {"KEYS", "*"});
  commands.insert(commands.begin(), {"MULTI"});
  commands.push_back({"ECHO", "x"});
  commands.push_back({"EXEC"});
  const std::string names = "[" + key + "]";
  const std::string error = "-" + std::string(errors::kTransactionReplyTooLarge);
  EXPECT_EQ(rig.Last(a, commands),
            "[" + names + " " + names + " " + error + " " + error + " " + error + "]");
}

TEST(TransactionLimits, AFullTransactionIsApplied) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  rig.Send(a, {"MULTI"});
  for (size_t i = 0; i < Transaction::kKeysMax; ++i) {
    rig.Send(a, {"SET", "k" + std::to_string(i), "v"});
  }
  rig.Send(a, {"EXEC"});
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a).back(), StartsWith("[+OK +OK"));
  EXPECT_EQ(rig.Do(a, {"DBSIZE"}), ":" + std::to_string(Transaction::kKeysMax));
}

class LargeTransactions : public testing::TestWithParam<Outcome> {};
INSTANTIATE_TEST_SUITE_P(Outcomes, LargeTransactions,
                         testing::Values(Outcome::kDone, Outcome::kUnavailable,
                                         Outcome::kUnknownApplied, Outcome::kUnknownLost));

TEST_P(LargeTransactions, TheyAreSeenWholeThoughTheyArePublishedInPieces) {
  // 1. a: MULTI, a SET of each key, EXEC    its batch is in the store, not yet applied
  // 2. b: MGET of the first and the last    the first is loaded: the old value
  // 3. the store applies the batch          the last is loaded: the new value, held by the gate
  // 4. the store answers                    b must not show the old one beside the new one
  GatewayRig rig;
  const size_t a = rig.Connect();
  const size_t b = rig.Connect();
  const size_t keys = WriteBatch::kPublishedAtOnceMax + 1;
  const std::string last = "k" + std::to_string(keys - 1);
  rig.Do(a, {"MSET", "k0", "old", last, "old"});
  rig.Send(a, {"MULTI"});
  for (size_t i = 0; i < keys; ++i) rig.Send(a, {"SET", "k" + std::to_string(i), "new"});
  rig.SendAndHandOn(a, {"EXEC"});
  ASSERT_THAT(rig.store().held(Kind::kLoad), SizeIs(1)) << "it is not composed on the loop";
  rig.Complete(Kind::kLoad);
  const auto apply = rig.First(Kind::kApply);
  rig.SendAndHandOn(b, {"MGET", "k0"});
  rig.Send(b, {"MGET", "k0", last});
  rig.HandOn();
  const auto loads = rig.store().held(Kind::kLoad);
  rig.store().Complete(loads[0]);
  rig.store().Perform(apply, GetParam());
  for (size_t i = 1; i < loads.size(); ++i) rig.store().Complete(loads[i]);
  rig.Deliver();
  rig.store().Answer(apply);
  rig.gateway().Tick();
  rig.RunAll();
  const bool applied = GetParam() == Outcome::kDone || GetParam() == Outcome::kUnknownApplied;
  const std::string now = applied ? "new" : "old";
  const std::vector<std::string> seen = rig.Replies(b);
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_THAT(seen[1], testing::AnyOf("[old old]", "[new new]", StartsWith("-ERR ")));
  if (GetParam() == Outcome::kDone) {
    EXPECT_EQ(seen[1], "[new new]");
  }
  EXPECT_EQ(rig.Do(b, {"MGET", "k0", last}), "[" + now + " " + now + "]");
  const uint64_t before = rig.store().calls(Kind::kLoad);
  EXPECT_EQ(rig.Do(b, {"MGET", "k0", last}), "[" + now + " " + now + "]");
  EXPECT_EQ(rig.store().calls(Kind::kLoad), before) << "they are cached again";
  EXPECT_THAT(rig.store().problems(), IsEmpty());
}

TEST(TransactionLimits, KeysAreWatchedUpToTheLimit) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  Words most = {"WATCH"};
  for (size_t i = 0; i < Transaction::kWatchedKeysMax; ++i) most.push_back("k" + std::to_string(i));
  EXPECT_EQ(rig.Do(a, most), "+OK");
  EXPECT_EQ(rig.Do(a, {"WATCH", "k0"}), "+OK") << "it is watched already";
  EXPECT_THAT(rig.Do(a, {"WATCH", "one more"}), StartsWith("-ERR a connection watches at most"));
  rig.Do(a, {"MULTI"});
  EXPECT_THAT(rig.Do(a, {"EXEC"}), HasSubstr("a WATCH before it failed"));
  EXPECT_EQ(rig.Do(a, {"WATCH", "one more"}), "+OK");
  rig.Do(a, {"UNWATCH"});

  const size_t long_key = size_t{64} << 10;
  for (size_t i = 0; i < Transaction::kWatchedBytesMax / long_key; ++i) {
    EXPECT_EQ(rig.Do(a, {"WATCH", std::string(long_key, static_cast<char>('a' + i))}), "+OK");
  }
  EXPECT_THAT(rig.Do(a, {"WATCH", "x"}), StartsWith("-ERR a connection watches at most"));
}

TEST(TransactionLimits, EachQueuedCommandIsChargedOnceAndExecAsOne) {
  limit::Policy policy;
  policy.name = "all";
  policy.rate = {.count = 1, .period = std::chrono::seconds(1), .burst = 4};
  GatewayRig rig({.policies = {policy}});
  const size_t a = rig.Connect();
  for (const Words& words :
       std::vector<Words>{{"MULTI"}, {"SET", "k", "1"}, {"INCR", "k"}, {"EXEC"}, {"GET", "k"}}) {
    rig.Send(a, words);
  }
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a),
              ElementsAre("+OK", "+QUEUED", "+QUEUED", "[+OK :2]", StartsWith("-THROTTLED ")));
}

TEST(TransactionLimits, AThrottledCommandAborts) {
  limit::Policy policy;
  policy.name = "writes";
  policy.command = limit::CommandClass::kWrite;
  policy.rate = {.count = 1, .period = std::chrono::seconds(1), .burst = 1};
  GatewayRig rig({.policies = {policy}});
  const size_t a = rig.Connect();
  for (const Words& words :
       std::vector<Words>{{"MULTI"}, {"SET", "k", "1"}, {"SET", "k", "2"}, {"EXEC"}}) {
    rig.Send(a, words);
  }
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), ElementsAre("+OK", "+QUEUED", StartsWith("-THROTTLED "), kAborted));
}

}  // namespace
}  // namespace weir::gateway
