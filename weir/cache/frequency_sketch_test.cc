// Goal: counts are never too low, seldom too high, and fade.
// Method: known counts of many keys; as many additions as halve them.

#include "weir/cache/frequency_sketch.h"

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::cache {
namespace {

uint64_t HashOf(uint64_t key) {
  return Random(key).Next();
}

TEST(FrequencySketch, CountsUpToItsLimit) {
  FrequencySketch sketch;
  sketch.Reset(1000);
  for (uint32_t n = 1; n <= 20; ++n) {
    sketch.Add(HashOf(1));
    EXPECT_EQ(sketch.Count(HashOf(1)), std::min(n, FrequencySketch::kCountMax));
  }
  EXPECT_EQ(sketch.Count(HashOf(2)), 0U);
}

TEST(FrequencySketch, IsNeverTooLowAndSeldomTooHigh) {
  constexpr uint64_t kKeys = 1000;
  FrequencySketch sketch;
  sketch.Reset(kKeys);
  for (uint64_t key = 0; key < kKeys; ++key) {
    for (uint64_t n = 0; n < key % 4; ++n) sketch.Add(HashOf(key));
  }
  size_t wrong = 0;
  for (uint64_t key = 0; key < kKeys; ++key) {
    ASSERT_GE(sketch.Count(HashOf(key)), key % 4);
    wrong += sketch.Count(HashOf(key)) != key % 4 ? 1 : 0;
  }
  EXPECT_LE(wrong, kKeys / 50);
}

TEST(FrequencySketch, HalvesWhatWasPopularOnce) {
  FrequencySketch sketch;
  sketch.Reset(1000);
  for (int n = 0; n < 15; ++n) sketch.Add(HashOf(1));
  for (uint64_t n = 0; n < 4000; ++n) sketch.Add(HashOf(100 + n % 500));
  EXPECT_EQ(sketch.Count(HashOf(1)), 7U);
}

TEST(FrequencySketch, WithoutCapacityCountsNothing) {
  FrequencySketch sketch;
  sketch.Add(HashOf(1));
  EXPECT_EQ(sketch.Count(HashOf(1)), 0U);
}

}  // namespace
}  // namespace weir::cache
