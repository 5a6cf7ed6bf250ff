#include "weir/shard/position.h"

namespace weir::shard {

Position PositionOf(std::string_view key) {
  const std::string_view tag = KeyTag(key);
  const uint64_t key_hash = StableHash(key);
  const uint64_t tag_hash = tag.size() == key.size() ? key_hash : StableHash(tag);
  return PositionFrom(TagSlot(tag), tag_hash, key_hash);
}

}  // namespace weir::shard
