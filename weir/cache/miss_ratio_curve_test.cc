// Goal: the curve is what replays of the cache at other sizes find, within its memory and work, and
// knows of ends and erasures. Method: generated traces with skew, loops and scans, replayed through
// the cache itself at twenty sizes; counts of work and memory.

#include "weir/cache/miss_ratio_curve.h"

#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/cache/cache.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr uint64_t kHashSeed = 1;
constexpr size_t kMemory = size_t{1} << 20;
constexpr size_t kRequests = 60'000;
constexpr size_t kSizes = 20;

using Trace = std::vector<uint32_t>;

// Keys by rank, the probability of a rank falling as its inverse.
Trace Zipf(uint32_t keys) {
  Random random(5);
  Trace trace;
  for (size_t n = 0; n < kRequests; ++n) {
    const double share = static_cast<double>(random.Next() >> 11) * 0x1.0p-53;
    trace.push_back(static_cast<uint32_t>(std::pow(keys, share)));
  }
  return trace;
}

Trace Loop(uint32_t keys) {
  Trace trace;
  for (size_t n = 0; n < kRequests; ++n) trace.push_back(static_cast<uint32_t>(n % keys));
  return trace;
}

// Skewed requests with scans of new keys between them.
Trace ZipfWithScans(uint32_t keys) {
  Trace trace = Zipf(keys);
  uint32_t next = 1'000'000;
  for (size_t n = 0; n < trace.size(); ++n) {
    if (n / 1000 % 3 == 0) trace[n] = next++;
  }
  return trace;
}

uint64_t EntryCost() {
  const Value empty;
  return Cache::Cost(sizeof(uint64_t), &empty);
}

Cache CacheOf(uint64_t entries, size_t curve_bytes) {
  return Cache({.budget_bytes = entries * EntryCost(),
                .hash_seed = kHashSeed,
                .shadow_bytes = size_t{256} << 10,
                .history = Cache::History::kBesideBudget,
                .curve_bytes = curve_bytes});
}

// Returns the miss ratio.
double Replay(const Trace& trace, Cache& cache) {
  size_t misses = 0;
  for (const uint64_t key : trace) {
    char name[sizeof(key)];
    std::memcpy(name, &key, sizeof(key));
    const std::string_view text(name, sizeof(name));
    const uint64_t hash = SeededHash(text, kHashSeed);
    if (cache.Find(text, hash, kNow).has_value()) continue;
    ++misses;
    cache.Put(text, hash, Value(), kNever, kNow);
  }
  return static_cast<double>(misses) / static_cast<double>(trace.size());
}

// Returns the mean distance, over sizes from an eighth to eight times `entries`, of the curve of a
// cache of `entries` from what caches of those sizes miss.
double MeanError(const Trace& trace, uint64_t entries) {
  Cache cache = CacheOf(entries, kMemory);
  Replay(trace, cache);
  EXPECT_LE(cache.curve()->memory_bytes(), kMemory);
  double sum = 0;
  for (size_t n = 0; n < kSizes; ++n) {
    const double scale = std::exp2(-3.0 + 6.0 * static_cast<double>(n) / (kSizes - 1));
    const auto size = static_cast<uint64_t>(scale * static_cast<double>(entries));
    Cache other = CacheOf(size, 0);
    const double exact = Replay(trace, other);
    sum += std::abs(MissRatioCurve::MissRatio(cache.curve()->counts(), scale) - exact);
  }
  return sum / kSizes;
}

