// Entry: one cached key, its bytes behind it in the same allocation. Private to Cache and Index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/time.h"

namespace weir::cache {

struct Entry {
  Entry* previous = nullptr;  // The ring of all entries, in order of insertion.
  Entry* next = nullptr;
  uint64_t hash = 0;
  WallTime expires_at = kNever;    // When the record ends.
  WallTime cached_until = kNever;  // When this entry ends, never later than the record.
  uint64_t version = 0;
  Bytes big;  // The value, when it is larger than Cache::kInlineBytesMax.
  uint32_t key_bytes = 0;
  uint32_t value_bytes = 0;  // Of the inline value.
  uint8_t uses = 0;          // Recent hits, at most Cache::kUsesMax.
  bool absent = false;       // A negative entry: the key is known not to exist.

  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view key() const { return {data(), key_bytes}; }
  std::string_view value() const {
    return big.empty() ? std::string_view(data() + key_bytes, value_bytes) : big.view();
  }
};

}  // namespace weir::cache
