// CacheWarmer: what it may keep, and whom it lets go first.
// Method: a gateway over a store that answers when the test says so.
#include "weir/gateway/cache_warmer.h"

#include <gtest/gtest.h>

#include "weir/gateway/cache_snapshot.h"
#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;
using std::chrono::milliseconds;

GatewayRig::Options Roomy() {
  GatewayRig::Options options;
  options.lanes = 1;
  options.cache_bytes = size_t{256} << 20;
  return options;
}

class CacheWarmerTest : public ::testing::Test {
 protected:
  explicit CacheWarmerTest(GatewayRig::Options options = Roomy()) : rig(std::move(options)) {
    client = rig.Connect();
    for (int i = 0; i < 3; ++i) rig.Do(client, {"SET", Key(i), "v" + std::to_string(i)});
    rig.gateway().lanes().Clear();
  }

  static std::string Key(int number) { return "key:" + std::to_string(number); }
  static std::vector<std::string> Many(size_t count) {
    std::vector<std::string> keys;
    for (size_t i = 0; i < count; ++i) keys.push_back(std::to_string(i));
    return keys;
  }
  CacheWarmer& warmer() { return rig.gateway().warmer(); }
  bool InMemory(const std::string& key) {
    const KeyHash hash = rig.gateway().placement().Hash(key);
    return rig.gateway()
        .lanes()
        .Lock(hash.lane)
        ->Find(key, hash.hash, rig.clock.Wall())
        .has_value();
  }
  void Warm(const std::vector<std::string>& keys) {
    KeyList list;
    for (const std::string& key : keys) list.Add(key);
    rig.gateway().Warm(std::move(list));
  }
  // Returns how many keys it has asked for.
  size_t Step() {
    const uint64_t before = warmer().counts().waiting;
    warmer().Step();
    return before - warmer().counts().waiting;
  }
  void WarmToTheEnd() {
    for (int i = 0; i < 1000 && !warmer().done(); ++i) {
      warmer().Step();
      rig.RunAll();
    }
    EXPECT_TRUE(warmer().done());
  }
  // The store's answer to the batch that is under way, after so long.
  void AnswerAfter(std::chrono::nanoseconds time, Outcome outcome = Outcome::kDone) {
    rig.clock.Advance(time);
    rig.Complete(Kind::kLoad, outcome);
  }
  uint64_t Reads() { return rig.store().calls(Kind::kLoad); }
  bool CircuitIsClosed() { return rig.gateway().database(0).LoadAdmission().circuit_closed; }

  GatewayRig rig;
  size_t client = 0;
};

TEST_F(CacheWarmerTest, TheKeysOfTheListAreInMemoryAfterwards) {
  Warm({Key(2), Key(0), "gone"});
  EXPECT_EQ(warmer().counts().waiting, 3U);
  EXPECT_FALSE(warmer().done());
  WarmToTheEnd();
  EXPECT_EQ(warmer().counts().loaded, 2U);
  EXPECT_EQ(warmer().counts().dropped, 0U);
  EXPECT_TRUE(InMemory(Key(0)));
  EXPECT_FALSE(InMemory(Key(1)));
  EXPECT_FALSE(InMemory("gone"));
  const uint64_t reads = Reads();
  EXPECT_EQ(rig.Do(client, {"GET", Key(2)}), "v2");
  EXPECT_EQ(Reads(), reads);
}

TEST_F(CacheWarmerTest, WhatAWriteHasPassedIsNotKept) {
  Warm({Key(0)});
  Step();
  const ScriptedStore::CallId load = rig.First(Kind::kLoad);
  rig.store().Perform(load);
  rig.SendAndHandOn(client, {"SET", Key(0), "new"});
  rig.Complete(Kind::kApply);
  rig.Deliver();
  rig.store().Answer(load);
  EXPECT_EQ(rig.Replies(client), std::vector<std::string>{"+OK"});
  EXPECT_EQ(rig.Do(client, {"GET", Key(0)}), "new");
}