TEST(MissRatioCurve, IsWithinOneAndAHalfPointsOfReplays) {
  EXPECT_LT(MeanError(Zipf(20'000), 1000), 0.015);
  EXPECT_LT(MeanError(ZipfWithScans(20'000), 1000), 0.015);
  EXPECT_LT(MeanError(Loop(1011), 512), 0.015);
}

uint64_t HashOf(uint64_t key) {
  return Random(key).Next();
}

void Ask(MissRatioCurve& curve, uint64_t key, WallTime now, WallTime until) {
  curve.Find(HashOf(key), now);
  curve.Put(HashOf(key), 1, until);
}

TEST(MissRatioCurve, WhatIsOverIsAMissAtEverySize) {
  MissRatioCurve curve({.budget_bytes = 1000});
  for (int64_t round = 0; round < 20; ++round) {
    // Ends as the next round begins; every second key never does.
    for (uint64_t key = 0; key < 100; ++key) {
      Ask(curve, key, {round * 10}, key % 2 == 0 ? kNever : WallTime{round * 10 + 10});
    }
  }
  const double expected = (50.0 * 20 + 50) / 2000;
  EXPECT_DOUBLE_EQ(MissRatioCurve::MissRatio(curve.counts(), 8), expected);
  EXPECT_DOUBLE_EQ(MissRatioCurve::MissRatio(curve.counts(), 1), expected);
}

TEST(MissRatioCurve, WhatIsErasedIsAMissAtEverySize) {
  MissRatioCurve curve({.budget_bytes = 1000});
  for (int round = 0; round < 10; ++round) {
    Ask(curve, 1, kNow, kNever);
    curve.Erase(HashOf(1));
  }
  EXPECT_DOUBLE_EQ(MissRatioCurve::MissRatio(curve.counts(), 8), 1);
}

TEST(MissRatioCurve, DoesNotDependOnWhetherAHotKeyIsInTheSample) {
  for (const uint64_t hot : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U}) {
    MissRatioCurve curve({.budget_bytes = 40'000, .memory_bytes = kMemory});
    Random random(hot);
    for (int n = 0; n < 300'000; ++n) {
      Ask(curve, hot, kNow, kNever);
      Ask(curve, 100 + random.Below(1'000'000), kNow, kNever);
    }
    // Half of the look-ups are for the hot key, and of the others few come again.
    EXPECT_NEAR(MissRatioCurve::MissRatio(curve.counts(), 1), 0.49, 0.02) << hot;
  }
}

TEST(MissRatioCurve, WorksNoMoreThanItMay) {
  MissRatioCurve curve({.budget_bytes = 20'000, .memory_bytes = kMemory, .work_max = 0.3});
  Random random(1);
  for (int n = 0; n < 1'000'000; ++n) Ask(curve, random.Below(100'000), kNow, kNever);
  EXPECT_LE(curve.work(), 0.33);
  EXPECT_LE(curve.memory_bytes(), kMemory);
}

TEST(MissRatioCurve, NeverRisesWithTheMemoryAndIsAMissWithoutLookups) {
  MissRatioCurve::Counts counts;
  EXPECT_EQ(MissRatioCurve::MissRatio(counts, 1), 1);
  counts.lookups = 100;
  for (size_t p = 0; p < MissRatioCurve::kPoints; ++p) counts.misses[p] = p % 2 == 0 ? 50 : 70;
  counts.misses.back() = 120;
  EXPECT_DOUBLE_EQ(MissRatioCurve::MissRatio(counts, 0.01), 0.5);
  for (double scale = 0.1; scale < 20; scale *= 1.1) {
    EXPECT_LE(MissRatioCurve::MissRatio(counts, scale * 1.1),
              MissRatioCurve::MissRatio(counts, scale));
  }
}

TEST(MissRatioCurve, WhatIsStaleIsAMiss) {
  Cache cache = CacheOf(1000, size_t{1} << 20);
  WallTime now = kNow;
  for (int round = 0; round < 10; ++round, now.ms += 20) {
    for (uint64_t n = 0; n < 100; ++n) {
      const std::string key = std::to_string(n);
      const uint64_t hash = SeededHash(key, 1);
      ASSERT_FALSE(cache.Find(key, hash, now).has_value());
      cache.Put(key, hash, Value(), {{now.ms + 10}, {now.ms + 1000}}, now);
    }
  }
  EXPECT_DOUBLE_EQ(MissRatioCurve::MissRatio(cache.curve()->counts(), 1), 1);
}

}  // namespace
}  // namespace weir::cache
