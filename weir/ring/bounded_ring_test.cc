// Goal: no node is given more than its bound, and a key stays with its owner while that has room.
// Method: random arrivals, departures and changes of nodes, the bound recomputed each time.
#include "weir/ring/bounded_ring.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"

namespace weir::ring {
namespace {

BoundedRing RingOf(const std::vector<Node>& nodes, uint32_t limit_percent = 125) {
  HashRing ring({.points_per_weight = 20});
  for (const Node& node : nodes) EXPECT_TRUE(ring.Add(node));
  return BoundedRing(std::move(ring), {.limit_percent = limit_percent});
}

// What `node` may serve when `total` keys are under way, itself included.
uint64_t BoundOf(const BoundedRing& ring, const Node& node, uint64_t total, uint64_t percent) {
  uint64_t weights = 0;
  for (const Node& other : ring.ring().nodes()) weights += other.weight;
  return (percent * total * node.weight + 100 * weights - 1) / (100 * weights);
}

TEST(BoundedRingTest, WithoutWeightNobodyServes) {
  BoundedRing ring = RingOf({{NodeId{1}, 0}});
  EXPECT_EQ(ring.Acquire(1), kNoNode);
  EXPECT_EQ(ring.total_load(), 0U);
  ASSERT_TRUE(ring.Add({NodeId{2}}));
  EXPECT_EQ(ring.Acquire(1), NodeId{2});
}

TEST(BoundedRingTest, AKeyGoesToItsOwnerWhileThatHasRoom) {
  BoundedRing ring = RingOf({{NodeId{1}}, {NodeId{2}}, {NodeId{3}}});
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t hash = random.Next();
    const NodeId node = ring.Acquire(hash);
    EXPECT_EQ(node, ring.ring().Owner(hash));  // Nothing else is under way.
    ring.Release(node);
  }
}

// One hot key: at 100 percent the arrivals are dealt out evenly, to the key.
TEST(BoundedRingTest, OneHotKeyIsSharedByAll) {
  BoundedRing ring = RingOf({{NodeId{1}, 1}, {NodeId{2}, 2}, {NodeId{3}, 5}}, 100);
  for (int i = 0; i < 8000; ++i) (void)ring.Acquire(42);
  EXPECT_EQ(ring.LoadOf(NodeId{1}), 1000U);
  EXPECT_EQ(ring.LoadOf(NodeId{2}), 2000U);
  EXPECT_EQ(ring.LoadOf(NodeId{3}), 5000U);
}

TEST(BoundedRingTest, ARemovedNodeIsForgotten) {
  BoundedRing ring = RingOf({{NodeId{1}}, {NodeId{2}}});
  for (int i = 0; i < 100; ++i) (void)ring.Acquire(static_cast<uint64_t>(i) << 50);
  const uint64_t left = ring.LoadOf(NodeId{2});
  ASSERT_TRUE(ring.Remove(NodeId{1}));
  EXPECT_EQ(ring.total_load(), left);
  ring.Release(NodeId{1});
  EXPECT_EQ(ring.total_load(), left);
  EXPECT_FALSE(ring.Remove(NodeId{1}));
  EXPECT_EQ(ring.LoadOf(NodeId{1}), 0U);
}

TEST(BoundedRingTest, LimitsAreChecked) {
  EXPECT_DEATH((void)RingOf({}, BoundedRing::kMinLimitPercent - 1), "kMinLimitPercent");
  EXPECT_DEATH((void)RingOf({}, BoundedRing::kMaxLimitPercent + 1), "kMaxLimitPercent");
  BoundedRing ring = RingOf({{NodeId{1}}});
  EXPECT_DEATH(ring.Release(NodeId{1}), "load");
}

RC_GTEST_PROP(BoundedRingProperty, NoNodeIsGivenMoreThanItsBound, ()) {
  const uint32_t percent = *rc::gen::element(100U, 101U, 125U, 200U);
  BoundedRing ring = RingOf({}, percent);
  Random random(*rc::gen::arbitrary<uint64_t>());
  std::vector<NodeId> under_way;
  for (int i = 0; i < 400; ++i) {
    const auto id = NodeId{static_cast<uint16_t>(random.Below(6))};
    const auto weight = static_cast<uint32_t>(random.Below(4));
    switch (random.Below(20)) {
      case 0:
        (void)ring.Add({id, weight}).ok();
        break;
      case 1:
        if (ring.Remove(id).ok()) std::erase(under_way, id);
        break;
      case 2:
        (void)ring.Reweigh(id, weight).ok();
        break;
      case 3:
      case 4:
      case 5:
        if (under_way.empty()) break;
        ring.Release(under_way.back());
        under_way.pop_back();
        break;
      default: {
        const NodeId node = ring.Acquire(random.Below(8));  // Few keys, so that nodes fill up.
        if (node == kNoNode) break;
        under_way.push_back(node);
        for (const Node& given : ring.ring().nodes()) {
          if (given.id != node) continue;
          RC_ASSERT(ring.LoadOf(node) <= BoundOf(ring, given, ring.total_load(), percent));
        }
      }
    }
    RC_ASSERT(ring.total_load() == under_way.size());
  }
}

// Golden: callers with the same history must agree.
TEST(BoundedRingTest, PlacementIsTheSameOnEveryMachine) {
  BoundedRing ring = RingOf({{NodeId{1}, 1}, {NodeId{2}, 2}, {NodeId{3}, 3}}, 110);
  std::string owners;
  for (int i = 0; i < 48; ++i) {
    const NodeId node = ring.Acquire(StableHash("user:" + std::to_string(i % 5)));
    owners += std::to_string(static_cast<unsigned>(node));
  }
  EXPECT_EQ(owners, "133321332313323231323313232133321332323133231323");
}

}  // namespace
}  // namespace weir::ring
