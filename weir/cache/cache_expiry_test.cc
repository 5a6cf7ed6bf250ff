// Goal: an entry ends at the earlier of its times, is not shown after it, and its memory is free
// when Expire says so. Method: times at the edge and one before it. Histories are in cache_test.cc.

#include <string>

#include <gtest/gtest.h>

#include "weir/base/bytes.h"
#include "weir/base/key_hash.h"
#include "weir/cache/cache.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};

uint64_t GoodHash(std::string_view key) {
  return SeededHash(key, 1);
}
Value MakeValue(std::string_view bytes, WallTime expires_at = kNever) {
  return {Bytes::Copy(bytes), expires_at, 0};
}
std::string KeyOf(size_t n) {
  return "key:" + std::to_string(n);
}

TEST(CacheExpiry, AnEntryEndsAtTheEarlierOfItsTimes) {
  Cache cache(Cache::Options{1 << 20});
  cache.Put("record", 1, MakeValue("v", {2000}), WallTime{3000}, kNow);
  cache.Put("keyspace", 2, MakeValue("v", {3000}), WallTime{2000}, kNow);
  EXPECT_TRUE(cache.Find("record", 1, {1999}).has_value());
  EXPECT_TRUE(cache.Find("keyspace", 2, {1999}).has_value());
  EXPECT_FALSE(cache.Find("record", 1, {2000}).has_value());
  EXPECT_FALSE(cache.Find("keyspace", 2, {2000}).has_value());
  EXPECT_EQ(cache.counters().expired, 2U);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(CacheExpiry, ExpireFreesWhatIsOverInPieces) {
  Cache cache(Cache::Options{1 << 20});
  for (uint64_t n = 0; n < 1000; ++n) {
    const std::string key = KeyOf(n);
    const WallTime until{n % 2 == 0 ? 5000 : 9000};
    cache.Put(key, GoodHash(key), MakeValue("v"), until, kNow);
  }
  cache.Put("stays", 1, MakeValue("v"), kNever, kNow);
  EXPECT_LE(cache.next_end(), WallTime{5000});
  while (cache.Expire({4999}, 100) == 100) continue;
  EXPECT_EQ(cache.entries(), 1001U);
  EXPECT_EQ(cache.next_end(), WallTime{5000});
  EXPECT_EQ(cache.Expire({5000}, 300), 300U);
  EXPECT_EQ(cache.entries(), 701U);
  EXPECT_LT(cache.Expire({5000}, 300), 300U);
  EXPECT_EQ(cache.entries(), 501U);
  while (cache.Expire({1'000'000}, 100) == 100) continue;
  EXPECT_EQ(cache.entries(), 1U);
  EXPECT_EQ(cache.next_end(), kNever);
  EXPECT_EQ(cache.counters().expired, 1000U);
  const Value value = MakeValue("v");
  EXPECT_EQ(cache.bytes(), Cache::Cost(5, &value, kNever, false));
}

TEST(CacheExpiry, AValueInPlaceOfAnotherEndsAtItsOwnTime) {
  Cache cache(Cache::Options{1 << 20});
  cache.Put("k", 1, MakeValue("a"), WallTime{5000}, kNow);
  cache.Put("k", 1, MakeValue("b"), WallTime{7000}, kNow);
  EXPECT_LT(cache.Expire({6999}, 100), 100U);
  EXPECT_EQ(cache.entries(), 1U);
  cache.Put("k", 1, MakeValue("c"), WallTime{7001}, {6999});
  cache.Put("k", 1, MakeValue("d"), WallTime{7000}, {6999});
  EXPECT_LT(cache.Expire({7000}, 100), 100U);
  EXPECT_EQ(cache.entries(), 0U);
}

TEST(CacheExpiry, AValueThatIsOverStillTakesAwayTheOneBeforeIt) {
  Cache cache(Cache::Options{1 << 20});
  cache.Put("k", 1, MakeValue("old"), kNever, kNow);
  cache.Put("k", 1, MakeValue("new", kNow), kNever, kNow);
  EXPECT_FALSE(cache.Find("k", 1, kNow).has_value());
  cache.Put("k", 1, MakeValue("old"), kNever, kNow);
  cache.PutAbsent("k", 1, kNow, kNow);
  EXPECT_FALSE(cache.Find("k", 1, kNow).has_value());
}

}  // namespace
}  // namespace weir::cache
