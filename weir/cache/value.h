// Value: what a key holds, as the cache and the write groups see it.
#pragma once

#include <cstdint>

#include "weir/base/bytes.h"
#include "weir/base/time.h"

namespace weir::cache {

// Threads: as Bytes.
struct Value {
  Bytes bytes;
  WallTime expires_at = kNever;  // When the record ends; from this moment on it is absent.
  uint64_t version = 0;          // The store's version of the record.
};

}  // namespace weir::cache
