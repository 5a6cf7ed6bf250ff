// Goal: readers see every slot's owner, old or new and never back to old, while tables are
// published, and whole tables of one epoch. Method: threads that read while one publishes tables
// in which one node, whose id is the epoch, owns everything.
#include "weir/ring/live_slot_table.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::ring {
namespace {

constexpr uint16_t kEpochs = 300;

// The table of epoch `epoch`: all slots are of the node with that id.
SlotTable TableOf(uint16_t epoch) {
  SlotTable table;
  for (uint16_t id = 1; id <= epoch; ++id) {
    NodeSet nodes;
    EXPECT_TRUE(nodes.Add({NodeId{id}}));
    table.Place(std::move(nodes));
  }
  EXPECT_EQ(table.epoch(), epoch);
  return table;
}

TEST(LiveSlotTableTest, NobodyOwnsASlotAtFirst) {
  const auto live = std::make_unique<LiveSlotTable>();
  EXPECT_EQ(live->Owner(0), kNoNode);
  EXPECT_EQ(live->Owner(kSlotCount - 1), kNoNode);
  EXPECT_DEATH((void)live->Owner(kSlotCount), "kSlotCount");
}

TEST(LiveSlotTableTest, APublishedTableIsReadWhole) {
  const auto live = std::make_unique<LiveSlotTable>();
  SlotTable table;
  for (uint16_t id = 0; id < 10; ++id) ASSERT_TRUE(table.Add({NodeId{id}, 1U + id}));
  live->Publish(table);
  std::vector<NodeId> owners(kSlotCount);
  EXPECT_EQ(live->Read(std::span<NodeId, kSlotCount>(owners)), 10U);
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
    ASSERT_EQ(owners[slot], table.Owner(slot));
    ASSERT_EQ(live->Owner(slot), table.Owner(slot));
  }
  EXPECT_DEATH(live->Publish(SlotTable()), "epoch");
}

TEST(LiveSlotTableTest, ReadersNeverGoBackAndNeverMixEpochs) {
  const auto live = std::make_unique<LiveSlotTable>();
  auto table = std::make_unique<SlotTable>(TableOf(1));
  live->Publish(*table);
  std::atomic<uint32_t> readers_at_work{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      std::vector<NodeId> owners(kSlotCount);
      std::vector<NodeId> last(kSlotCount, NodeId{1});
      bool counted = false;
      while (!done.load()) {
        for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
          const NodeId owner = live->Owner(slot);
          wrong += owner < last[slot] ? 1 : 0;
          last[slot] = owner;
        }
        const auto epoch = live->Read(std::span<NodeId, kSlotCount>(owners));
        if (epoch) {
          const auto id = NodeId{static_cast<uint16_t>(*epoch)};
          wrong += std::ranges::count(owners, id) == kSlotCount ? 0 : 1;
        }
        if (!std::exchange(counted, true)) ++readers_at_work;
      }
    });
  }
  while (readers_at_work.load() < 2) std::this_thread::yield();
  for (uint16_t epoch = 2; epoch <= kEpochs; ++epoch) {
    NodeSet nodes;
    ASSERT_TRUE(nodes.Add({NodeId{epoch}}));
    table->Place(std::move(nodes));
    live->Publish(*table);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(live->Owner(5), NodeId{kEpochs});
}

}  // namespace
}  // namespace weir::ring
