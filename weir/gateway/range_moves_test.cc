// Goal: ranges move between databases under clients who notice nothing: every reply is what it
// would be without a move, in order, none is an error, and each record is in one place at the end.
// Method: a whole gateway over scripted stores on one thread; the steps by hand, then random
// interleavings of clients, stores and moves by seed, each client's replies known beforehand.
#include "weir/gateway/range_moves.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/gateway/range_moves_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;

TEST_F(RangeMovesTest, ARangeGoesOverAndComesBackWithAllThatWasWritten) {
  for (int i = 0; i < 100; ++i) Ask({"SET", "k" + std::to_string(i), "v"});
  const size_t first = Stored(0);
  ASSERT_GT(first, 0U);
  EXPECT_EQ(Ask({"WEIR.SHARD", "MOVE", "0", "1"}), ":1");
  RunUntil("follow");
  EXPECT_EQ(Stored(1), 100U);
  EXPECT_EQ(Stored(0), first) << "kept, to go back";
  EXPECT_EQ(Ask({"DBSIZE"}), ":100");
  const std::string key = rig_.KeyIn(1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Ask({"GET", "k" + std::to_string(i)}), "v");
    EXPECT_EQ(Ask({"SET", "k" + std::to_string(i), "w"}), "+OK");
  }
  EXPECT_EQ(Ask({"DEL", "k0", "k1", "k2", "k3"}), ":4");
  EXPECT_EQ(Ask({"WEIR.SHARD", "ROLLBACK", "1"}), "+OK");
  RunUntil("ended");
  EXPECT_EQ(Stored(0) + Stored(1), 96U);
  EXPECT_EQ(Ask({"DBSIZE"}), ":96");
  for (int i = 4; i < 100; ++i) EXPECT_EQ(Ask({"GET", "k" + std::to_string(i)}), "w");
  EXPECT_EQ(Ask({"EXISTS", "k0", "k1", "k2", "k3"}), ":0");
}

TEST_F(RangeMovesTest, FinishRemovesWhatIsLeftWhereTheRangeWas) {
  for (int i = 0; i < 50; ++i) Ask({"SET", "k" + std::to_string(i), "v", "PX", "900000"});
  Ask({"WEIR.SHARD", "MOVE", "8000000000000000", "0"});
  RunUntil("follow");
  EXPECT_EQ(Ask({"WEIR.SHARD", "FINISH", "1"}), "+OK");
  RunUntil("ended");
  EXPECT_EQ(Stored(0), 50U);
  EXPECT_EQ(Stored(1), 0U);
  EXPECT_EQ(Ask({"WEIR.SHARD", "MERGE", "8000000000000000"}), "+OK");
}

// What need not wait for time to pass does not: many small ranges move as fast as they are stored.
TEST_F(RangeMovesTest, AnOrderIsCarriedOutBeforeTheNextTick) {
  for (int i = 0; i < 50; ++i) Ask({"SET", "k" + std::to_string(i), "v"});
  const size_t all = Stored(0) + Stored(1);
  Ask({"WEIR.SHARD", "MOVE", "0", "1"});
  EXPECT_EQ(Last().phase, "follow");
  EXPECT_EQ(Stored(1), all);
  Ask({"WEIR.SHARD", "ROLLBACK", "1"});
  EXPECT_EQ(Last().phase, "ended");
  EXPECT_EQ(Stored(0) + Stored(1), all);
  Ask({"WEIR.SHARD", "MOVE", "0", "1"});
  EXPECT_EQ(Ask({"WEIR.SHARD", "FINISH", std::to_string(Last().id)}), "+OK");
  EXPECT_EQ(Last().phase, "ended");
  EXPECT_EQ(Stored(0), 0U);
  EXPECT_EQ(Stored(1), all);
}

TEST_F(RangeMovesTest, ACancelledMoveLeavesNothingBehind) {
  for (int i = 0; i < 50; ++i) Ask({"SET", "k" + std::to_string(i), "v"});
  const size_t first = Stored(0);
  const size_t second = Stored(1);
  ASSERT_TRUE(rig_.gateway().log_holds().TryTake());  // It could go over at once.
  Ask({"WEIR.SHARD", "MOVE", "0", "1"});
  EXPECT_EQ(Ask({"WEIR.SHARD", "PAUSE", "1"}), "+OK");
  Wait();
  EXPECT_EQ(Ask({"WEIR.SHARD", "RESUME", "1"}), "+OK");
  EXPECT_EQ(Stored(1), first + second) << "a copy of everything";
  EXPECT_EQ(Ask({"WEIR.SHARD", "CANCEL", "1"}), "+OK");
  RunUntil("ended");
  EXPECT_EQ(Stored(0), first);
  EXPECT_EQ(Stored(1), second);
}

