// Goal: what is worth least for its weight is the lowest; use raises an entry and the time without
// it wears that off; a change of what weights count as loses no entry.
// Method: entries whose order is known, taken out one after another; random histories against sums.

#include "weir/cache/greedy_dual.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::cache {
namespace {

class PlainNodes {
 public:
  explicit PlainNodes(std::vector<uint64_t> weights) : nodes_(weights.size()) {
    for (size_t id = 0; id < weights.size(); ++id) nodes_[id].weight = weights[id];
  }
  uint32_t prev(uint32_t id) const { return nodes_[id].prev; }
  uint32_t next(uint32_t id) const { return nodes_[id].next; }
  void set_prev(uint32_t id, uint32_t to) { nodes_[id].prev = to; }
  void set_next(uint32_t id, uint32_t to) { nodes_[id].next = to; }
  uint8_t state(uint32_t id) const { return nodes_[id].state; }
  void set_state(uint32_t id, uint8_t to) { nodes_[id].state = to; }
  uint64_t weight(uint32_t id) const { return nodes_[id].weight; }

 private:
  struct Node {
    uint32_t prev = 0;
    uint32_t next = 0;
    uint8_t state = 0;
    uint64_t weight = 1;
  };
  std::vector<Node> nodes_;
};

using Lists = GreedyDual<PlainNodes>;

uint32_t TakeLowest(Lists& lists, PlainNodes& nodes) {
  const uint32_t id = lists.Lowest();
  lists.Cut(nodes, id);
  return id;
}

std::vector<uint32_t> TakeAll(Lists& lists, PlainNodes& nodes) {
  std::vector<uint32_t> taken;
  while (lists.count() > 0) taken.push_back(TakeLowest(lists, nodes));
  return taken;
}

TEST(GreedyDual, WhatIsPushedBackIsTheFirstOfItsListToGo) {
  PlainNodes nodes({10, 10, 10, 1000});
  Lists lists;
  lists.Push(nodes, 0, 1);
  lists.Push(nodes, 3, 0);
  lists.Push(nodes, 1, 0);
  lists.PushBack(nodes, 2, 0);
  EXPECT_EQ(TakeAll(lists, nodes), (std::vector<uint32_t>{3, 2, 1, 0}));
  lists.PushBack(nodes, 0, 0);
  EXPECT_EQ(TakeAll(lists, nodes), (std::vector<uint32_t>{0}));
}

TEST(GreedyDual, WhatIsPushedBackAloneIsNotAsJustAskedFor) {
  PlainNodes nodes({100'000, 10, 10, 1000});
  Lists lists;
  for (int n = 0; n < 10'000; ++n) {  // So long ago is the beginning.
    lists.Push(nodes, 0, 0);
    TakeLowest(lists, nodes);
  }
  lists.PushBack(nodes, 1, 0);
  lists.Push(nodes, 3, 0);
  lists.Push(nodes, 2, 0);
  EXPECT_EQ(TakeAll(lists, nodes), (std::vector<uint32_t>{1, 3, 2}));
}

TEST(GreedyDual, AWalkOverTheListsMeetsEachEntryOnceAndHigherLevelsFirst) {
  PlainNodes nodes({10, 100'000, 10, 1000, 10});
  Lists lists;
  for (uint32_t id = 0; id < 5; ++id) lists.Push(nodes, id, static_cast<uint8_t>(id % 3));
  std::vector<uint8_t> levels;
  std::set<uint32_t> met;
  for (size_t n = 0; n < lists.lists(); ++n) {
    for (uint32_t id = lists.Head(n); id != Lists::kNone; id = nodes.next(id)) {
      levels.push_back(Lists::LevelOf(nodes.state(id)));
      EXPECT_TRUE(met.insert(id).second);
    }
  }
  EXPECT_EQ(levels, (std::vector<uint8_t>{2, 1, 1, 0, 0}));
}

TEST(GreedyDual, OfEntriesOfOneMomentTheHeaviestGoesFirst) {
  PlainNodes nodes({100, 100'000, 1000, 10});
  Lists lists;
  for (uint32_t id = 0; id < 4; ++id) lists.Push(nodes, id, 0);
  EXPECT_EQ(TakeAll(lists, nodes), (std::vector<uint32_t>{1, 2, 0, 3}));
}

TEST(GreedyDual, OfOneWeightTheLevelCountsAndThenTheTime) {
  PlainNodes nodes({100, 100, 100, 100});
  Lists lists;
  lists.Push(nodes, 0, 2);
  lists.Push(nodes, 1, 1);
  lists.Push(nodes, 2, 0);
  lists.Push(nodes, 3, 0);
  EXPECT_EQ(TakeAll(lists, nodes), (std::vector<uint32_t>{2, 3, 1, 0}));
}

TEST(GreedyDual, WhatIsNoLongerAskedForGoesHoweverLightItIs) {
  PlainNodes nodes({10, 1000, 1000, 1000, 1000, 1000});
  Lists lists;
  lists.Push(nodes, 0, 2);
  for (uint32_t id = 1; id < 6; ++id) lists.Push(nodes, id, 0);
  int others = 0;
  for (uint32_t id = TakeLowest(lists, nodes); id != 0; id = TakeLowest(lists, nodes)) {
    ASSERT_LT(++others, 100'000);
    lists.Push(nodes, id, 0);
  }
  EXPECT_GT(others, 1000) << "but not soon";
}

TEST(GreedyDual, FromEachLevelOnHalfAsManyHitsRaise) {
  Lists lists;
  for (uint8_t level = 0; level + 1 < Lists::kLevels; ++level) {
    int raised = 0;
    for (int n = 0; n < 8000; ++n) raised += lists.LevelAfterHit(level) - level;
    EXPECT_NEAR(raised, 8000 >> level, 200) << int{level};
  }
  EXPECT_EQ(lists.LevelAfterHit(Lists::kLevels - 1), Lists::kLevels - 1);
}

// The age of what comes to the end of a list is between those of both ends, by its place.
TEST(GreedyDual, WhenAnEntryWasAskedForIsKnownBetweenItsNeighbours) {
  constexpr uint32_t kFirst = 2;
  constexpr uint32_t kEach = 20;
  std::vector<uint64_t> weights(kFirst + kEach, 1000);
  weights[0] = 100'000;
  weights[1] = 16;
  PlainNodes nodes(weights);
  Lists lists;
  lists.SetWorth({.size_power = 1});
  const auto pass = [&] {  // One heavy entry comes and goes, so that time passes.
    lists.Push(nodes, 0, 0);
    ASSERT_EQ(lists.Lowest(), 0U);
    lists.Cut(nodes, 0);
  };
  for (uint32_t n = 0; n < kEach; ++n) {
    lists.Push(nodes, kFirst + n, Lists::kLevels - 1);
    for (int times = 0; times < 400; ++times) pass();
  }
  lists.Push(nodes, 1, 0);
  std::vector<uint32_t> before;
  while (lists.Lowest() != 1) before.push_back(TakeLowest(lists, nodes));
  EXPECT_GT(before.size(), kEach / 10) << "not all are as young as the last";
  EXPECT_LT(before.size(), kEach / 2) << "nor as old as the first";
}

TEST(GreedyDual, WithoutPowerWeightDoesNotCount) {
  PlainNodes nodes({10, 100'000, 1000});
  Lists lists;
  lists.SetWorth({.size_power = 0});
  lists.Push(nodes, 0, 0);
  lists.Push(nodes, 1, 1);
  lists.Push(nodes, 2, 1);
  EXPECT_EQ(lists.Lowest(), 0U);
}

TEST(GreedyDual, HoldsWhatWasPutInWhateverItsWeight) {
  constexpr size_t kEntries = 500;
  Random random(9);
  std::vector<uint64_t> weights;
  for (size_t n = 0; n < kEntries; ++n) weights.push_back(1 + (random.Next() >> random.Below(64)));
  PlainNodes nodes(weights);
  Lists lists;
  std::set<uint32_t> held;
  uint64_t bytes = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto id = static_cast<uint32_t>(random.Below(kEntries));
    ASSERT_EQ(Lists::Has(nodes.state(id)), held.count(id) == 1);
    if (random.OneIn(500))
      lists.SetWorth({random.OneIn(2) ? 1 : 0.25, random.OneIn(2) ? 6.0 : 16.0});
    if (held.erase(id) == 1) {
      bytes -= nodes.weight(id);
      lists.Cut(nodes, id);
    } else {
      held.insert(id);
      bytes += nodes.weight(id);
      lists.Push(nodes, id, static_cast<uint8_t>(random.Below(Lists::kLevels)));
    }
    ASSERT_EQ(lists.count(), held.size());
    ASSERT_EQ(lists.bytes(), bytes);
  }
  for (const uint32_t id : TakeAll(lists, nodes)) ASSERT_EQ(held.erase(id), 1U);
  EXPECT_TRUE(held.empty());
}

}  // namespace
}  // namespace weir::cache
