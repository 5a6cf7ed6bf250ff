// Goal: what a few requests, or a scan, do to a cache costs the other requests next to nothing,
// although the cache chooses its policy by what is asked for.
// Method: bursts of skewed requests for hot keys between bursts of keys that never come again,
// replayed with and without a rider that sends one request in five thousand; only the others'
// hits are counted. The riders: what misled a cache that sizes its window by densities (a key that
// is asked for again at once, while nothing else is a hit), and what pollutes.
// Source of the first: docs of Caffeine's window climber, where it costs 8.3 points.

#include <cmath>
#include <functional>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/cache/cache.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr uint64_t kHashSeed = 1;
constexpr size_t kEntries = 500;
constexpr size_t kValueBytes = 500;
constexpr uint64_t kHotKeys = 4000;
constexpr uint64_t kRiderEvery = 10'000;  // Two requests: 0.02 % of all.
constexpr uint64_t kRequests = 200'000;
constexpr uint64_t kBurst = 1000;
constexpr uint64_t kLoopKeys = 900;
constexpr size_t kShadowBytes = size_t{48} << 10;  // The least that a lane of the server has.
constexpr double kCostMax = 1.0;                   // Hits of 100 requests.
constexpr double kCostOfLargeMax = 2.0;            // Each displaces sixty entries.
constexpr uint64_t kOnce = uint64_t{1} << 32;      // Keys from here on are of the scans,
constexpr uint64_t kRider = uint64_t{1} << 33;     // and of the rider.

class Requests {
 public:
  Requests()
      : small_{Bytes::Copy(std::string(kValueBytes, 'v')), kNever, 1},
        cache_({.budget_bytes = Cache::Cost(kKeyBytes, &small_) * kEntries,
                .hash_seed = kHashSeed,
                .shadow_bytes = kShadowBytes}),
        large_{Bytes::Copy(std::string(cache_.budget_bytes() / 8 - 200, 'w')), kNever, 1} {}

  bool Ask(uint64_t key, bool large = false) {
    const std::string name = "k" + std::to_string(kFirstKey + key);
    const uint64_t hash = SeededHash(name, kHashSeed);
    if (cache_.Find(name, hash, kNow).has_value()) return true;
    cache_.Put(name, hash, large ? large_ : small_, kNever, kNow);
    return false;
  }
  const Cache& cache() const { return cache_; }

 private:
  static constexpr uint64_t kFirstKey = 10'000'000'000;
  static constexpr size_t kKeyBytes = 12;

  Value small_;
  Cache cache_;
  Value large_;  // As large as is kept.
};

// A rank whose probability falls as its inverse.
uint64_t HotKey(Random& random) {
  const double share = static_cast<double>(random.Next() >> 11) * 0x1p-53;
  return static_cast<uint64_t>(std::pow(static_cast<double>(kHotKeys), share));
}

bool IsScan(uint64_t n) {
  return n / kBurst % 2 == 1;
}

// Returns the key of request n.
using Victim = std::function<uint64_t(uint64_t n, Random& random)>;
using Rider = std::function<void(Requests& requests, uint64_t turn)>;

uint64_t Hot(uint64_t, Random& random) {
  return HotKey(random);
}
uint64_t HotBetweenScans(uint64_t n, Random& random) {
  const uint64_t hot = HotKey(random);
  return IsScan(n) ? kOnce + n : hot;
}
// Of which LRU keeps nothing: what pays is what another behaviour than the first does.
uint64_t Loop(uint64_t n, Random&) {
  return n % kLoopKeys;
}

// Returns the hits of 100 of the victim's requests for keys that come more than once.
double HitRatio(const Victim& victim, const Rider& rider = nullptr) {
  Requests requests;
  Random random(20261127);
  uint64_t hits = 0;
  uint64_t counted = 0;
  for (uint64_t n = 0; n < kRequests; ++n) {
    const uint64_t key = victim(n, random);
    hits += requests.Ask(key) ? 1 : 0;
    counted += key < kOnce ? 1 : 0;
    if (rider && n % kRiderEvery == kRiderEvery - 1) rider(requests, n / kRiderEvery);
  }
  EXPECT_LE(requests.cache().bytes(), requests.cache().budget_bytes());
  return 100.0 * static_cast<double>(hits) / static_cast<double>(counted);
}

void ExpectRiderCosts(double most, const char* name, const Rider& rider) {
  const std::pair<const char*, Victim> victims[] = {{"scans", HotBetweenScans}, {"loop", Loop}};
  for (const auto& [victim_name, victim] : victims) {
    static std::map<std::string, double> alone;
    if (!alone.contains(victim_name)) alone[victim_name] = HitRatio(victim);
    EXPECT_GT(alone[victim_name], 35) << victim_name;
    EXPECT_GT(HitRatio(victim, rider), alone[victim_name] - most) << victim_name << ", " << name;
  }
}

TEST(CacheHostile, ARiderThatAsksForEachKeyTwiceCostsTheOthersLessThanAPoint) {
  ExpectRiderCosts(kCostMax, "again", [](Requests& requests, uint64_t turn) {
    requests.Ask(kRider + turn);
    requests.Ask(kRider + turn);
  });
}

TEST(CacheHostile, ARiderThatAsksForOneKeyCostsTheOthersLessThanAPoint) {
  ExpectRiderCosts(kCostMax, "one", [](Requests& requests, uint64_t) {
    requests.Ask(kRider);
    requests.Ask(kRider);
  });
}

TEST(CacheHostile, ARiderWithTheLargestValuesCostsTheOthersLittleMoreThanThose) {
  ExpectRiderCosts(kCostOfLargeMax, "large", [](Requests& requests, uint64_t turn) {
    requests.Ask(kRider + 2 * turn, true);
    requests.Ask(kRider + 2 * turn + 1, true);
  });
  ExpectRiderCosts(kCostOfLargeMax, "large, again", [](Requests& requests, uint64_t turn) {
    requests.Ask(kRider + turn, true);
    requests.Ask(kRider + turn, true);
  });
}

TEST(CacheHostile, ScansOfTwiceWhatFitsCostHotKeysLessThanFivePoints) {
  EXPECT_GT(HitRatio(HotBetweenScans), HitRatio(Hot) - 5);
}

}  // namespace
}  // namespace weir::cache