TEST_F(RangeMovesTest, ACopyThatIsNotWhatWasWrittenToItNeverTakesTheRange) {
  for (int i = 0; i < 50; ++i) Ask({"SET", "k" + std::to_string(i), "v"});
  Ask({"SET", rig_.KeyIn(1), "v"});
  const size_t second = Stored(1);
  rig_.store(1).faults.lose_a_batch = true;  // The third: what is brought over.
  for (int i = 0; i < 2; ++i) Ask({"SET", rig_.KeyIn(1), "w"});
  Ask({"WEIR.SHARD", "MOVE", "0", "1"});
  RunUntil("ended");
  EXPECT_THAT(Last().error, StartsWith("the copy is not what was written to it, at the key 'k"));
  EXPECT_EQ(rig_.gateway().placement().routes(), 0U);
  EXPECT_EQ(Stored(1), second);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Ask({"GET", "k" + std::to_string(i)}), "v");
}

// Else it could go from the second, which is full still, to the first, which has been emptied.
TEST_F(RangeMovesTest, NoRangeGoesOverWhileTheDatabasesAreEmptied) {
  for (int i = 0; i < 20; ++i) Ask({"SET", "k" + std::to_string(i), "v"});
  rig_.SendAndHandOn(rig_.Connect(), {"WEIR.SHARD", "MOVE", "8000000000000000", "0"});
  // The write keeps the second log busy: its emptying waits, and what goes first goes before it.
  rig_.SendAndHandOn(client_, {"SET", rig_.KeyIn(1), "w"});
  const size_t other = rig_.Connect();
  rig_.SendAndHandOn(other, {"FLUSHALL"});
  for (int i = 0; i < 20; ++i) {
    for (const auto id : rig_.store(0).held()) rig_.store(0).Complete(id);
    for (const auto id : rig_.store(1).held()) {
      if (rig_.store(1).kind(id) != Kind::kApply) rig_.store(1).Complete(id);
    }
    rig_.Deliver();
    rig_.Pass(std::chrono::milliseconds(100));
    rig_.gateway().Tick();
  }
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(other), ElementsAre("+OK"));
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("+OK"));
  EXPECT_EQ(Ask({"DBSIZE"}), ":0");
  RunUntil("follow");
}

TEST_F(RangeMovesTest, WhatCannotBeIsRefusedWithAReason) {
  EXPECT_THAT(Ask({"WEIR.SHARD", "MOVE", "1", "1"}), StartsWith("-ERR no range begins there"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "MOVE", "0", "0"}), StartsWith("-ERR the range is in that shard"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "MOVE", "0", "9"}), StartsWith("-ERR there is no such shard"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "MOVE", "0", "x"}), StartsWith("-ERR 'x' is not a number"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "FINISH", "3"}), StartsWith("-ERR there is no move 3"));
  EXPECT_EQ(Ask({"WEIR.SHARD", "STATUS"}), "[]");
  MoveUpToTheHold();
  EXPECT_THAT(Ask({"WEIR.SHARD", "FINISH", "1"}), HasSubstr("phase 'copy', which does not allow"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "0"}), HasSubstr("is in move 1"));
}

TEST_F(RangeMovesTest, WhatGoesOverFromADatabaseToComeToOneThatWasPassedIsReadAllTheSame) {
  const std::string key = rig_.KeyIn(1);
  store::Record record;
  record.value = Bytes::Copy("v");
  record.version = 1;
  bool went_over = false;
  rig_.store(1).on_limits = [&] {  // The first is passed, and the second not yet looked through.
    if (std::exchange(went_over, true)) return;
    rig_.gateway().ranges().Submit(
        [](shard::RangeMap& map) {
          return map.Flip(map.BeginMove({uint64_t{1} << 63}, shard::ShardId{0}).value());
        },
        [](const Result<Ok>& stored) { ASSERT_TRUE(stored.ok()); });
    rig_.store(0).Preload(rig_.StoreKey(key), record);
  };
  const Origin nobody{&rig_.home(), 99};
  const auto read = std::make_shared<SnapshotOperation>(nobody, std::vector{key}, true);
  SnapshotOperation::Begin(read, rig_.gateway(), limit::FlowId{0});
  rig_.RunAll();
  rig_.store(1).on_limits = nullptr;
  ASSERT_TRUE(read->values()[0].has_value());
  EXPECT_EQ(read->values()[0]->bytes.view(), "v");
}

