#include "weir/ring/jump_hash.h"

#include <cassert>

namespace weir::ring {

uint32_t JumpHash(uint64_t key_hash, uint32_t buckets) {
  assert(buckets > 0);
  uint64_t bucket = 0;
  // While buckets are added one by one, the key moves to `next` when that one is added.
  for (uint64_t next = 0; next < buckets;) {
    bucket = next;
    key_hash = key_hash * 2862933555777941757U + 1;
    constexpr auto kDrawn = static_cast<double>(uint64_t{1} << 31);
    const auto drawn = static_cast<double>((key_hash >> 33) + 1);
    next = static_cast<uint64_t>(static_cast<double>(bucket + 1) * (kDrawn / drawn));
  }
  return static_cast<uint32_t>(bucket);
}

}  // namespace weir::ring
