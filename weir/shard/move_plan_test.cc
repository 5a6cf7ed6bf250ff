// Goal: a plan evens out what directories hold, by moving what is above the mean and nothing else,
// or empties a shard; and it can be carried out: its pieces lie within ranges of their shard.
// Method: random maps whose keys lie evenly in each range, against a model that carries the plan
// out piece by piece; then each rule by name.
#include "weir/shard/move_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace weir::shard {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint64_t kQuarter = uint64_t{1} << 62;

// Ranges of a quarter each, of these shards and amounts.
std::vector<WeighedRange> Quarters(std::vector<std::pair<uint32_t, uint64_t>> shards) {
  std::vector<WeighedRange> ranges;
  for (uint64_t i = 0; i < shards.size(); ++i) {
    const uint64_t to = i + 1 == shards.size() ? 0 : (i + 1) * kQuarter;
    ranges.push_back({{{i * kQuarter}, {to}, ShardId{shards[i].first}}, shards[i].second});
  }
  return ranges;
}

struct World {
  std::vector<WeighedRange> ranges;
  std::vector<uint32_t> places;
};

// Boundaries are multiples of `unit`.
World AnyWorld(uint64_t unit = uint64_t{1} << 52) {
  World world;
  const auto directories = *rc::gen::inRange<uint32_t>(1, 7);
  for (uint32_t i = 0; i < directories; ++i) world.places.push_back(i);
  for (auto more = *rc::gen::inRange(0, 4); more > 0; --more) {
    world.places.push_back(*rc::gen::inRange<uint32_t>(0, directories));
  }
  std::vector<uint64_t> cuts = {0};
  for (auto more = *rc::gen::inRange(0, 30); more > 0; --more) {
    cuts.push_back(*rc::gen::inRange<uint64_t>(1, 4096) * unit);
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  for (size_t i = 0; i < cuts.size(); ++i) {
    const uint64_t to = i + 1 == cuts.size() ? 0 : cuts[i + 1];
    const auto shard = *rc::gen::inRange<uint32_t>(0, static_cast<uint32_t>(world.places.size()));
    world.ranges.push_back(
        {{{cuts[i]}, {to}, ShardId{shard}}, *rc::gen::inRange<uint64_t>(0, uint64_t{1} << 40)});
  }
  return world;
}

// Carries `plan` out, and returns what each directory holds then.
std::vector<uint64_t> CarryOut(const World& world, const MovePlan& plan) {
  std::vector<uint64_t> held = plan.before;
  Position end;
  for (const PlannedMove& move : plan.moves) {
    RC_ASSERT(end <= move.from);  // No piece is in two moves.
    end = move.to;
    RC_ASSERT(move.from.value % kPositionUnit == 0u);
    const auto found = std::find_if(
        world.ranges.begin(), world.ranges.end(),
        [&](const WeighedRange& weighed) { return weighed.range.Contains(move.from); });
    RC_ASSERT(found->range.shard == move.source);
    RC_ASSERT(found->range.Contains({move.to.value - 1}));
    const uint32_t source = world.places[static_cast<size_t>(move.source)];
    const uint32_t target = world.places[static_cast<size_t>(move.target)];
    RC_ASSERT(source != target);
    held[source] -= move.amount;
    held[target] += move.amount;
  }
  RC_ASSERT(held == plan.after);
  return held;
}

RC_GTEST_PROP(MovePlan, RebalancingMovesWhatIsAboveTheMeanAndNoMore, ()) {
  const World world = AnyWorld();
  const MovePlan plan = PlanRebalance(world.ranges, world.places);
  const std::vector<uint64_t> held = CarryOut(world, plan);
  RC_ASSERT(plan.uncut.empty());
  RC_ASSERT(PeakToMean(held) <= 1 + kEvenWithin);
  const uint64_t mean = std::accumulate(held.begin(), held.end(), uint64_t{0}) / held.size();
  uint64_t above = 0;
  for (const uint64_t amount : plan.before) above += amount - std::min(amount, mean);
  uint64_t moved = 0;
  for (const PlannedMove& move : plan.moves) moved += move.amount;
  RC_ASSERT(moved <= above + mean / 100 * held.size() + held.size());
}

RC_GTEST_PROP(MovePlan, ARangeOfFewTagsIsNeverMovedToMakeItWorse, ()) {
  const World world = AnyWorld(kPositionUnit);
  const MovePlan plan = PlanRebalance(world.ranges, world.places);
  const std::vector<uint64_t> held = CarryOut(world, plan);
  RC_ASSERT(PeakToMean(held) <= PeakToMean(plan.before));
}

TEST(MovePlan, WhatWouldBeAsUnevenAfterACutIsLeft) {
  const uint64_t unit = kPositionUnit;
  const std::vector<WeighedRange> ranges = {{{{0}, {2 * unit}, ShardId{1}}, 10000},
                                            {{{2 * unit}, {0}, ShardId{0}}, 8000}};
  const MovePlan plan = PlanRebalance(ranges, std::vector<uint32_t>{0, 1});
  EXPECT_THAT(plan.moves, IsEmpty());
  EXPECT_THAT(plan.uncut, SizeIs(1));
}

RC_GTEST_PROP(MovePlan, DrainingLeavesAShardNoRangeAndTouchesNoOther, ()) {
  const World world = AnyWorld();
  const ShardId shard{*rc::gen::inRange<uint32_t>(0, static_cast<uint32_t>(world.places.size()))};
  const MovePlan plan = PlanDrain(world.ranges, world.places, shard);
  CarryOut(world, plan);
  const auto units = [](Position from, Position to) {
    return (to.value - 1 - from.value) / kPositionUnit + 1;
  };
  uint64_t moved = 0;
  for (const PlannedMove& move : plan.moves) {
    RC_ASSERT(move.source == shard);
    moved += units(move.from, move.to);
  }
  uint64_t owned = 0;
  for (const WeighedRange& weighed : world.ranges) {
    if (weighed.range.shard == shard) owned += units(weighed.range.from, weighed.range.to);
  }
  const bool anywhere = *std::max_element(world.places.begin(), world.places.end()) > 0;
  RC_ASSERT(moved == (anywhere ? owned : 0));
}

TEST(MovePlan, ALoneRangeIsCutSoThatEachDirectoryGetsItsShare) {
  const std::vector<WeighedRange> one = {{{{0}, {0}, ShardId{0}}, 4000}};
  const MovePlan plan = PlanRebalance(one, std::vector<uint32_t>{0, 1, 2, 3});
  EXPECT_THAT(plan.moves,
              ElementsAre(PlannedMove{{kQuarter}, {2 * kQuarter}, ShardId{0}, ShardId{3}, 1000},
                          PlannedMove{{2 * kQuarter}, {3 * kQuarter}, ShardId{0}, ShardId{2}, 1000},
                          PlannedMove{{3 * kQuarter}, {0}, ShardId{0}, ShardId{1}, 1000}));
  EXPECT_THAT(plan.before, ElementsAre(4000, 0, 0, 0));
  EXPECT_THAT(plan.after, ElementsAre(1000, 1000, 1000, 1000));
}

TEST(MovePlan, AWholeRangeIsMovedBeforeOneIsCut) {
  const auto ranges = Quarters({{0, 600}, {0, 1000}, {0, 400}, {1, 1000}});
  const MovePlan plan = PlanRebalance(ranges, std::vector<uint32_t>{0, 1});
  // 500 are above the mean: 400 as a whole, and a tenth of the greatest.
  ASSERT_THAT(plan.moves, SizeIs(2));
  EXPECT_EQ(plan.moves[0].from.value >> 56, 0x79U);
  EXPECT_EQ(plan.moves[0].to, Position{2 * kQuarter});
  EXPECT_EQ(plan.moves[1],
            (PlannedMove{{2 * kQuarter}, {3 * kQuarter}, ShardId{0}, ShardId{1}, 400}));
}

TEST(MovePlan, NothingMovesWithinATwentiethOfTheMean) {
  const auto ranges = Quarters({{0, 500}, {0, 540}, {1, 480}, {1, 480}});
  EXPECT_THAT(PlanRebalance(ranges, std::vector<uint32_t>{0, 1}).moves, IsEmpty());
  EXPECT_THAT(PlanRebalance(ranges, std::vector<uint32_t>{0, 0}).moves, IsEmpty());
  const auto above = Quarters({{0, 500}, {0, 560}, {1, 480}, {1, 460}});
  EXPECT_THAT(PlanRebalance(above, std::vector<uint32_t>{0, 1}).moves, SizeIs(1));
}

TEST(MovePlan, AShardOfTheDirectoryThatHoldsLeastIsTheTarget) {
  const auto ranges = Quarters({{0, 900}, {0, 900}, {1, 100}, {3, 500}});
  const MovePlan plan = PlanRebalance(ranges, std::vector<uint32_t>{0, 1, 1, 2});
  for (const PlannedMove& move : plan.moves) EXPECT_NE(move.target, ShardId{1});
  EXPECT_EQ(plan.moves.front().source, ShardId{0});
}

TEST(MovePlan, ASingleTagThatIsTooMuchIsNamedAndLeft) {
  const uint64_t unit = kPositionUnit;
  const std::vector<WeighedRange> ranges = {{{{0}, {unit}, ShardId{0}}, 9000},
                                            {{{unit}, {0}, ShardId{1}}, 1000}};
  const MovePlan plan = PlanRebalance(ranges, std::vector<uint32_t>{0, 1});
  EXPECT_THAT(plan.moves, IsEmpty());
  ASSERT_THAT(plan.uncut, SizeIs(1));
  EXPECT_EQ(plan.uncut[0].range.from, Position{0});
}

TEST(MovePlan, NothingEmptyIsRebalancedAndEverythingEmptyIsDrained) {
  const auto ranges = Quarters({{0, 0}, {0, 0}, {1, 0}, {1, 0}});
  EXPECT_THAT(PlanRebalance(ranges, std::vector<uint32_t>{0, 1}).moves, IsEmpty());
  EXPECT_THAT(PlanDrain(ranges, std::vector<uint32_t>{0, 1}, ShardId{0}).moves, SizeIs(2));
}

}  // namespace
}  // namespace weir::shard
