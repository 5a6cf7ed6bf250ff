// Goal: what a snapshot says is what clients would have found, and what is restored from it obeys
// what this process has written and how it is configured.
#include "weir/gateway/cache_snapshot.h"

#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

constexpr WallTime kNow{1'000'000};
constexpr size_t kBudget = size_t{8} << 20;

struct Kept {
  std::string value;
  WallTime expires_at;
  WallTime fresh_until;
  uint64_t version;
  bool operator==(const Kept&) const = default;
};

Keyspace WithTtl(std::string prefix, std::chrono::milliseconds ttl) {
  Keyspace keyspace;
  keyspace.prefix = std::move(prefix);
  keyspace.cache_ttl = ttl;
  return keyspace;
}

// The cache of one process.
class Process {
 public:
  explicit Process(uint64_t seed, std::vector<Keyspace> keyspaces = {})
      : placement(OptionsOf(seed, std::move(keyspaces))),
        lanes(placement.lanes(), kBudget, placement.hash_seed()) {}

  void Put(const std::string& key, const std::string& value, WallTime expires_at = kNever,
           uint64_t version = 1) {
    const KeyHash hash = placement.Hash(key);
    lanes.Lock(hash.lane)->Publish(key, hash.hash,
                                   cache::Value{Bytes::Copy(value), expires_at, version},
                                   placement.KeyspaceOf(key).KeepFrom(kNow, hash.hash), kNow);
  }
  std::map<std::string, Kept> Take(WallTime now = kNow, size_t most = SIZE_MAX) {
    std::map<std::string, Kept> taken;
    TakeEntries(lanes, placement, now, [&](const SnapshotEntry& entry) {
      Kept kept{std::string(entry.value), entry.expires_at, entry.fresh_until, entry.version};
      EXPECT_TRUE(taken.emplace(entry.key, std::move(kept)).second) << entry.key;
      return taken.size() < most;
    });
    return taken;
  }
  std::string See(const std::string& key, WallTime now = kNow) {
    const KeyHash hash = placement.Hash(key);
    const Lanes::Locked lane = lanes.Lock(hash.lane);
    const auto hit = lane->Find(key, hash.hash, now);
    return hit.has_value() ? std::string(hit->value) : "miss";
  }

  static Placement::Options OptionsOf(uint64_t seed, std::vector<Keyspace> keyspaces) {
    Placement::Options options;
    options.hash_seed = seed;
    options.lanes = 4;
    options.keyspaces = std::move(keyspaces);
    options.shards = {{0, 0}};
    return options;
  }

  Placement placement;
  Lanes lanes;
};

TEST(CacheSnapshot, AllThatClientsWouldHaveFoundIsInItOnce) {
  Process old(1, {WithTtl("t:", std::chrono::seconds(1))});
  std::map<std::string, Kept> put;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key:" + std::to_string(i);
    put[key] = {std::string(i % 7 == 0 ? 5000 : 10, 'v'), kNever, kNever, 3};
    old.Put(key, put[key].value, kNever, 3);
  }
  old.Put("ends", "v", {kNow.ms + 10});
  put["ends"] = {"v", {kNow.ms + 10}, {kNow.ms + 10}, 1};
  old.Put("t:k", "v");
  put["t:k"] = {"v", kNever, {kNow.ms + 1000}, 1};
  old.Put("over", "v", {kNow.ms + 5});
  const KeyHash gone = old.placement.Hash("gone");
  old.lanes.Lock(gone.lane)->Publish("gone", gone.hash, std::nullopt, {}, kNow);
  EXPECT_EQ(old.Take({kNow.ms + 5}), put);
  EXPECT_TRUE(old.Take().empty()) << "it has been taken";
}

// Nobody finds them, but they take their room until they are evicted.
TEST(CacheSnapshot, WhatWasInvalidatedIsNotInIt) {
  Process old(1);
  old.Put("p:1", "old");
  old.Put("p:2", "old");
  old.Put("{t}1", "old");
  old.lanes.InvalidatePrefix("p:");
  for (uint32_t lane = 0; lane < old.lanes.count(); ++lane)
    old.lanes.Lock(lane)->InvalidateTag("t");
  old.Put("p:1", "new");
  const std::map<std::string, Kept> taken = old.Take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken.at("p:1").value, "new");
}

TEST(CacheSnapshot, ItEndsWhenNoMoreIsToBeSeen) {
  Process old(1);
  for (int i = 0; i < 1000; ++i) old.Put(std::to_string(i), "v");
  EXPECT_EQ(old.Take(kNow, 300).size(), 300U);
}

class CacheRestoreTest : public testing::Test {
 protected:
  static SnapshotEntry Entry(std::string_view key, WallTime fresh_until = kNever) {
    return {.key = key, .value = "old", .fresh_until = fresh_until, .version = 1};
  }
};

TEST_F(CacheRestoreTest, WhatWasWrittenSinceItBeganStays) {
  Process fresh(2);
  CacheRestore restore(fresh.lanes, fresh.placement);
  restore.Begin();
  fresh.Put("a", "new");
  EXPECT_FALSE(restore.Put(Entry("a"), kNow));
  EXPECT_TRUE(restore.Put(Entry("b"), kNow));
  EXPECT_EQ(fresh.See("a"), "new");
  EXPECT_EQ(fresh.See("b"), "old");
  fresh.Put("b", "new");
  EXPECT_FALSE(restore.Put(Entry("b"), kNow));
  EXPECT_EQ(fresh.See("b"), "new");
  EXPECT_EQ(restore.kept(), 1U);
  restore.End();
  EXPECT_FALSE(restore.Put(Entry("c"), kNow));
}

TEST_F(CacheRestoreTest, TimesAreTheShorterOfBoth) {
  Keyspace bypassed;
  bypassed.prefix = "b:";
  bypassed.bypass = true;
  Process fresh(2, {WithTtl("t:", std::chrono::seconds(1)), bypassed});
  CacheRestore restore(fresh.lanes, fresh.placement);
  restore.Begin();
  EXPECT_FALSE(restore.Put(Entry("b:1"), kNow));
  EXPECT_FALSE(restore.Put(Entry("over", kNow), kNow));
  EXPECT_TRUE(restore.Put(Entry("t:long", {kNow.ms + 9000}), kNow));
  EXPECT_TRUE(restore.Put(Entry("t:short", {kNow.ms + 10}), kNow));
  EXPECT_EQ(fresh.See("t:short", {kNow.ms + 9}), "old");
  EXPECT_EQ(fresh.See("t:short", {kNow.ms + 10}), "miss");
  EXPECT_EQ(fresh.See("t:long", {kNow.ms + 999}), "old");
  EXPECT_EQ(fresh.See("t:long", {kNow.ms + 1000}), "miss");
}

TEST_F(CacheRestoreTest, ItTakesTheRoomOfNothing) {
  Process fresh(2);
  fresh.Put("asked for", "v");
  CacheRestore restore(fresh.lanes, fresh.placement);
  restore.Begin();
  const std::string value(3000, 'v');
  for (int i = 0; i < 10'000 && !restore.full(); ++i) {
    restore.Put({.key = std::to_string(i), .value = value}, kNow);
  }
  EXPECT_TRUE(restore.full());
  EXPECT_EQ(fresh.lanes.Sum().cache.evicted, 0U);
  EXPECT_EQ(fresh.See("asked for"), "v");
}

}  // namespace
}  // namespace weir::gateway
