// Goal: the shadows find the behaviour that pays, go along when that changes, follow a key wholly
// or not at all, and stay within their memory. Method: a loop pays LIRS alone, recency pays LRU;
// what a shadow answers is read from its hits.

#include "weir/cache/shadows.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr size_t kMemory = size_t{4} << 20;

uint64_t HashOf(uint64_t key) {
  return Random(key).Next();
}

size_t IndexOf(std::string_view name) {
  size_t index = 0;
  while (kBehaviours[index].name != name) ++index;
  return index;
}

void Ask(Shadows& shadows, uint64_t key, uint64_t weight = 1) {
  shadows.Find(HashOf(key), kNow);
  shadows.Put(HashOf(key), weight, kNever);
}

void AskInALoop(Shadows& shadows, uint64_t keys, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (uint64_t key = 0; key < keys; ++key) Ask(shadows, key);
  }
}

// New keys, each asked for again a little later: what is old is of no use.
void AskForWhatIsNew(Shadows& shadows, uint64_t keys) {
  for (uint64_t n = 0; n < keys; ++n) {
    Ask(shadows, 1'000'000 + n);
    if (n >= 700) Ask(shadows, 1'000'000 + n - 700);
  }
}

TEST(Shadows, ChooseLirsForALoop) {
  Shadows shadows({512, kMemory, IndexOf("s3lru")});
  shadows.Begin(0);
  AskInALoop(shadows, 1011, 10);
  const size_t choice = shadows.choice();
  EXPECT_TRUE(choice == IndexOf("lirs") || choice == IndexOf("wtinylfu_1pct"))
      << kBehaviours[choice].name;
  EXPECT_LE(shadows.report().changes, 16U);
}