// What a removal finds to be due next does not know of records that are brought over meanwhile.
TEST_F(RangeMovesTest, WhatIsBroughtOverDuringARemovalIsRemovedWhenItIsDue) {
  Ask({"SET", rig_.KeyIn(1), "v", "PX", "50"});
  Ask({"SET", rig_.KeyIn(0), "v", "PX", "5000"});
  ASSERT_TRUE(rig_.gateway().log_holds().TryTake());
  rig_.Pass(std::chrono::milliseconds(300));
  rig_.gateway().Tick();
  ASSERT_EQ(rig_.store(1).held(Kind::kExpire).size(), 1U);
  rig_.SendAndHandOn(rig_.Connect(), {"WEIR.SHARD", "MOVE", "0", "1"});
  rig_.Complete(Kind::kScan);
  rig_.Complete(Kind::kScan, Outcome::kDone, 1);
  ASSERT_EQ(Last().keys, 1U) << "found to be missing, and waits for its turn";
  for (int i = 0; i < 10 && Last().stage != "in step"; ++i) Wait();
  ASSERT_EQ(Last().stage, "in step");
  rig_.Pass(std::chrono::seconds(5));
  Ask({"WEIR.SHARD", "CANCEL", "1"});
  RunUntil("ended");
  EXPECT_EQ(Stored(1), 0U);
}

// A move that began where it may, and of which the map tells where it may not.
class RangeMovesRefused : public RangeMovesTest {
 protected:
  RangeMovesRefused() : RangeMovesTest(Options()) {}

  static GatewayRig::Options Options() {
    GatewayRig::Options options = TwoDatabases();
    options.moves.refusal = "not today";
    options.map = shard::RangeMap::Even(2).value();
    EXPECT_TRUE(options.map->BeginMove({0}, shard::ShardId{1}).ok());
    return options;
  }
};

TEST_F(RangeMovesRefused, AMoveOfTheMapRestsAndMayOnlyBeUndone) {
  for (int i = 0; i < 20; ++i) Ask({"SET", "k" + std::to_string(i), "v"});
  const size_t second = Stored(1);
  for (int i = 0; i < 20; ++i) Wait();
  EXPECT_EQ(Last().phase, "copy");
  EXPECT_EQ(Last().error, "not today");
  EXPECT_EQ(Stored(1), second) << "nothing is brought over";
  const std::string id = std::to_string(Last().id);
  for (const char* order : {"RESUME", "ROLLBACK"}) {
    EXPECT_THAT(Ask({"WEIR.SHARD", order, id}), StartsWith("-ERR not today")) << order;
  }
  EXPECT_THAT(Ask({"WEIR.SHARD", "MOVE", "8000000000000000", "0"}), StartsWith("-ERR not today"));
  EXPECT_EQ(Ask({"WEIR.SHARD", "CANCEL", id}), "+OK");
  RunUntil("ended");
  EXPECT_EQ(Stored(1), second);
}

// The cache knows that a key is absent, since it was removed as due where it was; where it comes,
// the due record may still stand, and must not be taken for nothing.
TEST(RangeMovesCached, WhatIsDueInTheCopyAloneIsNotTakenForNothing) {
  GatewayRig::Options options;
  options.databases = 2;
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  const auto run = [&](const Words& words, std::string_view phase) {
    rig.Do(client, words);
    RangeMoves& moves = rig.gateway().moves();
    for (int i = 0; i < 50 && moves.Status().back().phase != phase; ++i) {
      rig.gateway().Tick();  // At one moment, so that the second removal has to wait for its time.
      rig.RunAll();
    }
    rig.gateway().Tick();
    rig.RunAll();
    EXPECT_EQ(moves.Status().back().phase, phase);
  };
  const std::string key = rig.KeyIn(1);
  EXPECT_EQ(rig.Do(client, {"GET", key}), "(nil)");
  run({"WEIR.SHARD", "MOVE", "8000000000000000", "0"}, "follow");
  run({"WEIR.SHARD", "ROLLBACK", "1"}, "ended");
  run({"WEIR.SHARD", "MOVE", "8000000000000000", "0"}, "follow");
  store::Record due;
  due.expires_at = {rig.clock.Wall().ms - 1};
  due.version = 1;
  rig.store(0).Preload(rig.StoreKey(key), due);
  EXPECT_EQ(rig.Do(client, {"SET", key, "w"}), "+OK");
  EXPECT_EQ(rig.Do(client, {"GET", key}), "w");
  EXPECT_THAT(rig.store(0).problems(), IsEmpty());
}

