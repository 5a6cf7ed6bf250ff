// Goal: over very many histories, every change leaves the table even and moves the least; with
// equal weights it moves no slot between two nodes that it does not concern. Method: random
// histories against exact arithmetic. slot_table_test checks the same formula for the least, on few
// nodes, against every way to round the shares.
#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/ring/slot_table.h"

namespace weir::ring {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kHistories = 300;
#else
constexpr int kHistories = 100'000;
#endif
constexpr int kMaxChanges = 6;
constexpr uint16_t kIds = 24;

using Held = std::vector<uint32_t>;  // By id; the last is of nobody.

Held HeldIn(const SlotTable& table) {
  Held held(kIds + 1, 0);
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
    ++held[std::min<size_t>(static_cast<size_t>(table.Owner(slot)), kIds)];
  }
  return held;
}

// What `held` lacks for the shares of `nodes`, when the slots that rounding leaves over go to those
// that hold one more than their floor already, as far as they suffice.
uint32_t LeastMoves(std::span<const Node> nodes, uint64_t total, const Held& held) {
  if (total == 0) return kSlotCount - held[kIds];
  uint32_t lacking = 0;
  uint32_t left = kSlotCount;
  uint32_t keeping = 0;
  for (const Node& node : nodes) {
    const uint64_t scaled = uint64_t{kSlotCount} * node.weight;
    const auto floor = static_cast<uint32_t>(scaled / total);
    const uint32_t has = held[static_cast<size_t>(node.id)];
    left -= floor;
    lacking += floor > has ? floor - has : 0;
    keeping += scaled % total != 0 && has > floor ? 1 : 0;
  }
  return lacking + (left > keeping ? left - keeping : 0);
}

void ExpectEven(std::span<const Node> nodes, uint64_t total, const Held& held) {
  uint32_t sum = held[kIds];
  ASSERT_EQ(held[kIds], total == 0 ? kSlotCount : 0);
  for (const Node& node : nodes) {
    const uint64_t scaled = total == 0 ? 0 : uint64_t{kSlotCount} * node.weight;
    const uint64_t divisor = total == 0 ? 1 : total;
    const uint32_t has = held[static_cast<size_t>(node.id)];
    ASSERT_GE(has, scaled / divisor);
    ASSERT_LE(has, (scaled + divisor - 1) / divisor);
    sum += has;
  }
  ASSERT_EQ(sum, kSlotCount);
}

// Draws weights: all equal, small, or any.
uint32_t DrawWeight(Random& random, uint64_t kind) {
  if (kind == 0) return 1;
  return static_cast<uint32_t>(kind == 1 ? random.Below(4) : random.Below(kMaxWeight + 1));
}

struct Change {
  NodeId id = kNoNode;
  bool grows = false;
  Result<SlotMoves> moves = SlotMoves();
};

Change DrawChange(Random& random, uint64_t kind, SlotTable& table) {
  Change change{.id = NodeId{static_cast<uint16_t>(random.Below(kIds))}};
  const auto nodes = table.nodes();
  const bool there = std::ranges::find(nodes, change.id, &Node::id) != nodes.end();
  if (!there) {
    change.grows = true;
    change.moves = table.Add({change.id, DrawWeight(random, kind)});
  } else if (kind == 0 || random.OneIn(2)) {
    change.moves = table.Remove(change.id);
  } else {
    change.moves = table.Reweigh(change.id, DrawWeight(random, kind));
  }
  return change;
}

void RunHistory(uint64_t seed) {
  Random random(seed);
  const uint64_t kind = random.Below(3);
  auto table = std::make_unique<SlotTable>();
  NodeSet start;
  for (uint16_t id = 0; id < kIds; id += 2) {
    if (random.OneIn(2)) continue;
    ASSERT_TRUE(start.Add({NodeId{id}, DrawWeight(random, kind)}));
  }
  table->Place(start);
  Held held = HeldIn(*table);
  const uint64_t changes = 1 + random.Below(kMaxChanges);
  for (uint64_t i = 0; i < changes; ++i) {
    const Change change = DrawChange(random, kind, *table);
    ASSERT_TRUE(change.moves.ok());
    const SlotMoves& moves = change.moves.value();
    uint64_t total = 0;
    for (const Node& node : table->nodes()) total += node.weight;
    ASSERT_EQ(moves.size(), LeastMoves(table->nodes(), total, held));
    for (const SlotMove& move : moves) {
      ASSERT_EQ(table->Owner(move.slot), move.to);
      ASSERT_TRUE(kind != 0 || (change.grows ? move.to : move.from) == change.id);
    }
    held = HeldIn(*table);
    ASSERT_NO_FATAL_FAILURE(ExpectEven(table->nodes(), total, held));
  }
}

TEST(SlotTableHistoryTest, EveryChangeIsEvenAndLeast) {
  for (int seed = 0; seed < kHistories; ++seed) {
    ASSERT_NO_FATAL_FAILURE(RunHistory(static_cast<uint64_t>(seed))) << "seed " << seed;
  }
}

}  // namespace
}  // namespace weir::ring
