// Goal: the table is even to the slot, moves the least possible, and counts its epochs. Method:
// random histories of changes; after each, shares are checked against exact arithmetic and moves
// against the optimum found by trying every way to round the shares.
#include "weir/ring/slot_table.h"

#include <bit>
#include <map>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace weir::ring {
namespace {

using Held = std::map<NodeId, uint32_t>;

Held HeldIn(const SlotTable& table) {
  Held held;
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) ++held[table.Owner(slot)];
  return held;
}

uint64_t TotalWeight(const SlotTable& table) {
  uint64_t total = 0;
  for (const Node& node : table.nodes()) total += node.weight;
  return total;
}

void CheckEven(const SlotTable& table) {
  Held held = HeldIn(table);
  const uint64_t total = TotalWeight(table);
  RC_ASSERT(held[kNoNode] == (total == 0 ? kSlotCount : 0));
  uint32_t sum = held[kNoNode];
  for (const Node& node : table.nodes()) {
    const uint64_t share = total == 0 ? 0 : uint64_t{kSlotCount} * node.weight / total;
    const bool whole = total == 0 || uint64_t{kSlotCount} * node.weight % total == 0;
    RC_ASSERT(held[node.id] >= share);
    RC_ASSERT(held[node.id] <= share + (whole ? 0 : 1));
    sum += held[node.id];
  }
  RC_ASSERT(sum == kSlotCount);
}

// The least number of slots that must change owner to make `held` even for the nodes of `table`:
// over every set of nodes that round up, what all nodes lack together.
uint32_t LeastMoves(const SlotTable& table, Held held) {
  const uint64_t total = TotalWeight(table);
  if (total == 0) return kSlotCount - held[kNoNode];
  const auto nodes = table.nodes();
  uint32_t least = kSlotCount + 1;
  for (uint32_t up = 0; up < 1U << nodes.size(); ++up) {
    uint64_t sum = 0;
    uint32_t lacking = 0;
    bool legal = true;
    for (size_t i = 0; i < nodes.size(); ++i) {
      const uint64_t scaled = uint64_t{kSlotCount} * nodes[i].weight;
      const uint64_t extra = up >> i & 1;
      const uint64_t quota = scaled / total + extra;
      legal = legal && (extra == 0 || scaled % total != 0);
      sum += quota;
      if (quota > held[nodes[i].id]) lacking += static_cast<uint32_t>(quota) - held[nodes[i].id];
    }
    if (legal && sum == kSlotCount) least = std::min(least, lacking);
  }
  RC_ASSERT(least <= kSlotCount);
  return least;
}

// One random change; about one in four is refused.
Result<SlotMoves> Change(SlotTable& table) {
  const auto id = NodeId{*rc::gen::inRange<uint16_t>(0, 10)};
  const uint32_t weight =
      *rc::gen::oneOf(rc::gen::inRange<uint32_t>(0, 4), rc::gen::inRange<uint32_t>(0, kMaxWeight));
  switch (*rc::gen::weightedElement<int>({{3, 0}, {2, 1}, {2, 2}})) {
    case 0:
      return table.Add({id, weight});
    case 1:
      return table.Remove(id);
    default:
      return table.Reweigh(id, weight);
  }
}

RC_GTEST_PROP(SlotTableProperty, EvenAndMovedTheLeastAfterEveryChange, ()) {
  auto table = std::make_unique<SlotTable>();
  const int changes = *rc::gen::inRange(1, 20);
  for (int i = 0; i < changes; ++i) {
    const SlotTable before = *table;
    const Result<SlotMoves> moves = Change(*table);
    if (!moves) {
      RC_ASSERT(table->epoch() == before.epoch());
      RC_ASSERT(HeldIn(*table) == HeldIn(before));
      continue;
    }
    RC_ASSERT(table->epoch() == before.epoch() + 1);
    CheckEven(*table);
    RC_ASSERT(moves.value().size() == LeastMoves(*table, HeldIn(before)));
    // The moves say exactly what changed.
    size_t next = 0;
    for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
      if (before.Owner(slot) == table->Owner(slot)) continue;
      RC_ASSERT(next < moves.value().size());
      const SlotMove& move = moves.value()[next++];
      RC_ASSERT(move.slot == slot);
      RC_ASSERT(move.from == before.Owner(slot));
      RC_ASSERT(move.to == table->Owner(slot));
    }
    RC_ASSERT(next == moves.value().size());
  }
}

