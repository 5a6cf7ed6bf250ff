// Goal: a load asks for the keys it claims to. Method: frequencies of a million numbers against
// the formula, with a margin of more than six standard deviations.
#include "cmd/weir/bench/key_numbers.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

constexpr int kDraws = 1'000'000;

// How often each number came, the most frequent first.
std::vector<int> Frequencies(const KeyNumbers::Spec& spec) {
  KeyNumbers numbers(spec, 7);
  std::vector<int> counts(spec.count);
  for (int i = 0; i < kDraws; ++i) ++counts[numbers.Next()];
  std::sort(counts.begin(), counts.end(), std::greater<>());
  return counts;
}

void ExpectNear(int found, double share) {
  const double expected = kDraws * share;
  EXPECT_NEAR(found, expected, 7 * std::sqrt(expected) + 7) << "share " << share;
}

TEST(KeyNumbersTest, ZipfFollowsItsLawForEveryExponent) {
  for (const double exponent : {0.5, 0.99, 1.0, 1.3}) {
    SCOPED_TRACE(exponent);
    const uint64_t count = 1000;
    const auto counts =
        Frequencies({.kind = KeyNumbers::Kind::kZipf, .count = count, .zipf_exponent = exponent});
    double sum = 0;
    for (uint64_t rank = 1; rank <= count; ++rank) {
      sum += std::pow(static_cast<double>(rank), -exponent);
    }
    for (const uint64_t rank : {1, 2, 3, 10}) {
      ExpectNear(counts[rank - 1], std::pow(static_cast<double>(rank), -exponent) / sum);
    }
  }
}

TEST(KeyNumbersTest, AHotSpotTakesItsShareOfTheRequests) {
  const auto counts = Frequencies({.kind = KeyNumbers::Kind::kHotSpot,
                                   .count = 1000,
                                   .hot_keys_share = 0.02,
                                   .hot_requests_share = 0.8});
  int hot = 0;
  for (size_t i = 0; i < 20; ++i) hot += counts[i];
  ExpectNear(hot, 0.8);
  EXPECT_GT(counts[19], 10 * counts[20]);
}

TEST(KeyNumbersTest, UniformFavoursNoKey) {
  const auto counts = Frequencies({.count = 100});
  ExpectNear(counts.front(), 0.01);
  ExpectNear(counts.back(), 0.01);
}

TEST(KeyNumbersTest, SequentialVisitsAllKeysInOrderFromWhereItStarts) {
  KeyNumbers numbers({.kind = KeyNumbers::Kind::kSequential, .count = 5}, 1);
  numbers.StartAt(3);
  for (const uint64_t expected : {3, 4, 0, 1, 2, 3}) EXPECT_EQ(numbers.Next(), expected);
}

TEST(KeyNumbersTest, EveryKindIsRightForOneKeyAndTwo) {
  for (const auto kind : {KeyNumbers::Kind::kUniform, KeyNumbers::Kind::kZipf,
                          KeyNumbers::Kind::kHotSpot, KeyNumbers::Kind::kSequential}) {
    for (const uint64_t count : {1, 2}) {
      KeyNumbers numbers({.kind = kind, .count = count}, 3);
      std::set<uint64_t> seen;
      for (int i = 0; i < 1000; ++i) seen.insert(numbers.Next());
      EXPECT_EQ(seen.size(), count);
      EXPECT_LT(*seen.rbegin(), count);
    }
  }
}

TEST(KeyNumbersTest, TheMostFrequentKeysAreNoNeighbours) {
  KeyNumbers numbers({.kind = KeyNumbers::Kind::kZipf, .count = 1000, .zipf_exponent = 1.3}, 3);
  std::vector<int> counts(1000);
  for (int i = 0; i < 100'000; ++i) ++counts[numbers.Next()];
  const auto hottest = std::max_element(counts.begin(), counts.end());
  const auto at = static_cast<size_t>(hottest - counts.begin());
  EXPECT_LT(counts[(at + 1) % 1000], *hottest / 10);
}

}  // namespace
}  // namespace weir::cmd