// Kvrocks #3147: nobody can say whether the flip is stored. Until it is known, no write is taken.
TEST(RangeMovesStored, AFlipOfUnknownOutcomeIsStoredAgainBeforeAnyWrite) {
  GatewayRig::Options options = TwoDatabases();
  store::Done<store::CommitNumber> stored;
  options.ranges.store = [&](size_t, const std::string&, store::Done<store::CommitNumber> done) {
    stored = std::move(done);
  };
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  const auto store = [&](const Result<store::CommitNumber>& result) {
    std::exchange(stored, nullptr)(result);
    rig.RunAll();
  };
  const std::string key = rig.KeyIn(0);
  rig.Send(client, {"WEIR.SHARD", "MOVE", "0", "1"});
  rig.RunAll();
  store(store::CommitNumber{0});
  for (int i = 0; i < 20 && stored == nullptr; ++i) {
    rig.Pass(std::chrono::milliseconds(100));
    rig.gateway().Tick();
    rig.RunAll();
  }
  ASSERT_NE(stored, nullptr) << "the flip";
  rig.SendAndHandOn(client, {"SET", key, "1"});
  rig.RunAll();
  store(Error{ErrorCode::kUnknown, "the disk is gone"});
  EXPECT_THAT(rig.Replies(client),
              ElementsAre(":1", StartsWith("-ERR the database is recovering")));
  EXPECT_EQ(rig.gateway().placement().routes(), 0U);
  rig.gateway().Tick();
  rig.RunAll();
  ASSERT_NE(stored, nullptr) << "again";
  EXPECT_THAT(rig.Do(client, {"SET", key, "2"}), StartsWith("-ERR the database is recovering"));
  store(store::CommitNumber{0});
  EXPECT_EQ(rig.gateway().placement().routes(), 1U);
  EXPECT_EQ(rig.Do(client, {"SET", key, "3"}), "+OK");
  EXPECT_EQ(rig.store(0).records().size(), 0U);
  EXPECT_EQ(rig.store(1).records().size(), 1U);
}

// Clients with keys of their own, so that each knows every reply beforehand.
class Interleaving {
 public:
  Interleaving(uint64_t seed, const GatewayRig::Options& options) : random_(seed), rig_(options) {
    for (size_t i = 0; i < kClients; ++i) clients_.push_back({rig_.Connect(), {}, {}});
  }

  void Run(int steps) {
    for (int step = 0; step < steps; ++step) Step();
    for (int i = 0; i < 60; ++i) Settle();
    for (size_t i = 0; i < kClients; ++i) Compare(i);
    for (size_t i = 0; i < 2; ++i) EXPECT_THAT(rig_.store(i).problems(), IsEmpty());
    size_t keys = 0;
    for (const Client& client : clients_) keys += client.values.size();
    EXPECT_EQ(rig_.store(0).records().size() + rig_.store(1).records().size(), keys);
  }

  uint64_t flips() { return rig_.gateway().placement().routes(); }

 private:
  static constexpr size_t kClients = 3;
  struct Client {
    size_t index;
    std::map<std::string, std::string> values;
    std::vector<std::string> expected;
  };

  std::string KeyOf(size_t client) {
    return "c" + std::to_string(client) + "k" + std::to_string(random_.Below(6));
  }
  std::string TaggedKeyOf(size_t client) {
    return "{c" + std::to_string(client) + "t" + std::to_string(random_.Below(3)) + "}" +
           std::to_string(random_.Below(2));
  }