TEST(SlotTableTest, NobodyOwnsASlotWithoutWeight) {
  SlotTable table;
  EXPECT_EQ(table.Owner(0), kNoNode);
  EXPECT_EQ(table.epoch(), 0U);
  ASSERT_TRUE(table.Add({NodeId{1}, 0}));
  EXPECT_EQ(table.Owner(kSlotCount - 1), kNoNode);
  EXPECT_EQ(table.Reweigh(NodeId{1}, 5).value().size(), kSlotCount);
  EXPECT_EQ(table.Owner(kSlotCount - 1), NodeId{1});
  EXPECT_EQ(table.Reweigh(NodeId{1}, 0).value().size(), kSlotCount);
  EXPECT_EQ(table.Owner(0), kNoNode);
  EXPECT_EQ(table.epoch(), 3U);
}

TEST(SlotTableTest, OneNodeOwnsEverything) {
  SlotTable table;
  ASSERT_TRUE(table.Add({NodeId{9}, 3}));
  EXPECT_EQ(HeldIn(table), (Held{{NodeId{9}, kSlotCount}}));
  EXPECT_DEATH((void)table.Owner(kSlotCount), "kSlotCount");
}

TEST(SlotTableTest, EveryNodeUpToTheLimitGetsItsShare) {
  NodeSet nodes;
  for (uint16_t id = 0; id < kMaxNodes; ++id) ASSERT_TRUE(nodes.Add({NodeId{id}}));
  SlotTable table;
  EXPECT_EQ(table.Place(nodes).size(), kSlotCount);
  for (const auto& [id, count] : HeldIn(table)) EXPECT_EQ(count, kSlotCount / kMaxNodes);
  const auto one_more = table.Add({NodeId{kMaxNodes}});
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(table.epoch(), 1U);
}

TEST(SlotTableTest, ManyChangesAtOnceMoveNoMoreThanOneByOne) {
  SlotTable table;
  for (uint16_t id = 0; id < 10; ++id) ASSERT_TRUE(table.Add({NodeId{id}}));
  SlotTable stepwise = table;
  const size_t steps = stepwise.Remove(NodeId{4}).value().size() +
                       stepwise.Add({NodeId{40}}).value().size() +
                       stepwise.Add({NodeId{41}}).value().size();
  NodeSet nodes;
  for (const Node& node : stepwise.nodes()) ASSERT_TRUE(nodes.Add(node));
  const SlotMoves moves = table.Place(nodes);
  EXPECT_LT(moves.size(), steps);
  EXPECT_EQ(table.epoch(), 11U);
  // Of 16384 = 11 * 1489 + 5 slots each of the two newcomers gets 1489; nothing else moves.
  EXPECT_EQ(moves.size(), 2978U);
}

// Golden: machines that apply the same changes must agree on every slot.
TEST(SlotTableTest, PlacementIsTheSameOnEveryMachine) {
  SlotTable table;
  for (uint16_t id = 1; id <= 5; ++id) ASSERT_TRUE(table.Add({NodeId{id}, id}));
  ASSERT_TRUE(table.Reweigh(NodeId{2}, 7));
  ASSERT_TRUE(table.Remove(NodeId{4}));
  std::string owners;
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
    owners += static_cast<char>('0' + static_cast<int>(table.Owner(slot)));
  }
  EXPECT_EQ(StableHash(owners), 0xbf6b8a8f9b878f4bU);
}

}  // namespace
}  // namespace weir::ring
