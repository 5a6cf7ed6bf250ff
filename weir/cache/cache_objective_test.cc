// Goal: where entries differ in weight the cache makes the most of what it is set to count, hits or
// their bytes, and large entries are kept only where bytes count.
// Method: skewed requests for keys of made-up sizes, replayed beside a cache that keeps its first
// policy; the policy in force; an entry at the limit and one above.

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/cache/cache.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr uint64_t kHashSeed = 1;
constexpr size_t kBudget = size_t{4} << 20;
constexpr uint64_t kKeys = 20'000;
constexpr double kSizesSpread = 9;  // Factors of two.

// Independent of how often the key is asked for.
Value ValueOf(uint64_t key, double factors) {
  const double share = static_cast<double>(Random(key).Next() >> 11) * 0x1p-53;
  return {Bytes::Copy(std::string(static_cast<size_t>(100 * std::exp2(factors * share)), 'v')),
          kNever, 1};
}

struct Answered {
  uint64_t hits = 0;
  uint64_t bytes = 0;
};

// Keys by rank, the probability of a rank falling as its inverse, with what is asked for once
// between them.
Answered Replay(Cache& cache, double factors) {
  Random random(11);
  Answered answered;
  for (uint64_t n = 0; n < 120'000; ++n) {
    const double share = static_cast<double>(random.Next() >> 11) * 0x1p-53;
    const auto key =
        n % 3 == 0 ? kKeys + n : static_cast<uint64_t>(std::pow(static_cast<double>(kKeys), share));
    const std::string name = "key:" + std::to_string(key * 7919);
    const uint64_t hash = SeededHash(name, kHashSeed);
    if (const auto hit = cache.Find(name, hash, kNow)) {
      ++answered.hits;
      answered.bytes += hit->value.size();
      continue;
    }
    cache.Put(name, hash, ValueOf(key, factors), kNever, kNow);
  }
  EXPECT_LE(cache.bytes(), cache.budget_bytes());
  return answered;
}

Cache CacheFor(Cache::Objective objective, size_t shadow_bytes = size_t{1} << 20) {
  return Cache({.budget_bytes = kBudget,
                .hash_seed = kHashSeed,
                .shadow_bytes = shadow_bytes,
                .objective = objective});
}

TEST(CacheObjective, WhatIsSetToCountIsMoreThanWithoutThat) {
  Cache first = CacheFor(Cache::Objective::kHits, 0);
  Cache for_hits = CacheFor(Cache::Objective::kHits);
  Cache for_bytes = CacheFor(Cache::Objective::kBytes);
  const Answered as_first = Replay(first, kSizesSpread);
  const Answered hits = Replay(for_hits, kSizesSpread);
  const Answered bytes = Replay(for_bytes, kSizesSpread);
  EXPECT_EQ(first.policy(), Cache::kFirstBehaviour);
  EXPECT_GT(hits.hits, as_first.hits + as_first.hits / 20);
  EXPECT_GT(bytes.bytes, as_first.bytes - as_first.bytes / 200) << "which looks at no sizes";
  EXPECT_GT(bytes.bytes, hits.bytes);
  EXPECT_GT(hits.hits, bytes.hits);
}

TEST(CacheObjective, WeightsThatAreAlikeChooseNoPolicy) {
  Cache alike = CacheFor(Cache::Objective::kHits);
  Cache differ = CacheFor(Cache::Objective::kHits);
  Cache for_bytes = CacheFor(Cache::Objective::kBytes);
  uint64_t key = 0;
  const auto fill = [&key](Cache& cache, double factors) {
    while (cache.bytes() < kBudget * 3 / 4) {
      const std::string name = "key:" + std::to_string(key++);
      const uint64_t hash = SeededHash(name, kHashSeed);
      cache.Put(name, hash, ValueOf(key, factors), kNever, kNow);
      cache.Find(name, hash, kNow);
    }
  };
  fill(alike, 1);
  fill(differ, kSizesSpread);
  fill(for_bytes, kSizesSpread);
  EXPECT_EQ(alike.policy(), Cache::kFirstBehaviour);
  EXPECT_EQ(differ.policy(), kBehaviours[Shadows::kWeighing].name);
  EXPECT_EQ(for_bytes.policy(), kBehaviours[Shadows::kWeighingForBytes].name);
}

// New keys, each asked for again a little later: to keep many light ones is of no use.
void AskForWhatIsNew(Cache& cache, uint64_t keys, uint64_t later) {
  for (uint64_t n = 0; n < keys; ++n) {
    for (const uint64_t key : {n, n - later}) {
      if (key > n) continue;
      const std::string name = "key:" + std::to_string(key);
      const uint64_t hash = SeededHash(name, kHashSeed);
      if (cache.Find(name, hash, kNow)) continue;
      cache.Put(name, hash, ValueOf(key, 4), kNever, kNow);
    }
  }
}

TEST(CacheObjective, WhatWasFoundToPayStaysWhenAllEntriesAreTaken) {
  Cache cache = CacheFor(Cache::Objective::kHits);
  AskForWhatIsNew(cache, 100'000, 6'000);
  const std::string_view policy = cache.policy();
  ASSERT_NE(policy, kBehaviours[Shadows::kWeighing].name);
  for (int n = 0; n < 2; ++n) {
    cache.TakeEntries();
    EXPECT_EQ(cache.policy(), policy);
  }
  AskForWhatIsNew(cache, 8'000, 6'000);
  ASSERT_GT(cache.bytes(), kBudget / 2);
  EXPECT_EQ(cache.shadows().changes, 0U);
  EXPECT_EQ(cache.policy(), policy);
}

TEST(CacheObjective, AnEntryOfHalfOfTheBudgetIsKeptWhereBytesCount) {
  const std::string key = "key";
  const uint64_t hash = SeededHash(key, kHashSeed);
  for (const auto objective : {Cache::Objective::kHits, Cache::Objective::kBytes}) {
    Cache cache = CacheFor(objective);
    const size_t most = kBudget / (objective == Cache::Objective::kHits ? 8 : 2);
    const Value small{Bytes::Copy(std::string(most / 16 * 16 - 256, 'v')), kNever, 1};
    ASSERT_LE(Cache::Cost(key.size(), &small), most);
    cache.Put(key, hash, small, kNever, kNow);
    EXPECT_EQ(cache.entries(), 1U);
    const Value large{Bytes::Copy(std::string(most, 'v')), kNever, 1};
    cache.Put(key, hash, large, kNever, kNow);
    EXPECT_EQ(cache.entries(), 0U) << "the one before is gone";
    EXPECT_EQ(cache.counters().rejected, 1U);
  }
}

}  // namespace
}  // namespace weir::cache
