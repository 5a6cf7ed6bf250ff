// Goal: advice buys what spares reads, gives back what spares none, and follows money where it is
// known. Method: curves with a knee above, below and at the present size.

#include "cmd/weir/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

using testing::HasSubstr;

constexpr uint64_t kGb = 1'000'000'000;

// Of 1000 look-ups a second, at 1, 2, 4, 8 and 16 GB.
std::vector<CacheSize> SizesWithHits(const std::vector<double>& ratios) {
  std::vector<CacheSize> sizes;
  for (size_t i = 0; i < ratios.size(); ++i) {
    sizes.push_back({kGb << i, ratios[i], 1000 * (1 - ratios[i])});
  }
  return sizes;
}

TEST(Advice, BuysUntilADoublingSparesLessThanATenth) {
  const auto sizes = SizesWithHits({0.2, 0.3, 0.5, 0.8, 0.81});
  EXPECT_EQ(BestSize(sizes, 1, {}), 3U);
  EXPECT_THAT(AdviceText(sizes, 1, {}), HasSubstr("read 500.0 a second less (71 %)"));
}

TEST(Advice, BuysOverAStepThatSparesNothing) {
  EXPECT_EQ(BestSize(SizesWithHits({0, 0, 0, 0.99, 0.99}), 1, {}), 3U);
}

TEST(Advice, GivesBackWhatNobodyMisses) {
  const auto sizes = SizesWithHits({0.5, 0.899, 0.9, 0.9, 0.9});
  EXPECT_EQ(BestSize(sizes, 4, {}), 1U);
  EXPECT_THAT(AdviceText(sizes, 4, {}), HasSubstr("Give back"));
}

TEST(Advice, GivesBackWhenNothingIsMissed) {
  const auto sizes = SizesWithHits({0.5, 1, 1, 1});
  EXPECT_EQ(BestSize(sizes, 2, {}), 1U);
  EXPECT_EQ(BestSize(sizes, 1, {}), 1U);
}

TEST(Advice, KeepsWhatFits) {
  const auto sizes = SizesWithHits({0.5, 0.7, 0.9, 0.905, 0.906});
  EXPECT_EQ(BestSize(sizes, 2, {}), 2U);
  EXPECT_THAT(AdviceText(sizes, 2, {}), HasSubstr("Keep"));
}

TEST(Advice, WithPricesTakesTheCheapest) {
  const auto sizes = SizesWithHits({0.2, 0.3, 0.5, 0.8, 0.81});
  EXPECT_NEAR(MonthlyCost(sizes[1], {1, 0.001}), 2 + 700 * 2.6298 * 0.001, 1e-6);
  EXPECT_EQ(BestSize(sizes, 2, {10, 0.0001}), 0U) << "reads cost next to nothing";
  EXPECT_EQ(BestSize(sizes, 2, {0.01, 1}), 4U) << "memory costs next to nothing";
  EXPECT_THAT(AdviceText(sizes, 2, {0.01, 1}), HasSubstr("cost a month"));
}

TEST(Advice, AsksForTrafficFirst) {
  EXPECT_THAT(AdviceText(SizesWithHits({1, 1}), 0, {}), testing::Not(HasSubstr("of late")));
  EXPECT_THAT(AdviceText({{kGb, 0, 0}}, 0, {}), HasSubstr("of late"));
}

}  // namespace
}  // namespace weir::cmd