TEST(Shadows, GoAlongWhenTheTrafficChanges) {
  Shadows shadows({1024, kMemory, IndexOf("s3lru")});
  shadows.Begin(0);
  AskInALoop(shadows, 2000, 20);
  const size_t before = shadows.choice();
  AskForWhatIsNew(shadows, 40'000);
  EXPECT_NE(shadows.choice(), before);
  EXPECT_NE(shadows.choice(), IndexOf("lirs"));
  AskInALoop(shadows, 2000, 20);
  EXPECT_EQ(shadows.choice(), before);
}

TEST(Shadows, AreTrueToScaleInASample) {
  Random random(3);
  Shadows whole({4000, size_t{64} << 20, IndexOf("lru")});
  whole.Begin(0);
  Shadows sampled({4000, size_t{256} << 10, IndexOf("lru")});
  sampled.Begin(0);
  for (int n = 0; n < 400'000; ++n) {
    const uint64_t key = random.Below(random.Below(20'000) + 1);
    Ask(whole, key);
    Ask(sampled, key);
  }
  EXPECT_EQ(whole.report().sample_rate, 1.0);
  EXPECT_LT(sampled.report().sample_rate, 0.5);
  for (size_t way = 0; way < Shadows::kWays; ++way) {
    const auto ratio = [way](const Shadows::Report& report) {
      return static_cast<double>(report.hits[way]) / static_cast<double>(report.lookups);
    };
    EXPECT_NEAR(ratio(sampled.report()), ratio(whole.report()), 0.06) << kBehaviours[way].name;
  }
}

TEST(Shadows, WhatIsErasedOrOverIsAMissInAll) {
  Shadows shadows({100, kMemory, 0});
  shadows.Begin(0);
  shadows.Put(HashOf(1), 1, kNever);
  shadows.Put(HashOf(2), 1, {2000});
  shadows.Find(HashOf(1), kNow);
  shadows.Find(HashOf(2), {1999});
  for (const uint64_t hits : shadows.report().hits) EXPECT_EQ(hits, 2U);
  shadows.Erase(HashOf(1));
  shadows.Find(HashOf(1), kNow);
  shadows.Find(HashOf(2), {2000});
  for (const uint64_t hits : shadows.report().hits) EXPECT_EQ(hits, 2U);
}

// Skewed requests; one key in eight is of this weight.
void AskForWeights(Shadows& shadows, uint64_t heavy, int requests = 50'000) {
  Random random(5);
  for (int n = 0; n < requests; ++n) {
    const uint64_t key = random.Below(random.Below(4000) + 1);
    Ask(shadows, key, key % 8 == 0 ? heavy : 10);
  }
}

// Returns what is begun with where keys have these weights, in turn.
size_t BegunWith(const std::vector<uint64_t>& weights, bool count_bytes = false) {
  Shadows shadows({uint64_t{1} << 40, kMemory, IndexOf("s3lru"), count_bytes});
  for (uint64_t key = 0; key < weights.size(); ++key) Ask(shadows, key, weights[key]);
  shadows.Begin(0);
  return shadows.choice();
}

// A thousand weights, `heavy_per_mille` of which are of `heavy` bytes and the others of `light`.
std::vector<uint64_t> TwoWeights(uint64_t light, uint64_t heavy, size_t heavy_per_mille) {
  std::vector<uint64_t> weights(1000, light);
  std::fill_n(weights.begin(), heavy_per_mille, heavy);
  return weights;
}

TEST(Shadows, BeginWithABehaviourThatWeighsWhereWeightsDifferInWhateverShares) {
  EXPECT_EQ(BegunWith(TwoWeights(5, 100, 250)), Shadows::kWeighing);
  EXPECT_EQ(BegunWith(TwoWeights(5, 100, 250), true), Shadows::kWeighingForBytes);
  EXPECT_EQ(BegunWith(TwoWeights(5, 100, 500)), Shadows::kWeighing);
  EXPECT_EQ(BegunWith(TwoWeights(5, 100, 750)), Shadows::kWeighing);
  EXPECT_EQ(BegunWith(TwoWeights(80, 1 << 20, 500)), Shadows::kWeighing);
  EXPECT_EQ(BegunWith(TwoWeights(100, 100'000, 10)), Shadows::kWeighing);
  EXPECT_EQ(BegunWith(TwoWeights(100, 100'000, 1)), Shadows::kWeighing) << "half of all bytes";
  std::vector<uint64_t> spread;
  for (int n = 0; n < 1000; ++n) {
    spread.push_back(static_cast<uint64_t>(100 * std::exp2(5.0 * n / 1000)));
  }
  EXPECT_EQ(BegunWith(spread), Shadows::kWeighing);
}

TEST(Shadows, BeginWithTheFirstWhereNearlyAllWeighTheSame) {
  const size_t first = IndexOf("s3lru");
  EXPECT_EQ(BegunWith(TwoWeights(100, 100, 500)), first);
  EXPECT_EQ(BegunWith(TwoWeights(120, 136, 500)), first);
  EXPECT_EQ(BegunWith(TwoWeights(100, 200, 300)), first);
  for (const uint64_t outlier : {uint64_t{1}, uint64_t{1} << 15, uint64_t{1} << 17}) {
    std::vector<uint64_t> weights(100'000, 100);
    weights.back() = outlier;
    EXPECT_EQ(BegunWith(weights), first) << outlier;
  }
}

TEST(Shadows, BeginWithTheFirstWhereThatWasFoundToPay) {
  Shadows shadows({10'000, kMemory, IndexOf("arc"), false, true});
  EXPECT_TRUE(shadows.found());
  AskForWeights(shadows, 1000, 1000);
  shadows.Begin(0);
  EXPECT_EQ(shadows.choice(), IndexOf("arc"));
  EXPECT_EQ(shadows.report().changes, 0U);
}

TEST(Shadows, HaveFoundNothingBeforeTheyWereAskedAsOftenAsThereAreEntries) {
  Shadows shadows({10'000, kMemory, IndexOf("arc")});
  shadows.Begin(1000);
  AskForWeights(shadows, 10, 999);
  EXPECT_FALSE(shadows.found());
  AskForWeights(shadows, 10, 1);
  EXPECT_TRUE(shadows.found());
}

TEST(Shadows, DoNotChangeToWhatWeighsWhereWeightsAreAlike) {
  Shadows shadows({10'000, kMemory, IndexOf("s3lru")});
  shadows.Begin(0);
  AskForWeights(shadows, 10);
  EXPECT_NE(kBehaviours[shadows.choice()].evict, Behaviour::Evict::kLeastWorth);
}

// What a behaviour was ahead by before it could be chosen must not count against each other one.
TEST(Shadows, ChangeToWhatWeighsOnceWhereWeightsComeToDiffer) {
  for (const int alike : {5'000, 50'000, 500'000}) {
    Shadows shadows({10'000, kMemory, IndexOf("s3lru")});
    shadows.Begin(0);
    AskForWeights(shadows, 10, alike);
    const uint64_t before = shadows.report().changes;
    AskForWeights(shadows, 1000, 500'000);
    EXPECT_EQ(shadows.choice(), Shadows::kWeighing) << alike;
    EXPECT_LE(shadows.report().changes, before + 2) << alike;
  }
}

TEST(Shadows, FollowNoKeyBeforeTheyBegin) {
  Shadows shadows({512, kMemory, 0});
  AskInALoop(shadows, 1000, 10);
  EXPECT_EQ(shadows.report().lookups, 0U);
  EXPECT_EQ(shadows.report().sample_rate, 0.0);
  shadows.Begin(0);
  AskInALoop(shadows, 1000, 1);
  EXPECT_EQ(shadows.report().lookups, 1000U);
}

TEST(Shadows, BeginWithASampleThatFitsTheirMemory) {
  const Shadows::Options options{100'000, 1024 * Shadows::kBytesOfKey, 0};
  Shadows fits(options);
  fits.Begin(1024);
  EXPECT_EQ(fits.report().sample_rate, 1.0);
  Shadows half(options);
  half.Begin(1025);
  EXPECT_EQ(half.report().sample_rate, 0.5);
  half.Begin(1024);
  EXPECT_EQ(half.report().sample_rate, 0.5);
}

TEST(Shadows, WithoutMemoryStayWithTheFirst) {
  Shadows shadows({512, 0, 3});
  shadows.Begin(0);
  AskInALoop(shadows, 1000, 10);
  EXPECT_EQ(shadows.choice(), 3U);
  EXPECT_EQ(shadows.report().lookups, 0U);
}

}  // namespace
}  // namespace weir::cache
