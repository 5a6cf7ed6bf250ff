// Goal: all nodes of one list place slots alike, and a table that is kept with data is read back as
// it was, refuses a list that it does not fit, and tells damage from a table.
// Method: small lists whose shares a reader can work out; every byte of a text is spoilt in turn.
#include "weir/nodes/node_table.h"

#include <utility>

#include <gmock/gmock.h>

#include "weir/base/checked_text_rig.h"

namespace weir::nodes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Node> Three() {
  return {{.id = "n3", .ip = "10.0.0.3", .port = 6390, .weight = 2},
          {.id = "n1", .ip = "10.0.0.1", .port = 6390, .weight = 1},
          {.id = "n2", .ip = "10.0.0.2", .port = 6390, .weight = 1}};
}

TEST(NodeTable, SharesAreAsTheWeightsAndTheOrderOfTheListDoesNotMatter) {
  const NodeTable one = NodeTable::FirstPlacement(Three(), "n1");
  std::vector<Node> reversed = Three();
  std::ranges::reverse(reversed);
  const NodeTable other = NodeTable::FirstPlacement(reversed, "n3");
  EXPECT_EQ(one.slots(), other.slots());
  EXPECT_EQ(one.digest(), other.digest());
  EXPECT_EQ(one.node(one.self()).id, "n1");
  EXPECT_EQ(other.node(other.self()).id, "n3");
  EXPECT_EQ(one.nodes()[2].address(), "10.0.0.3:6390");
  EXPECT_THAT((std::vector<uint32_t>{one.SlotsOf(0), one.SlotsOf(1), one.SlotsOf(2)}),
              ElementsAre(4096, 4096, 8192));
  EXPECT_THAT(one.runs(),
              ElementsAre(SlotRun{0, 4095, ring::NodeId{0}}, SlotRun{4096, 8191, ring::NodeId{1}},
                          SlotRun{8192, 16383, ring::NodeId{2}}));
  EXPECT_FALSE(one.OwnsAll());
}

TEST(NodeTable, AWeightOfNothingServesNothing) {
  const std::vector<Node> nodes = {{.id = "a", .ip = "::1", .port = 1, .weight = 0},
                                   {.id = "b", .ip = "::1", .port = 2, .weight = 7}};
  EXPECT_FALSE(NodeTable::FirstPlacement(nodes, "a").OwnsAll());
  const NodeTable b = NodeTable::FirstPlacement(nodes, "b");
  EXPECT_TRUE(b.OwnsAll());
  EXPECT_TRUE(b.runs(0).empty());
  EXPECT_EQ(b.nodes()[1].address(), "::1:2");
}

// As many as a list may have, of the weights that are furthest apart.
TEST(NodeTable, TheLongestListIsReadBackThoughTwoNodesHaveNoSlot) {
  std::vector<Node> nodes;
  for (size_t i = 0; i < ring::kMaxNodes; ++i) {
    nodes.push_back({.id = "n" + std::to_string(i), .ip = "::1", .weight = ring::kMaxWeight});
  }
  nodes[0].weight = nodes[1].weight = 1;
  const NodeTable table = NodeTable::FirstPlacement(nodes, "n0");
  EXPECT_TRUE(table.runs(0).empty());
  EXPECT_TRUE(table.runs(1).empty());
  EXPECT_FALSE(table.runs(2).empty());
  const Result<NodeTable> read = NodeTable::FromText(table.ToText());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read.value().slots(), table.slots());
}

// Clients remember nodes by it, so no release may change it.
TEST(NodeTable, TheClusterIdIsThatOfTheIdForEver) {
  EXPECT_EQ((Node{.id = "n1", .ip = ""}).cluster_id(), (Node{.id = "n1", .ip = "x"}).cluster_id());
  EXPECT_EQ((Node{.id = "n1", .ip = ""}).cluster_id(), "7af7b20de5529bf2aed256d7c4cb0978f42ada86");
}

