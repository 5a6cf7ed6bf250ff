// Goal: what a cache has of the system is little more than what its entries count for, also when
// sizes have changed and when most entries have ended at once; and an entry that was moved to that
// end is the same as before.
// Method: entries of many sizes, some shared, some with times, in a cache with room for all, of
// which most are erased or end; and in one that evicts, under both objectives, while sizes change.
// What is found is compared with what the key says that it must be.

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/cache/cache.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr WallTime kEnd{5000};
constexpr uint64_t kHashSeed = 1;
constexpr size_t kEntries = 20'000;

std::string KeyOf(uint64_t n) {
  return "key:" + std::to_string(1'000'000 + n);
}

// Different for each key. One in fifty is shared by reference.
std::string TextOf(uint64_t n) {
  Random random(n);
  const size_t size = random.OneIn(50) ? 5000 : 10 + random.Below(random.Below(3000) + 1);
  return std::string(size, static_cast<char>('a' + random.Below(26)));
}

void Put(Cache& cache, uint64_t n, const std::string& text, WallTime end) {
  const std::string key = KeyOf(n);
  cache.Put(key, SeededHash(key, kHashSeed), {Bytes::Copy(text), end, n}, kNever, kNow);
}

std::optional<Cache::Hit> Find(Cache& cache, uint64_t n, WallTime now) {
  const std::string key = KeyOf(n);
  return cache.Find(key, SeededHash(key, kHashSeed), now);
}

// Of a page in each class of entries that is in use, and an index that was larger before.
constexpr size_t kMore = size_t{4} << 20;

void ExpectLittleMoreThanItsBytes(const Cache& cache) {
  EXPECT_LE(cache.memory_bytes(), cache.bytes() + cache.bytes() / 20 + kMore);
}

TEST(CacheMemory, EntriesThatAreLeftAreTheSameAndTheMemoryOfTheOthersIsFree) {
  for (const bool end : {false, true}) {
    Cache cache({.budget_bytes = size_t{256} << 20, .hash_seed = kHashSeed});
    const auto stays = [](uint64_t n) { return Random(n + kEntries).OneIn(8); };
    for (uint64_t n = 0; n < kEntries; ++n) {
      Put(cache, n, TextOf(n), end && !stays(n) ? kEnd : WallTime{kEnd.ms + 1});
    }
    const size_t before = cache.bytes();
    for (uint64_t n = 0; n < kEntries && !end; ++n) {
      if (!stays(n)) cache.Erase(KeyOf(n), SeededHash(KeyOf(n), kHashSeed));
    }
    while (cache.Expire(kEnd, 256) == 256) continue;
    EXPECT_LT(cache.bytes(), before / 5);
    ExpectLittleMoreThanItsBytes(cache);
    for (uint64_t n = 0; n < kEntries; ++n) {
      const auto hit = Find(cache, n, kEnd);
      ASSERT_EQ(hit.has_value(), stays(n)) << n;
      if (!hit) continue;
      ASSERT_EQ(hit->value, TextOf(n));
      ASSERT_EQ(hit->version, n);
    }
    while (cache.Expire({kEnd.ms + 1}, 256) == 256) continue;
    EXPECT_EQ(cache.entries(), 0U);
    EXPECT_EQ(cache.bytes(), 0U);
  }
}

TEST(CacheMemory, WhereSizesChangeWhatIsFoundIsRightAndTheMemoryThatOfTheBudget) {
  for (const auto objective : {Cache::Objective::kHits, Cache::Objective::kBytes}) {
    Cache cache({.budget_bytes = size_t{8} << 20,
                 .hash_seed = kHashSeed,
                 .shadow_bytes = size_t{64} << 10,
                 .objective = objective});
    Random random(7);
    size_t hits = 0;
    for (const size_t size : {20, 2000, 90, 600, 3900, 40}) {
      const std::string text(size, static_cast<char>('a' + size % 26));
      const size_t puts = 3 * cache.budget_bytes() / (size + 40);
      for (size_t n = 0; n < puts; ++n) {
        const uint64_t key = size * 1'000'000 + random.Below(random.Below(puts) + 1);
        if (const auto hit = Find(cache, key, kNow)) {
          ++hits;
          ASSERT_EQ(hit->value, text);
          ASSERT_EQ(hit->version, key);
          continue;
        }
        Put(cache, key, text, random.OneIn(4) ? kEnd : kNever);
        ASSERT_LE(cache.bytes(), cache.budget_bytes());
      }
      ExpectLittleMoreThanItsBytes(cache);
    }
    EXPECT_GT(hits, 10'000U);
    while (cache.Expire(kEnd, 256) == 256) continue;
    ExpectLittleMoreThanItsBytes(cache);
    EXPECT_EQ(cache.next_end(), kNever);
  }
}

}  // namespace
}  // namespace weir::cache
