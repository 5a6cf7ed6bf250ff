// Position: where a key lies in the 64-bit space that ranges divide and records are ordered by.
//
//    63        50 49                  24 23                  0
//   +------------+----------------------+---------------------+
//   | slot (tag) |   xxh3_64(tag) top   |   xxh3_64(key) low  |
//   +------------+----------------------+---------------------+
//
// So a slot of Redis Cluster is one contiguous piece of the space; the keys of one tag lie within
// kPositionUnit of each other, which no range boundary cuts (they are always atomic together); and
// yet the keys of a big tag are spread over 2^24 positions, so that a scan can page through them.
// Distinct keys may share a position: order records by (position, key).
//
// The function is part of the disk format. It never changes; golden vectors pin it.
// Threads: pure functions. Source: design decision 2 of the project.
#pragma once

#include <cassert>
#include <compare>
#include <cstdint>
#include <string_view>

#include "weir/base/key_hash.h"

namespace weir::shard {

struct Position {
  uint64_t value = 0;
  auto operator<=>(const Position&) const = default;
};

// Range boundaries are multiples of this.
inline constexpr uint64_t kPositionUnit = uint64_t{1} << 24;

// Positions of one slot: [slot * kPositionsPerSlot, (slot + 1) * kPositionsPerSlot).
inline constexpr uint64_t kPositionsPerSlot = uint64_t{1} << 50;
static_assert(kPositionsPerSlot * kSlotCount == 0, "the slots fill 2^64 exactly");

// Returns the position of a key from parts that the caller has at hand.
// Requires: slot = TagSlot(tag), tag_hash = StableHash(tag), key_hash = StableHash(key), where
// tag = KeyTag(key). When the tag is the whole key, the two hashes are the same value.
constexpr Position PositionFrom(uint32_t slot, uint64_t tag_hash, uint64_t key_hash) {
  assert(slot < kSlotCount);
  return {slot * kPositionsPerSlot | tag_hash >> 38 << 24 | (key_hash & (kPositionUnit - 1))};
}

// Cost: CRC16 of the tag and one hash, two when the tag is a part of the key; no allocation.
Position PositionOf(std::string_view key);

}  // namespace weir::shard
