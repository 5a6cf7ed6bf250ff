// How a key is cut and hashed: its tag, its Redis Cluster slot, and 64-bit hashes.
//
// Slot and unseeded hash are part of the disk format and of the cluster's agreement; golden vectors
// pin them. Seeded hashes are for in-memory tables, so that a client cannot aim at one bucket.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

inline constexpr uint32_t kSlotCount = 16384;

// Returns the part of `key` that decides its placement: what stands between the first '{' and the
// first '}' after it, or the whole key when there is no such pair or nothing between.
// Source: Redis Cluster specification, "Hash tags".
std::string_view KeyTag(std::string_view key);

// Returns the slot in [0, kSlotCount) of a tag. Requires: `tag` comes from KeyTag.
uint32_t TagSlot(std::string_view tag);

// xxh3_64 without a seed: the same on every machine and in every release.
uint64_t StableHash(std::string_view bytes);

// xxh3_64 with a secret seed. Cost: about 3 ns for 16 bytes.
uint64_t SeededHash(std::string_view bytes, uint64_t seed);

}  // namespace weir
