// Goal: buckets agree with what others compute, are even, and only the new bucket gains. Method:
// vectors that other implementations publish; random hashes over growing numbers of buckets.
#include "weir/ring/jump_hash.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::ring {
namespace {

struct Vector {
  uint64_t key_hash;
  uint32_t buckets;
  uint32_t bucket;
};

// Golden: from the tests of github.com/dgryski/go-jump and of Guava's Hashing.consistentHash kin.
constexpr std::array kVectors = {
    Vector{1, 1, 0},
    Vector{42, 57, 43},
    Vector{0xdead10cc, 1, 0},
    Vector{0xdead10cc, 666, 361},
    Vector{256, 1024, 520},
    Vector{10863919174838991U, 11, 6},
    Vector{2016238256797177309U, 11, 3},
    Vector{1673758223894951030U, 11, 5},
    Vector{0, 2, 0},
    Vector{4, 2, 1},
};

TEST(JumpHashTest, BucketsAreThoseOfOtherImplementations) {
  for (const Vector& vector : kVectors) {
    EXPECT_EQ(JumpHash(vector.key_hash, vector.buckets), vector.bucket) << vector.key_hash;
  }
  EXPECT_DEATH((void)JumpHash(1, 0), "buckets");
}

TEST(JumpHashTest, ANewBucketTakesItsShareAndNothingElseMoves) {
  constexpr int kHashes = 20'000;
  Random random(1);
  for (int i = 0; i < kHashes; ++i) {
    const uint64_t hash = random.Next();
    uint32_t before = JumpHash(hash, 1);
    for (uint32_t buckets = 2; buckets <= 20; ++buckets) {
      const uint32_t after = JumpHash(hash, buckets);
      ASSERT_TRUE(after == before || after == buckets - 1);
      before = after;
    }
  }
  std::vector<int> held(20, 0);
  for (int i = 0; i < kHashes; ++i) ++held[JumpHash(random.Next(), 20)];
  // 1000 expected in each; five standard deviations.
  for (const int count : held) EXPECT_NEAR(count, kHashes / 20, 155);
}

TEST(JumpHashTest, TheMostBucketsAreInRange) {
  Random random(2);
  for (int i = 0; i < 1000; ++i) EXPECT_LT(JumpHash(random.Next(), ~uint32_t{0}), ~uint32_t{0});
}

}  // namespace
}  // namespace weir::ring
