// Goal: each line is served in the order of arrival, whoever leaves it, and all are bounded.
// Method: single steps; then random ones against a plain list of who waits.
#include "weir/limit/waiting_line.h"

#include <vector>

#include <gtest/gtest.h>

namespace weir::limit {
namespace {

TEST(WaitingLine, TheNextIsToldWhenTheFirstLeavesAndNobodyElseIs) {
  WaitingLine line;
  const auto a = *line.Join(7, 1);
  const auto b = *line.Join(7, 2);
  const auto c = *line.Join(7, 4);
  const auto other = *line.Join(8, 8);
  EXPECT_TRUE(line.IsFirst(a));
  EXPECT_FALSE(line.IsFirst(b));
  EXPECT_TRUE(line.IsFirst(other));
  EXPECT_EQ(line.Ahead(7), 7u);
  EXPECT_EQ(line.Leave(b), std::nullopt);
  EXPECT_EQ(line.Ahead(7), 5u);
  EXPECT_EQ(line.Leave(a), c.number);
  EXPECT_EQ(line.First(7), c.number);
  EXPECT_EQ(line.Leave(c), std::nullopt);
  EXPECT_EQ(line.Ahead(7), 0u);
  EXPECT_EQ(line.First(7), std::nullopt);
  EXPECT_EQ(line.size(), 1u);
}

TEST(WaitingLine, AsManyWaitAsMayAndNotOneMore) {
  WaitingLine line;
  std::vector<WaitingLine::Place> places;
  for (size_t i = 0; i < WaitingLine::kWaitersMax; ++i) places.push_back(*line.Join(i % 3, 1));
  EXPECT_EQ(line.Join(9, 1), std::nullopt);
  EXPECT_EQ(line.Ahead(9), 0u);
  line.Leave(places[5]);
  EXPECT_TRUE(line.Join(9, 1).has_value());
  EXPECT_EQ(line.Join(9, 1), std::nullopt);
}

TEST(WaitingLine, WhatIsAheadDoesNotWrapAround) {
  WaitingLine line;
  for (int i = 0; i < 20; ++i) line.Join(1, UINT64_MAX);
  EXPECT_EQ(line.Ahead(1), WaitingLine::kAheadMax);
}

TEST(WaitingLine, AgreesWithAPlainListWhateverTheOrder) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    WaitingLine line;
    struct Waiter {
      WaitingLine::Place place;
      uint64_t cost;
    };
    std::vector<Waiter> list;
    const auto first_of = [&](uint64_t bucket) -> std::optional<uint64_t> {
      for (const Waiter& waiter : list) {
        if (waiter.place.bucket == bucket) return waiter.place.number;
      }
      return std::nullopt;
    };
    for (int step = 0; step < 400; ++step) {
      if (list.empty() || random.Below(100) < 55) {
        const uint64_t cost = random.Below(10);
        const auto place = line.Join(random.Below(4), cost);
        list.push_back({*place, cost});
      } else {
        const auto at = list.begin() + static_cast<ptrdiff_t>(random.Below(list.size()));
        const WaitingLine::Place place = at->place;
        const bool was_first = first_of(place.bucket) == place.number;
        list.erase(at);
        ASSERT_EQ(line.Leave(place), was_first ? first_of(place.bucket) : std::nullopt) << seed;
      }
      for (uint64_t bucket = 0; bucket < 4; ++bucket) {
        uint64_t ahead = 0;
        for (const Waiter& one : list) ahead += one.place.bucket == bucket ? one.cost : 0;
        ASSERT_EQ(line.Ahead(bucket), ahead) << seed;
        ASSERT_EQ(line.First(bucket), first_of(bucket)) << seed;
      }
      ASSERT_EQ(line.size(), list.size());
    }
  }
}

TEST(WaitingLine, BeforeAPlaceAreThoseThatCameEarlier) {
  WaitingLine line;
  const auto first = line.Join(1, 10).value();
  const auto second = line.Join(1, 20).value();
  const auto third = line.Join(1, 40).value();
  EXPECT_EQ(line.Before(first), 0u);
  EXPECT_EQ(line.Before(second), 10u);
  EXPECT_EQ(line.Before(third), 30u);
  line.Leave(second);
  EXPECT_EQ(line.Before(third), 10u);
}

TEST(WaitingLine, FarBehindAllOthersCountAsBefore) {
  WaitingLine line;
  for (size_t i = 0; i < WaitingLine::kLookedAtMax; ++i) line.Join(1, 1);
  const auto last = line.Join(1, 5).value();
  line.Join(1, 7);
  EXPECT_EQ(line.Before(last), WaitingLine::kLookedAtMax + 7);
}

}  // namespace
}  // namespace weir::limit