TEST(NodeTable, DigestsDifferWhereListsOrPlacementsDo) {
  const std::string digest = NodeTable::FirstPlacement(Three(), "n1").digest();
  for (const auto& change : std::vector<void (*)(Node&)>{[](Node& node) { node.id = "n0"; },
                                                         [](Node& node) { node.port = 1; },
                                                         [](Node& node) { node.weight = 3; }}) {
    std::vector<Node> nodes = Three();
    change(nodes[0]);
    EXPECT_NE(NodeTable::FirstPlacement(nodes, "n1").digest(), digest);
  }
  std::vector<Node> moved = Three();
  moved[0].port = 1;
  const NodeTable table = NodeTable::FirstPlacement(Three(), "n1");
  EXPECT_EQ(NodeTable::FirstPlacement(moved, "n2").placement_digest(), table.placement_digest());
  moved[0].weight = 3;
  EXPECT_NE(NodeTable::FirstPlacement(moved, "n1").placement_digest(), table.placement_digest());
}

TEST(NodeTable, WhatIsKeptIsReadBackAndTakesTheAddressesOfTheList) {
  const NodeTable table = NodeTable::FirstPlacement(Three(), "n2");
  Result<NodeTable> read = NodeTable::FromText(table.ToText());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read.value().self(), table.self());
  EXPECT_EQ(read.value().slots(), table.slots());
  std::vector<Node> moved = Three();
  moved[0].ip = "192.0.2.9";
  ASSERT_TRUE(read.value().Adopt(moved, "n2").ok());
  EXPECT_EQ(read.value().nodes()[2].address(), "192.0.2.9:6390");
  EXPECT_EQ(read.value().ToText(), table.ToText());
  EXPECT_EQ(std::vector<SlotRun>(read.value().runs().begin(), read.value().runs().end()),
            std::vector<SlotRun>(table.runs().begin(), table.runs().end()));
}

TEST(NodeTable, ALaterListThatMovesDataIsRefusedAndSaysWhatDiffers) {
  const auto refusal = [](const std::vector<Node>& list, std::string_view self) {
    NodeTable table = NodeTable::FirstPlacement(Three(), "n2");
    const NodeTable before = table;
    const Result<Ok> adopted = table.Adopt(list, self);
    EXPECT_EQ(table.digest(), before.digest());
    return adopted.ok() ? "" : adopted.error().message;
  };
  std::vector<Node> list = Three();
  EXPECT_EQ(refusal(list, "n2"), "");
  EXPECT_THAT(refusal(list, "n1"), HasSubstr("that of node 'n2', not of 'n1'"));
  list[0].weight = 3;
  EXPECT_THAT(refusal(list, "n2"), HasSubstr("node 'n3' has weight 3, not 2"));
  list = Three();
  list.push_back({.id = "n4", .ip = "10.0.0.4", .port = 1});
  EXPECT_THAT(refusal(list, "n2"), HasSubstr("node 'n4' is new"));
  list = {Three()[1], Three()[2]};
  EXPECT_THAT(refusal(list, "n2"), HasSubstr("node 'n3' is missing"));
  EXPECT_THAT(refusal(list, "n2"), HasSubstr("n1 of weight 1, n2 of weight 1, n3 of weight 2"));
}

// Who serves a slot is asked without a second look, so there is always an answer.
TEST(NodeTable, ATableThatServesNothingIsNotRead) {
  ring::NodeSet members;
  ASSERT_TRUE(members.Add({.id = ring::NodeId{0}, .weight = 0}).ok());
  ring::SlotTable slots;
  slots.Place(std::move(members));
  const std::string text =
      checked_text::Sealed("weir-node-table 1\nself n1\nnode 0 n1\n" + slots.ToText());
  EXPECT_THAT(checked_text::MessageOf<NodeTable>(text), HasSubstr("no node serves anything"));
}

TEST(NodeTable, DamageIsNeverTakenForATable) {
  const std::string text = NodeTable::FirstPlacement(Three(), "n1").ToText();
  for (size_t at = 0; at < text.size(); ++at) {
    std::string spoilt = text;
    spoilt[at] = static_cast<char>(spoilt[at] ^ 1);
    const Result<NodeTable> read = NodeTable::FromText(spoilt);
    ASSERT_FALSE(read.ok()) << at;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    EXPECT_FALSE(NodeTable::FromText(text.substr(0, at)).ok()) << at;
  }
  EXPECT_FALSE(NodeTable::FromText(text + "\n").ok());
}

}  // namespace
}  // namespace weir::nodes