TEST_F(CacheWarmerTest, WhatIsInvalidatedMeanwhileIsNotKept) {
  Warm({Key(0), Key(1)});
  Step();
  const ScriptedStore::CallId load = rig.First(Kind::kLoad);
  rig.store().Perform(load);
  rig.SendAndHandOn(client, {"WEIR.INVALIDATE", "KEY", Key(0)});
  rig.store().Answer(load);
  rig.RunAll();
  EXPECT_FALSE(InMemory(Key(0)));
  EXPECT_TRUE(InMemory(Key(1)));
}

TEST_F(CacheWarmerTest, WhenAllIsRemovedTheListIsDropped) {
  Warm(Many(1000));
  Step();
  EXPECT_EQ(rig.Do(client, {"FLUSHALL"}), "+OK");
  WarmToTheEnd();
  const CacheWarmer::Counts counts = warmer().counts();
  EXPECT_EQ(counts.dropped, 1000 - CacheWarmer::kBatchKeysFirst);
  EXPECT_EQ(rig.gateway().lanes().Sum().entries, 0U);
}

// Others have written behind weir, and a client has been shown that.
TEST_F(CacheWarmerTest, WhatAClientsLoadHasBroughtMeanwhileStays) {
  Warm({Key(0)});
  Step();
  const ScriptedStore::CallId load = rig.First(Kind::kLoad);
  rig.store().Perform(load);
  rig.store().Preload(rig.StoreKey(Key(0)), {Bytes::Copy("theirs"), kNever, ~store::Version{0}});
  rig.SendAndHandOn(client, {"GET", Key(0)});
  for (const ScriptedStore::CallId id : rig.store().held(Kind::kLoad)) {
    if (id != load) rig.store().Complete(id);
  }
  rig.Deliver();
  EXPECT_EQ(rig.Replies(client), std::vector<std::string>{"theirs"});
  rig.store().Answer(load);
  EXPECT_EQ(rig.Do(client, {"GET", Key(0)}), "theirs");
  EXPECT_EQ(warmer().counts().loaded, 0U);
}

TEST_F(CacheWarmerTest, WhatIsInMemoryIsNotReadAgain) {
  rig.Do(client, {"MGET", Key(0), Key(1)});
  const uint64_t reads = Reads();
  Warm({Key(0), Key(1)});
  WarmToTheEnd();
  EXPECT_EQ(Reads(), reads);
}

