// JumpHash: the bucket of a hash out of n numbered buckets, even and without a table.
//
// Growing from n to n + 1 buckets moves 1 / (n + 1) of the keys, all to the new one.
// When not to use: when any bucket but the last may go, or buckets have weights; HashRing and
// SlotTable do that.
// Threads: a pure function.
// Source: Lamping, Veach, "A fast, minimal memory, consistent hash algorithm", arXiv 1406.2294;
// its floating-point division is kept, because the buckets that others compute depend on it.
#pragma once

#include <cstdint>

namespace weir::ring {

// Returns the bucket in [0, buckets). Requires: buckets > 0; key_hash is well spread.
// Cost: O(log buckets) steps, no allocation.
uint32_t JumpHash(uint64_t key_hash, uint32_t buckets);

}  // namespace weir::ring
