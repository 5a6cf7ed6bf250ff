// Goal: whatever the behaviour, and however often it changes, an order holds exactly what was put
// into it and accounts for its bytes; each behaviour does what it is named after.
// Method: random histories against a set; loops, scans and bursts whose outcome is known.

#include "weir/cache/order.h"

#include <list>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::cache {
namespace {

class PlainNodes {
 public:
  explicit PlainNodes(size_t count) : nodes_(count) {}
  uint32_t prev(uint32_t id) const { return nodes_[id].prev; }
  uint32_t next(uint32_t id) const { return nodes_[id].next; }
  void set_prev(uint32_t id, uint32_t to) { nodes_[id].prev = to; }
  void set_next(uint32_t id, uint32_t to) { nodes_[id].next = to; }
  uint8_t state(uint32_t id) const { return nodes_[id].state; }
  void set_state(uint32_t id, uint8_t to) { nodes_[id].state = to; }
  uint64_t weight(uint32_t id) const { return nodes_[id].weight; }
  void set_weight(uint32_t id, uint64_t to) { nodes_[id].weight = to; }
  uint64_t hash(uint32_t id) const { return Random(id).Next(); }

 private:
  struct Node {
    uint32_t prev = 0;
    uint32_t next = 0;
    uint8_t state = 0;
    uint64_t weight = 1;
  };
  std::vector<Node> nodes_;
};

const Behaviour& Named(std::string_view name) {
  for (const Behaviour& behaviour : kBehaviours) {
    if (behaviour.name == name) return behaviour;
  }
  ADD_FAILURE() << name;
  return kBehaviours[0];
}

// A cache of keys alone.
class Keys {
 public:
  Keys(const Behaviour& behaviour, uint64_t budget, size_t keys)
      : nodes_(keys), order_(behaviour, budget), budget_(budget) {}

  bool Ask(uint32_t key) {
    if (order_.Holds(nodes_, key)) {
      order_.Hit(nodes_, key, nodes_.hash(key));
      return true;
    }
    while (order_.bytes() + nodes_.weight(key) > budget_) {
      held_.erase(order_.Victim(nodes_, nodes_.weight(key)));
    }
    order_.Insert(nodes_, key, nodes_.hash(key));
    held_.insert(key);
    return false;
  }
  void Erase(uint32_t key) {
    if (!order_.Holds(nodes_, key)) return;
    order_.Remove(nodes_, key);
    held_.erase(key);
  }
  void Check() const {
    uint64_t bytes = 0;
    for (const uint32_t key : held_) {
      ASSERT_TRUE(order_.Holds(nodes_, key));
      bytes += nodes_.weight(key);
    }
    ASSERT_EQ(order_.bytes(), bytes);
    ASSERT_EQ(order_.count(), held_.size());
    ASSERT_LE(bytes, budget_);
  }

  PlainNodes nodes_;
  Order<PlainNodes> order_;
  uint64_t budget_;
  std::set<uint32_t> held_;
};

TEST(Order, HoldsWhatWasPutInUnderEveryBehaviourAndAcrossChanges) {
  constexpr size_t kKeys = 600;
  for (size_t first = 0; first <= kBehaviours.size(); ++first) {
    const bool changing = first == kBehaviours.size();
    Random random(first);
    Keys keys(kBehaviours[changing ? 0 : first], 2000, kKeys);
    for (uint32_t key = 0; key < kKeys; ++key) keys.nodes_.set_weight(key, 1 + random.Below(20));
    for (int step = 0; step < 30'000; ++step) {
      const uint64_t range = random.OneIn(2) ? kKeys : 60;
      const auto key = static_cast<uint32_t>(random.Below(range));
      random.OneIn(20) ? keys.Erase(key) : void(keys.Ask(key));
      if (changing && random.OneIn(100)) {
        keys.order_.SetBehaviour(kBehaviours[random.Below(kBehaviours.size())]);
      }
      if (step % 100 == 0) {
        ASSERT_NO_FATAL_FAILURE(keys.Check());
      }
    }
    while (keys.order_.count() > 0) {
      const uint32_t victim = keys.order_.Victim(keys.nodes_, 1);
      ASSERT_EQ(keys.held_.erase(victim), 1U);
    }
    EXPECT_TRUE(keys.held_.empty());
    EXPECT_EQ(keys.order_.bytes(), 0U);
  }
}

TEST(Order, AsLruEvictsWhatWasLongestUnused) {
  constexpr size_t kBudget = 50;
  Random random(7);
  Keys keys(Named("lru"), kBudget, 200);
  std::list<uint32_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto key = static_cast<uint32_t>(random.Below(random.OneIn(3) ? 200 : 60));
    const bool held = std::find(model.begin(), model.end(), key) != model.end();
    ASSERT_EQ(keys.Ask(key), held);
    model.remove(key);
    model.push_front(key);
    if (model.size() > kBudget) model.pop_back();
  }
}

// Returns the hits of the last of ten rounds over `keys` keys.
size_t HitsOfALoop(std::string_view name, uint64_t budget, uint32_t keys) {
  Keys cache(Named(name), budget, keys);
  size_t hits = 0;
  for (int round = 0; round < 10; ++round) {
    hits = 0;
    for (uint32_t key = 0; key < keys; ++key) hits += cache.Ask(key) ? 1 : 0;
  }
  return hits;
}

TEST(Order, AsLirsHoldsOnToPartOfALoopThatLruLosesWholly) {
  EXPECT_EQ(HitsOfALoop("lru", 500, 1000), 0U);
  EXPECT_GE(HitsOfALoop("lirs", 500, 1000), 480U);
}

// Returns how many of a hundred keys that are asked for over and over survive a scan.
size_t SurvivorsOfAScan(std::string_view name) {
  Keys cache(Named(name), 200, 10'000);
  for (int round = 0; round < 10; ++round) {
    for (uint32_t ask = 0; ask < 300; ++ask) cache.Ask(ask % 100);
    for (uint32_t key = 0; key < 300; ++key)
      cache.Ask(1000 + 300 * static_cast<uint32_t>(round) + key);
  }
  return static_cast<size_t>(std::count_if(cache.held_.begin(), cache.held_.end(),
                                           [](uint32_t key) { return key < 100; }));
}

TEST(Order, AsGdsfHoldsManyLightEntriesInPlaceOfFewHeavyOnes) {
  constexpr uint32_t kKeys = 2000;
  const auto hits = [](std::string_view name) {
    Keys cache(Named(name), 20'000, kKeys);
    for (uint32_t key = 0; key < kKeys; ++key) cache.nodes_.set_weight(key, key % 4 == 0 ? 100 : 5);
    Random random(5);
    size_t sum = 0;
    for (int n = 0; n < 100'000; ++n) {
      sum += cache.Ask(static_cast<uint32_t>(random.Below(random.Below(kKeys) + 1))) ? 1 : 0;
    }
    return sum;
  };
  // Three quarters of the keys are light, and all of those fit.
  EXPECT_GT(hits("gdsf"), hits("lru") + 10'000);
  EXPECT_GT(hits("gdsf"), hits("s3lru") + 5'000);
  EXPECT_GT(hits("gdsf"), 75'000U);
}

TEST(Order, AScanDoesNotEmptyWhatResistsScans) {
  EXPECT_EQ(SurvivorsOfAScan("lru"), 0U);
  for (const std::string_view name :
       {"arc", "lirs", "s3lru", "s3lru_30pct", "wtinylfu_1pct", "wtinylfu_20pct", "gdsf"}) {
    EXPECT_GE(SurvivorsOfAScan(name), 90U) << name;
  }
}

}  // namespace
}  // namespace weir::cache
