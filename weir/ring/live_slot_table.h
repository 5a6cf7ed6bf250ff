// LiveSlotTable: the slot table that serves requests while it changes.
//
// One writer publishes tables; any number of readers route by it, without a lock, a retry or a
// pointer to follow: each slot is one atomic word, so a route is one load. A reader sees each slot
// change at most once a publication, and sees everything that the writer did before it. In the
// middle of a publication two slots may be of different epochs, which no single key can notice;
// Read gives a table of one epoch to those who need all of it.
//
//   LiveSlotTable live;                        // 32 KiB: keep it on the heap
//   live.Publish(table);                       // the writer, with a SlotTable it has changed
//   NodeId node = live.Owner(TagSlot(KeyTag(key)));
//
// Threads: Publish by one thread at a time; everything else is thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>

#include "weir/base/key_hash.h"
#include "weir/ring/node_set.h"
#include "weir/ring/slot_table.h"

namespace weir::ring {

class LiveSlotTable {
 public:
  static constexpr int kMaxTries = 64;

  LiveSlotTable();

  // Returns the owner of `slot`, or kNoNode. Requires: slot < kSlotCount. Cost: one load.
  NodeId Owner(uint32_t slot) const {
    assert(slot < kSlotCount);
    return static_cast<NodeId>(owners_[slot].load(std::memory_order_acquire));
  }

  // Makes the owners of `table` the owners. Cost: O(slots), and a write for each that differs.
  // Requires: the epoch of `table` is not below that of the one before.
  void Publish(const SlotTable& table);

  // Copies the owners of one epoch to `owners`, and returns that epoch; nullopt, with `owners`
  // unspecified, when kMaxTries publications in a row came between: try again later.
  std::optional<uint64_t> Read(std::span<NodeId, kSlotCount> owners) const;

 private:
  std::array<std::atomic<uint16_t>, kSlotCount> owners_;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<uint64_t> changes_{0};  // Odd while a publication is under way.
};

}  // namespace weir::ring
