// Goal: a range is cut where half of what it holds is on either side, and never within a tag.
// Method: known amounts at known positions; the amounts on both sides of the cut are added up.
#include "weir/shard/halfway.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weir::shard {
namespace {

using Amounts = std::vector<std::pair<uint64_t, uint64_t>>;  // Position, amount.

std::optional<Position> CutOf(const Amounts& amounts) {
  Halfway halfway;
  for (const auto& [position, amount] : amounts) halfway.Add({position}, amount);
  return halfway.At();
}

// The part of all that is before the cut.
double Before(const Amounts& amounts, Position at) {
  uint64_t before = 0;
  uint64_t all = 0;
  for (const auto& [position, amount] : amounts) {
    all += amount;
    if (position < at.value) before += amount;
  }
  return static_cast<double>(before) / static_cast<double>(all);
}

TEST(Halfway, WhatLiesEvenlyIsCutInTwoEqualPartsHoweverMuchItIs) {
  for (const uint64_t count : {2U, 100U, 8192U, 8193U, 100'000U}) {
    Amounts amounts;
    for (uint64_t i = 0; i < count; ++i) amounts.emplace_back(i * 3 * kPositionUnit + i % 7, 10);
    const std::optional<Position> at = CutOf(amounts);
    ASSERT_TRUE(at.has_value());
    EXPECT_EQ(at->value % kPositionUnit, 0U);
    EXPECT_NEAR(Before(amounts, *at), 0.5, 0.001) << count;
  }
}

TEST(Halfway, WhatLiesUnevenlyIsCutByAmountAndNotByPosition) {
  Amounts amounts;
  for (uint64_t i = 0; i < 1000; ++i) amounts.emplace_back(i * kPositionUnit, i < 100 ? 90 : 1);
  EXPECT_NEAR(Before(amounts, CutOf(amounts).value()), 0.5, 0.01);
}

TEST(Halfway, ATagThatHoldsMostIsCutOffWhole) {
  const uint64_t tag = 500 * kPositionUnit;
  Amounts amounts;
  for (uint64_t i = 0; i < 500; ++i) amounts.emplace_back(i * kPositionUnit, 1);
  for (uint64_t i = 0; i < 100; ++i) amounts.emplace_back(tag + i, 100);
  EXPECT_EQ(CutOf(amounts), Position{tag});
  amounts.emplace_back(tag + kPositionUnit, 600);
  EXPECT_EQ(CutOf(amounts), Position{tag + kPositionUnit}) << "the cut behind it is the evener";
}

TEST(Halfway, NothingAndOneTagHaveNoCut) {
  EXPECT_EQ(CutOf({}), std::nullopt);
  EXPECT_EQ(CutOf({{5, 1}, {6, 1}, {kPositionUnit - 1, 1}}), std::nullopt);
}

}  // namespace
}  // namespace weir::shard
