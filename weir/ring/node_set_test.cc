// Goal: ids stay distinct, limits hold exactly, and a refused change changes nothing. Method:
// each rule at its limit and one past it.
#include "weir/ring/node_set.h"

#include <gtest/gtest.h>

namespace weir::ring {
namespace {

TEST(NodeSetTest, NodesAreOrderedById) {
  NodeSet set;
  for (const uint16_t id : {7, 0, 65534, 3}) ASSERT_TRUE(set.Add({NodeId{id}, id % 5U}));
  ASSERT_EQ(set.nodes().size(), 4U);
  EXPECT_EQ(set.nodes()[0].id, NodeId{0});
  EXPECT_EQ(set.nodes()[1].id, NodeId{3});
  EXPECT_EQ(set.nodes()[3].id, NodeId{65534});
  EXPECT_EQ(set.TotalWeight(), 7U % 5 + 0 + 65534U % 5 + 3);
}

TEST(NodeSetTest, AnIdIsGivenOnce) {
  NodeSet set;
  ASSERT_TRUE(set.Add({NodeId{1}, 2}));
  const Result<Ok> again = set.Add({NodeId{1}, 3});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(again.error().message, "node 1 is already there");
  EXPECT_EQ(set.Find(NodeId{1})->weight, 2U);
  EXPECT_FALSE(set.Add({kNoNode, 1}));
}

TEST(NodeSetTest, UnknownNodesAreRefused) {
  NodeSet set;
  EXPECT_FALSE(set.Remove(NodeId{1}));
  EXPECT_FALSE(set.Reweigh(NodeId{1}, 1));
  EXPECT_EQ(set.Find(NodeId{1}), nullptr);
}

TEST(NodeSetTest, WeightsEndAtTheLimit) {
  NodeSet set;
  EXPECT_FALSE(set.Add({NodeId{1}, kMaxWeight + 1}));
  ASSERT_TRUE(set.Add({NodeId{1}, kMaxWeight}));
  EXPECT_FALSE(set.Reweigh(NodeId{1}, kMaxWeight + 1));
  EXPECT_EQ(set.Find(NodeId{1})->weight, kMaxWeight);
  ASSERT_TRUE(set.Reweigh(NodeId{1}, 0));
  EXPECT_EQ(set.TotalWeight(), 0U);
}

TEST(NodeSetTest, NodesEndAtTheLimit) {
  NodeSet set;
  for (size_t i = 0; i < kMaxNodes; ++i) ASSERT_TRUE(set.Add({NodeId{static_cast<uint16_t>(i)}}));
  const Result<Ok> one_more = set.Add({NodeId{kMaxNodes}});
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, ErrorCode::kOverloaded);
  ASSERT_TRUE(set.Remove(NodeId{5}));
  EXPECT_TRUE(set.Add({NodeId{kMaxNodes}}));
}

}  // namespace
}  // namespace weir::ring
