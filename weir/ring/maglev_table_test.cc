// Goal: entries follow the weights, the nodes alone decide, and little moves. Method: every entry
// of tables over chosen and random nodes is looked at.
#include "weir/ring/maglev_table.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"

namespace weir::ring {
namespace {

NodeSet SetOf(const std::vector<Node>& nodes) {
  NodeSet set;
  for (const Node& node : nodes) EXPECT_TRUE(set.Add(node));
  return set;
}

NodeSet EqualNodes(uint16_t count) {
  NodeSet set;
  for (uint16_t id = 0; id < count; ++id) EXPECT_TRUE(set.Add({NodeId{id}}));
  return set;
}

// A hash below kEntries is the entry it looks up.
std::map<NodeId, uint32_t> HeldIn(const MaglevTable& table) {
  std::map<NodeId, uint32_t> held;
  for (uint64_t entry = 0; entry < MaglevTable::kEntries; ++entry) ++held[table.Owner(entry)];
  return held;
}

TEST(MaglevTableTest, WithoutWeightNobodyServes) {
  EXPECT_EQ(MaglevTable(NodeSet()).Owner(7), kNoNode);
  EXPECT_EQ(MaglevTable(SetOf({{NodeId{1}, 0}})).Owner(7), kNoNode);
  const MaglevTable one(SetOf({{NodeId{1}, 0}, {NodeId{2}, 3}}));
  EXPECT_EQ(HeldIn(one), (std::map<NodeId, uint32_t>{{NodeId{2}, MaglevTable::kEntries}}));
}

TEST(MaglevTableTest, EqualNodesHoldTheirShareWithinOne) {
  for (const uint16_t count : {2, 7, 100, 1024}) {
    const auto held = HeldIn(MaglevTable(EqualNodes(count)));
    ASSERT_EQ(held.size(), count);
    for (const auto& [id, entries] : held) {
      EXPECT_GE(entries, MaglevTable::kEntries / count);
      EXPECT_LE(entries, MaglevTable::kEntries / count + 1);
    }
  }
}

// A node is at most one turn behind its due, and the others stop at most one round apart.
TEST(MaglevTableTest, SharesFollowTheWeights) {
  Random random(1);
  for (int tries = 0; tries < 20; ++tries) {
    NodeSet nodes;
    const auto count = static_cast<uint16_t>(1 + random.Below(40));
    for (uint16_t id = 0; id < count; ++id) {
      ASSERT_TRUE(nodes.Add({NodeId{id}, static_cast<uint32_t>(1 + random.Below(kMaxWeight))}));
    }
    auto held = HeldIn(MaglevTable(nodes));
    for (const Node& node : nodes.nodes()) {
      const double share = static_cast<double>(MaglevTable::kEntries) * node.weight /
                           static_cast<double>(nodes.TotalWeight());
      EXPECT_NEAR(held[node.id], share, 1 + static_cast<double>(count) / 2);
    }
  }
}

TEST(MaglevTableTest, TheOrderOfAdditionDoesNotMatter) {
  const MaglevTable forth(SetOf({{NodeId{1}, 2}, {NodeId{5}, 1}, {NodeId{9}, 4}}));
  const MaglevTable back(SetOf({{NodeId{9}, 4}, {NodeId{5}, 1}, {NodeId{1}, 2}}));
  for (uint64_t entry = 0; entry < MaglevTable::kEntries; ++entry) {
    ASSERT_EQ(forth.Owner(entry), back.Owner(entry));
  }
}

// A lost node's share must move; the paper and its users report about as much again.
TEST(MaglevTableTest, LosingANodeMovesAtMostThriceItsShare) {
  NodeSet nodes = EqualNodes(20);
  const MaglevTable before(nodes);
  ASSERT_TRUE(nodes.Remove(NodeId{7}));
  const MaglevTable after(nodes);
  uint32_t moved = 0;
  for (uint64_t entry = 0; entry < MaglevTable::kEntries; ++entry) {
    moved += before.Owner(entry) == after.Owner(entry) ? 0 : 1;
  }
  EXPECT_GE(moved, MaglevTable::kEntries / 20);
  EXPECT_LE(moved, MaglevTable::kEntries / 20 * 3);
}

// Golden: machines that never speak of it must agree on every entry.
TEST(MaglevTableTest, PlacementIsTheSameOnEveryMachine) {
  const MaglevTable table(SetOf({{NodeId{1}, 1}, {NodeId{2}, 2}, {NodeId{700}, 1000}}));
  std::string owners;
  for (uint64_t entry = 0; entry < MaglevTable::kEntries; ++entry) {
    owners += std::to_string(static_cast<unsigned>(table.Owner(entry))) + ' ';
  }
  EXPECT_EQ(StableHash(owners), 0xaba83c9be2eaead7U);
}

}  // namespace
}  // namespace weir::ring