TEST_F(CacheWarmerTest, BatchesAreSmallAtFirstAndGrowWhileTheyTakeLittle) {
  Warm(Many(10'000));
  size_t keys = CacheWarmer::kBatchKeysFirst;
  for (int i = 0; i < 3; ++i, keys *= 2) {
    EXPECT_EQ(Step(), keys);
    EXPECT_EQ(Step(), 0U) << "one at a time";
    AnswerAfter(CacheWarmer::kBatchTime / 2);
  }
  for (; keys > 1; keys /= 2) {
    EXPECT_EQ(Step(), keys);
    AnswerAfter(milliseconds(300));
  }
  EXPECT_EQ(Step(), 1U);
}

TEST_F(CacheWarmerTest, ItRestsAsLongAsABatchTookWhereAClientsLoadWasUnderWay) {
  Warm(Many(10'000));
  rig.SendAndHandOn(client, {"GET", Key(0)});
  const ScriptedStore::CallId load = rig.First(Kind::kLoad);
  EXPECT_GT(Step(), 0U);
  rig.store().Complete(load);
  AnswerAfter(milliseconds(2));
  EXPECT_EQ(Step(), 0U);
  rig.clock.Advance(milliseconds(1));
  EXPECT_EQ(Step(), 0U);
  rig.clock.Advance(milliseconds(1));
  EXPECT_GT(Step(), 0U);
  rig.SendAndHandOn(client, {"GET", Key(1)});
  rig.clock.Advance(milliseconds(2));
  rig.store().Complete(rig.First(Kind::kLoad));
  EXPECT_EQ(Step(), 0U);
  rig.clock.Advance(milliseconds(2));
  EXPECT_GT(Step(), 0U);
}

TEST_F(CacheWarmerTest, BehindTheMostWantedKeysComeInTheOrderOfTheirRecords) {
  const size_t count = CacheWarmer::kInOrder + 1000;
  const std::vector<std::string> keys = Many(count);
  for (size_t i = 0; i < count; i = i + 1 == 1000 ? CacheWarmer::kInOrder : i + 1) {
    rig.store().Preload(rig.StoreKey(keys[i]), {Bytes::Copy("v"), kNever, 1});
  }
  Warm(keys);
  while (!warmer().done()) {
    warmer().Step();
    rig.RunAll();
  }
  std::vector<std::string> loaded;
  TakeEntries(rig.gateway().lanes(), rig.gateway().placement(), rig.clock.Wall(),
              [&](const SnapshotEntry& entry) {
                loaded.emplace_back(entry.key);
                return true;
              });
  ASSERT_EQ(loaded.size(), 2000U);
  EXPECT_TRUE(std::equal(keys.begin(), keys.begin() + 1000, loaded.begin()));
  EXPECT_TRUE(std::is_sorted(loaded.begin() + 1000, loaded.end(), [&](auto& one, auto& other) {
    return rig.StoreKey(one).position < rig.StoreKey(other).position;
  }));
}

TEST_F(CacheWarmerTest, ABatchTakesHalfOfThePlacesAtMost) {
  const size_t places = rig.gateway().database(0).LoadAdmission().limit;
  Warm(Many(10'000));
  size_t most = 0;
  for (int i = 0; i < 20; ++i) {
    most = std::max(most, Step());
    rig.RunAll();
  }
  EXPECT_LE(most, places / 2);
  EXPECT_GT(most, places / 8);
}

TEST_F(CacheWarmerTest, ABatchThatStallsOrFailsRefusesNoClient) {
  Warm(Many(10'000));
  Step();
  rig.clock.Advance(std::chrono::seconds(60));
  rig.gateway().Tick();
  EXPECT_TRUE(CircuitIsClosed());
  rig.RunAll();
  for (uint32_t i = 0; i < 2 * limit::Circuit::kFailuresMax; ++i) {
    rig.clock.Advance(std::chrono::seconds(61));
    const size_t keys = CacheWarmer::kBatchKeysFirst;
    EXPECT_EQ(Step(), i == 0 ? keys / 2 : keys) << "halved when slow, small again after an error";
    AnswerAfter(milliseconds(1), Outcome::kUnavailable);
    EXPECT_EQ(Step(), 0U) << "and after a rest";
  }
  EXPECT_TRUE(CircuitIsClosed());
  rig.clock.Advance(CacheWarmer::kRestAfterError);
  WarmToTheEnd();
}

TEST_F(CacheWarmerTest, WhileClientsWaitOnlyASmallBatchIsBegunNowAndThen) {
  const size_t places = rig.gateway().database(0).LoadAdmission().limit;
  for (size_t i = 0; i <= places; ++i) rig.SendAndHandOn(client, {"GET", std::to_string(i)});
  ASSERT_GT(rig.gateway().database(0).LoadAdmission().waiting, 0U);
  Warm(Many(10'000));
  EXPECT_EQ(Step(), 0U);
  rig.clock.Advance(CacheWarmer::kYieldMax);
  EXPECT_EQ(Step(), 0U);
  rig.clock.Advance(milliseconds(1));
  EXPECT_EQ(Step(), CacheWarmer::kBatchKeysFirst);
}

TEST_F(CacheWarmerTest, AValueThatABatchHasNoRoomForIsReadOnceMoreAndOneTooLargeNever) {
  const std::string large(CacheWarmer::kBatchBytesMax / 3, 'x');
  std::vector<std::string> keys = {"huge"};
  rig.Do(client, {"SET", "huge", std::string(CacheWarmer::kBatchBytesMax + 1, 'x')});
  for (int i = 0; i < 7; ++i) {
    keys.push_back("large:" + std::to_string(i));
    rig.Do(client, {"SET", keys.back(), large});
  }
  for (int i = 0; i < 100; ++i) {
    keys.push_back("small:" + std::to_string(i));
    rig.Do(client, {"SET", keys.back(), "v"});
  }
  rig.gateway().lanes().Clear();
  const uint64_t reads = Reads();
  Warm(keys);
  for (const size_t loaded : {size_t{3}, size_t{6}}) {
    Step();
    rig.RunAll();
    EXPECT_EQ(warmer().counts().loaded, loaded);
  }
  Step();
  rig.RunAll();
  EXPECT_EQ(warmer().counts().loaded, 7U);
  EXPECT_EQ(Reads(), reads + 3);
  WarmToTheEnd();
  EXPECT_EQ(warmer().counts().loaded, 107U);
  EXPECT_FALSE(InMemory("huge"));
}

TEST_F(CacheWarmerTest, WhatIsNotToBeKeptIsNotRead) {
  Keyspace bypassed;
  bypassed.prefix = "key:1";
  bypassed.bypass = true;
  Keyspace not_kept;
  not_kept.prefix = "key:2";
  not_kept.cache_ttl = milliseconds(0);
  rig.gateway().SetKeyspaces({bypassed, not_kept});
  const uint64_t reads = Reads();
  const size_t key_bytes_max = rig.store().limits().key_bytes_max;
  Warm({Key(1), Key(2), std::string(key_bytes_max + 1, 'k')});
  WarmToTheEnd();
  EXPECT_EQ(Reads(), reads);
  EXPECT_EQ(warmer().counts().loaded, 0U);
}

// Somebody has written to the database behind weir.
TEST_F(CacheWarmerTest, WhoWasShownAnotherVersionIsToldOfTheOneThatIsFound) {
  rig.Do(client, {"SET", "gone", "v"});
  rig.Do(client, {"HELLO", "3"});
  rig.Do(client, {"CLIENT", "TRACKING", "ON"});
  rig.Do(client, {"GET", Key(0)});
  rig.Do(client, {"GET", "gone"});
  rig.gateway().lanes().Clear();
  rig.store().Preload(rig.StoreKey(Key(0)), {Bytes::Copy("theirs"), kNever, ~store::Version{0}});
  rig.store().Preload(rig.StoreKey("gone"), {Bytes::Copy("v"), {1}, ~store::Version{0}});
  Warm({Key(0), Key(1), Key(2), "gone"});
  WarmToTheEnd();
  const std::vector<std::string> told = {"[invalidate [key:0]]", "[invalidate [gone]]"};
  EXPECT_EQ(rig.Replies(client), told);
}

TEST_F(CacheWarmerTest, WhatIsDroppedIsNotAskedFor) {
  Warm(Many(1000));
  Step();
  warmer().Drop();
  const uint64_t reads = Reads();
  WarmToTheEnd();
  EXPECT_EQ(Reads(), reads);
  EXPECT_EQ(warmer().counts().dropped, 1000 - CacheWarmer::kBatchKeysFirst);
}

TEST_F(CacheWarmerTest, AfterItsTimeWhatIsLeftIsDropped) {
  Warm(Many(1000));
  Step();
  AnswerAfter(CacheWarmer::kTimeMax + milliseconds(1));
  Step();
  EXPECT_TRUE(warmer().done());
  EXPECT_EQ(warmer().counts().dropped, 1000 - CacheWarmer::kBatchKeysFirst);
}

TEST_F(CacheWarmerTest, TheOrderOfTheListIsThatOfTheCacheAndBehindWhatClientsAskFor) {
  const std::vector<std::string> keys = Many(500);
  for (const std::string& key : keys) rig.Do(client, {"SET", key, "v"});
  rig.gateway().lanes().Clear();
  rig.Do(client, {"GET", Key(0)});
  Warm(keys);
  WarmToTheEnd();
  std::vector<std::string> listed;
  TakeEntries(rig.gateway().lanes(), rig.gateway().placement(), rig.clock.Wall(),
              [&](const SnapshotEntry& entry) {
                listed.emplace_back(entry.key);
                return true;
              });
  std::vector<std::string> expected = {Key(0)};
  expected.insert(expected.end(), keys.begin(), keys.end());
  EXPECT_EQ(listed, expected);
}

class CacheWarmerInLittleRoom : public CacheWarmerTest {
 protected:
  CacheWarmerInLittleRoom() : CacheWarmerTest(Little()) {}
  static GatewayRig::Options Little() {
    GatewayRig::Options options;
    options.lanes = 1;
    options.memory.value_bytes = size_t{1} << 20;
    return options;
  }
};

TEST_F(CacheWarmerInLittleRoom, ItEvictsNothing) {
  std::vector<std::string> keys;
  for (int i = 0; i < 400; ++i) {
    keys.push_back("kept:" + std::to_string(i));
    rig.Do(client, {"SET", keys.back(), std::string(4000, 'x')});
  }
  rig.gateway().lanes().Clear();
  const uint64_t evicted = rig.gateway().lanes().Sum().cache.evicted;
  Warm(keys);
  WarmToTheEnd();
  EXPECT_EQ(rig.gateway().lanes().Sum().cache.evicted, evicted);
  EXPECT_TRUE(InMemory(keys[0]));
  EXPECT_FALSE(InMemory(keys.back()));
}

class CacheWarmerOfTwoDatabases : public CacheWarmerTest {
 protected:
  CacheWarmerOfTwoDatabases() : CacheWarmerTest(Two()) {
    for (uint32_t i = 0; i < 2; ++i) {
      keys.push_back(rig.KeyIn(i));
      rig.Do(client, {"SET", keys.back(), "v"});
    }
    rig.gateway().lanes().Clear();
  }
  static GatewayRig::Options Two() {
    GatewayRig::Options options = Roomy();
    options.databases = 2;
    return options;
  }
  std::vector<std::string> keys;
};

TEST_F(CacheWarmerOfTwoDatabases, EachHasABatchOfItsOwn) {
  Warm(keys);
  EXPECT_EQ(Step(), 2U);
  rig.Complete(Kind::kLoad, Outcome::kDone, 1);
  EXPECT_TRUE(InMemory(keys[1]));
  EXPECT_FALSE(InMemory(keys[0]));
  WarmToTheEnd();
  EXPECT_TRUE(InMemory(keys[0]));
}

TEST_F(CacheWarmerOfTwoDatabases, KeysThatHaveMovedAreReadWhereTheyAre) {
  Warm(keys);
  rig.Do(client, {"WEIR.SHARD", "MOVE", "0", "1"});
  const Placement& placement = rig.gateway().placement();
  for (int i = 0; i < 100 && placement.Place(keys[0]).place.database == 0; ++i) {
    rig.Pass(milliseconds(100));
    rig.gateway().Tick();
    rig.RunAll();
  }
  ASSERT_EQ(placement.Place(keys[0]).place.database, 1U);
  const uint64_t reads = rig.store(0).calls(Kind::kLoad);
  WarmToTheEnd();
  EXPECT_TRUE(InMemory(keys[0]));
  EXPECT_TRUE(InMemory(keys[1]));
  EXPECT_EQ(rig.store(0).calls(Kind::kLoad), reads);
}

// What it has read may be a copy that is no longer kept.
TEST_F(CacheWarmerOfTwoDatabases, WhatIsReadWhileItsKeyMovesIsNotKept) {
  const Placement& placement = rig.gateway().placement();
  Warm({keys[0]});
  Step();
  const ScriptedStore::CallId load = rig.First(Kind::kLoad);
  rig.store().Perform(load);
  rig.SendAndHandOn(client, {"WEIR.SHARD", "MOVE", "0", "1"});
  for (int i = 0; i < 100 && placement.Place(keys[0]).place.database == 0; ++i) {
    rig.Pass(milliseconds(100));
    rig.gateway().Tick();
    for (uint32_t database = 0; database < 2; ++database) {
      for (const ScriptedStore::CallId id : rig.store(database).held()) {
        if (database != 0 || id != load) rig.store(database).Complete(id);
      }
    }
    rig.Deliver();
  }
  ASSERT_EQ(placement.Place(keys[0]).place.database, 1U);
  rig.store().Answer(load);
  rig.RunAll();
  EXPECT_FALSE(InMemory(keys[0]));
}

}  // namespace
}  // namespace weir::gateway
