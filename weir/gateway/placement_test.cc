// Goal: a key's name decides its lane, its database and its keyspace, and keys of one tag stay
// together. Method: many keys over several lanes, ranges and prefixes.
#include "weir/gateway/placement.h"

#include <atomic>
#include <set>
#include <thread>

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

Placement::Options FourShards() {
  Placement::Options options;
  options.hash_seed = 11;
  options.lanes = 8;
  options.ranges = shard::RangeMap::Even(4).value();
  options.shards = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  return options;
}

TEST(Placement, KeysOfOneTagShareLaneShardAndDatabase) {
  const Placement placement(FourShards());
  for (int tag = 0; tag < 50; ++tag) {
    const std::string prefix = "{tag" + std::to_string(tag) + "}";
    const KeyHash hash = placement.Hash(prefix);
    const KeyPlace place = placement.Place(prefix);
    std::set<uint64_t> hashes = {hash.hash};
    for (int i = 0; i < 20; ++i) {
      const std::string key = prefix + std::to_string(i);
      EXPECT_EQ(placement.Hash(key).lane, hash.lane);
      EXPECT_EQ(placement.Place(key).place.database, place.place.database);
      EXPECT_EQ(placement.Place(key).place.shard, place.place.shard);
      hashes.insert(placement.Hash(key).hash);
    }
    EXPECT_EQ(hashes.size(), 21u) << "but each has a hash of its own";
  }
}

// Else keys that are together before a move and after it would seem to be apart.
TEST(Placement, WhatIsPlacedWhileRoutesStayTheSameIsPlacedByOneMap) {
  Placement placement(FourShards());
  std::atomic<bool> over = false;
  std::thread mover([&] {
    // All keys to the other database, and back: in no map are two of them apart.
    shard::RangeMap map = shard::RangeMap::Even(1).value();
    for (uint32_t i = 0; i < 20000; ++i) {
      const uint64_t move = map.BeginMove({0}, shard::ShardId{i % 2 == 0 ? 2U : 0U}).value();
      ASSERT_TRUE(map.Flip(move).ok() && map.Finish(move).ok() && map.EndMove(move).ok());
      placement.UseRanges(map, true);
    }
    over = true;
  });
  uint64_t apart = 0;
  while (!over) {
    const uint64_t routes = placement.routes();
    const uint32_t first = placement.Place("a").place.database;
    const uint32_t second = placement.Place("b").place.database;
    if (placement.routes() == routes && routes > 0 && first != second) ++apart;
  }
  mover.join();
  EXPECT_EQ(apart, 0U);
}

TEST(Placement, EveryLaneAndShardIsUsed) {
  const Placement placement(FourShards());
  std::set<uint32_t> lanes;
  std::set<std::pair<uint32_t, uint32_t>> places;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key" + std::to_string(i);
    lanes.insert(placement.Hash(key).lane);
    places.insert({placement.Place(key).place.database, placement.Place(key).place.shard});
  }
  EXPECT_EQ(lanes.size(), placement.lanes());
  EXPECT_EQ(places.size(), 4u);
}

TEST(Placement, TheSeedDecidesTheHash) {
  Placement::Options other = FourShards();
  other.hash_seed = 12;
  EXPECT_NE(Placement(FourShards()).Hash("k").hash, Placement(other).Hash("k").hash);
}

TEST(Placement, TheLongestPrefixNamesTheKeyspace) {
  Placement::Options options = FourShards();
  for (const char* prefix : {"a:", "a:b:", "a"}) {
    options.keyspaces.emplace_back();
    options.keyspaces.back().prefix = prefix;
  }
  options.fallback.prefix = "(none)";
  const Placement placement(options);
  EXPECT_EQ(placement.KeyspaceOf("a:b:c").prefix, "a:b:");
  EXPECT_EQ(placement.KeyspaceOf("a:c").prefix, "a:");
  EXPECT_EQ(placement.KeyspaceOf("ab").prefix, "a");
  EXPECT_EQ(placement.KeyspaceOf("b").prefix, "(none)");
}

TEST(Keyspace, KeepsFromNowOn) {
  Keyspace keyspace;
  EXPECT_EQ(keyspace.KeepFrom({1000}, 5).value_until, kNever);
  keyspace.cache_ttl = std::chrono::milliseconds(50);
  keyspace.negative_ttl = std::chrono::milliseconds(0);
  EXPECT_EQ(keyspace.KeepFrom({1000}, 5).value_until.ms, 1050);
  EXPECT_EQ(keyspace.KeepFrom({1000}, 5).absent_until.ms, 1000) << "not at all";
  keyspace.bypass = true;
  EXPECT_EQ(keyspace.KeepFrom({1000}, 5).value_until.ms, 1000);
}

}  // namespace
}  // namespace weir::gateway
