// Goal: what a policy gains in simulation the cache gains too, with what is remembered of entries
// that are gone within its budget.
// Method: a loop that is larger than the cache, of which LRU keeps nothing and LIRS all but what
// does not fit.

#include <string>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/cache/cache.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr uint64_t kHashSeed = 1;

TEST(CachePolicy, KeepsPartOfALoopAlsoWhereItsMemoryOfWhatIsGoneIsWithinTheBudget) {
  constexpr size_t kKeys = 900;
  constexpr int kRounds = 12;
  for (const auto history : {Cache::History::kWithinBudget, Cache::History::kBesideBudget}) {
    Cache cache({.budget_bytes = size_t{360} << 10, .hash_seed = kHashSeed, .history = history});
    const Value value{Bytes::Copy(std::string(500, 'v')), kNever, 1};
    size_t hits = 0;
    for (int round = 0; round < kRounds; ++round) {
      hits = 0;
      for (size_t n = 0; n < kKeys; ++n) {
        const std::string key = "key:" + std::to_string(n);
        const uint64_t hash = SeededHash(key, kHashSeed);
        if (cache.Find(key, hash, kNow).has_value()) {
          ++hits;
        } else {
          cache.Put(key, hash, value, kNever, kNow);
        }
      }
    }
    EXPECT_GT(hits, cache.entries() * 9 / 10) << cache.policy();
    EXPECT_LT(cache.entries(), kKeys * 4 / 5);
  }
}

}  // namespace
}  // namespace weir::cache
