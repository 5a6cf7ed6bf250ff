#include "weir/ring/live_slot_table.h"

namespace weir::ring {

LiveSlotTable::LiveSlotTable() {
  for (auto& owner : owners_) {
    owner.store(static_cast<uint16_t>(kNoNode), std::memory_order_relaxed);
  }
}

// A sequence lock, in which a reader is right when `changes_` is the same even number before and
// after: (1) the writer makes it odd, (2) writes, releasing, (3) makes it even, releasing. A reader
// that acquired anything written in (2) therefore sees (1) afterwards, and tries again.
void LiveSlotTable::Publish(const SlotTable& table) {
  assert(table.epoch() >= epoch_.load(std::memory_order_relaxed));
  const uint64_t changes = changes_.load(std::memory_order_relaxed);
  assert(changes % 2 == 0);
  changes_.store(changes + 1, std::memory_order_relaxed);
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
    const auto owner = static_cast<uint16_t>(table.Owner(slot));
    if (owners_[slot].load(std::memory_order_relaxed) == owner) continue;
    owners_[slot].store(owner, std::memory_order_release);
  }
  epoch_.store(table.epoch(), std::memory_order_release);
  changes_.store(changes + 2, std::memory_order_release);
}

std::optional<uint64_t> LiveSlotTable::Read(std::span<NodeId, kSlotCount> owners) const {
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const uint64_t before = changes_.load(std::memory_order_acquire);
    if (before % 2 != 0) continue;
    for (uint32_t slot = 0; slot < kSlotCount; ++slot) owners[slot] = Owner(slot);
    const uint64_t epoch = epoch_.load(std::memory_order_acquire);
    if (changes_.load(std::memory_order_relaxed) == before) return epoch;
  }
  return std::nullopt;
}

}  // namespace weir::ring
