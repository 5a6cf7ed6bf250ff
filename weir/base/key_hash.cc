#include "weir/base/key_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "weir/base/crc16.h"

namespace weir {

std::string_view KeyTag(std::string_view key) {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

uint32_t TagSlot(std::string_view tag) {
  return Crc16(tag) % kSlotCount;
}

uint64_t StableHash(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

uint64_t SeededHash(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace weir