  void Step() {
    switch (random_.Below(12)) {
      case 0:
      case 1:
      case 2:
        return Send(random_.Below(kClients));
      case 3:
        return rig_.HandOn();
      case 4:
      case 5:
        if (!rig_.inbox_empty()) rig_.DeliverOne();
        return;
      case 6:
        if (random_.OneIn(4)) Order();
        return;
      case 7:
        rig_.Pass(std::chrono::milliseconds(1));
        return rig_.gateway().Tick();
      default:
        return Complete(random_.Below(2));
    }
  }

  void Complete(size_t database) {
    const std::vector<ScriptedStore::CallId> held = rig_.store(database).held();
    if (!held.empty()) rig_.store(database).Complete(held[random_.Below(held.size())]);
  }

  void Order() {
    RangeMoves& moves = rig_.gateway().moves();
    const uint64_t from = random_.OneIn(2) ? 0 : uint64_t{1} << 63;
    const auto to = static_cast<uint32_t>(random_.Below(2));
    const std::vector<MoveStatus> all = moves.Status();
    if (all.empty() || all.back().phase == "ended" || random_.OneIn(3)) {
      moves.Begin({from}, shard::ShardId{to}, [](const Result<uint64_t>&) {});
      return;
    }
    const auto order = static_cast<RangeMoves::Order>(random_.Below(5));
    if (order == RangeMoves::Order::kPause) return;
    if (order == RangeMoves::Order::kCancel && !random_.OneIn(6)) return;
    moves.Give(all.back().id, order, [](const Result<Ok>&) {});
  }

  void Send(size_t number) {
    Client& client = clients_[number];
    const std::string key = random_.OneIn(2) ? KeyOf(number) : TaggedKeyOf(number);
    const auto held = client.values.find(key);
    const bool there = held != client.values.end();
    const std::string value = std::to_string(++counter_);
    const auto say = [&](const Words& words, const std::string& reply) {
      rig_.Send(client.index, words);
      client.expected.push_back(reply);
    };
    switch (random_.Below(7)) {
      case 0:
        say({"GET", key}, there ? held->second : "(nil)");
        return;
      case 1:
        say({"DEL", key}, there ? ":1" : ":0");
        client.values.erase(key);
        return;
      case 2:
        say({"SET", key, value, "GET"}, there ? held->second : "(nil)");
        break;
      case 3:
        say({"SET", key, value, "PX", "90000000"}, "+OK");
        break;
      case 4: {
        const std::string other = KeyOf(number);
        say({"MSET", other, "0", key, value}, "+OK");
        client.values[other] = "0";
        break;
      }
      case 5:
        say({"INCR", key}, there ? ":" + std::to_string(std::stoul(held->second) + 1) : ":1");
        client.values[key] = client.expected.back().substr(1);
        return;
      default:
        say({"MULTI"}, "+OK");
        say({"GET", key}, "+QUEUED");
        say({"SET", key, value}, "+QUEUED");
        say({"EXEC"}, "[" + (there ? held->second : std::string("(nil)")) + " +OK]");
        break;
    }
    client.values[key] = value;
  }

  // Everything that is under way ends, and so do the moves.
  void Settle() {
    rig_.Pass(std::chrono::milliseconds(100));
    rig_.gateway().Tick();
    rig_.RunAll();
    for (const MoveStatus& status : rig_.gateway().moves().Status()) {
      if (status.phase != "follow") continue;
      rig_.gateway().moves().Give(status.id, RangeMoves::Order::kFinish, [](const Result<Ok>&) {});
    }
  }

  void Compare(size_t number) {
    Client& client = clients_[number];
    for (const auto& [key, value] : client.values) {
      rig_.Send(client.index, {"GET", key});
      client.expected.push_back(value);
    }
    rig_.RunAll();
    EXPECT_EQ(rig_.Replies(client.index), client.expected);
  }

  Random random_;
  GatewayRig rig_;
  std::vector<Client> clients_;
  uint64_t counter_ = 100;
};

TEST(RangeMovesInterleaved, EveryReplyIsWhatItWouldBeWithoutAMove) {
  uint64_t flips = 0;
  for (uint64_t seed = 0; seed < 200 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    GatewayRig::Options options = TwoDatabases();
    if (seed % 2 == 1) {
      options = GatewayRig::Options();
      options.databases = 2;
    }
    Interleaving interleaving(seed, options);
    interleaving.Run(1500);
    flips += interleaving.flips();
  }
  EXPECT_GT(flips, 200U);
}

}  // namespace
}  // namespace weir::gateway
