#include "weir/limit/bucket_table.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <new>

namespace weir::limit {
namespace {

constexpr size_t kCacheLineBytes = 64;
static_assert(BucketTable::kGroupBytes == kCacheLineBytes);

// 0 marks a slot that was never used.
uint64_t NonZero(uint64_t hash) {
  return hash == 0 ? 1 : hash;
}

size_t GroupsWithin(size_t bytes) {
  assert(bytes >= BucketTable::kBytesMin);
  assert(bytes <= BucketTable::kBytesMax);
  // A region of 16 groups shares one remembered tick.
  constexpr size_t kRegionBytes =
      BucketTable::kRegionGroups * BucketTable::kGroupBytes + sizeof(uint64_t);
  bytes -= kCacheLineBytes;  // For the alignment.
  const size_t rest = bytes % kRegionBytes;
  return bytes / kRegionBytes * BucketTable::kRegionGroups +
         (rest < sizeof(uint64_t) ? 0 : (rest - sizeof(uint64_t)) / BucketTable::kGroupBytes);
}

}  // namespace

void BucketTable::Release::operator()(void* memory) const {
  std::free(memory);
}

BucketTable::BucketTable(const TokenBucket& rule, size_t bytes)
    : rule_(rule), group_count_(GroupsWithin(bytes)) {
  // calloc, because zero pages from the kernel are resident only once they are written.
  size_t space = group_count_ * kGroupBytes + kCacheLineBytes;
  memory_.reset(std::calloc(space, 1));
  if (memory_ == nullptr) throw std::bad_alloc();
  void* aligned = memory_.get();
  std::align(kCacheLineBytes, group_count_ * kGroupBytes, aligned, space);
  slots_ = {static_cast<Slot*>(aligned), group_count_ * kGroupSlots};
  forgotten_ticks_.resize((group_count_ + kRegionGroups - 1) / kRegionGroups);
}

BucketTable::Slot* BucketTable::Lookup(uint64_t hash) const {
  const GroupPair groups = Groups(hash);
  for (Slot& slot : Group(groups.first)) {
    if (slot.hash == hash) return &slot;
  }
  // The second group is used only once the first has no unused slot, and none ever becomes unused.
  if (Group(groups.first).back().hash == 0) return nullptr;
  for (Slot& slot : Group(groups.second)) {
    if (slot.hash == hash) return &slot;
  }
  return nullptr;
}

BucketTable::Slot* BucketTable::Victim(GroupPair groups, MonoTime now) const {
  Slot* nearest_to_full = nullptr;
  for (const size_t index : {groups.first, groups.second}) {
    // Slots of a group are used from the front, so the first unused one ends it.
    for (Slot& slot : Group(index)) {
      if (slot.hash == 0 || rule_.IsFull(slot.state, now)) return &slot;
      if (nearest_to_full == nullptr || slot.state < nearest_to_full->state) {
        nearest_to_full = &slot;
      }
    }
  }
  return nearest_to_full;
}

BucketTable::Place BucketTable::Find(uint64_t hash, MonoTime now) const {
  hash = NonZero(hash);
  Place place;
  place.hash = hash;
  place.slot = Lookup(hash);
  if (place.slot != nullptr) [[likely]] {
    place.state = place.slot->state;
    return place;
  }
  place.slot = Victim(Groups(hash), now);
  place.state = {forgotten_ticks_[Region(hash)]};
  return place;
}

void BucketTable::Store(const Place& place, BucketState state, MonoTime now) {
  Slot& slot = *place.slot;
  if (slot.hash != place.hash) [[unlikely]] {
    if (slot.hash == 0) {
      ++used_slots_;
    } else if (!rule_.IsFull(slot.state, now)) {
      ++evicted_live_;
      uint64_t& forgotten = forgotten_ticks_[Region(slot.hash)];
      forgotten = std::max(forgotten, slot.state.full_at_tick);
    }
    slot.hash = place.hash;
  }
  slot.state = state;
}

void BucketTable::Refund(uint64_t hash, uint64_t cost) {
  Slot* slot = Lookup(NonZero(hash));
  if (slot != nullptr) rule_.Refund(&slot->state, cost);
}

}  // namespace weir::limit
