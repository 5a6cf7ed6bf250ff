// Value: what a key holds, as the cache and the write groups see it; Until: for how long.
#pragma once

#include <algorithm>
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

// How long an entry stays: fresh at first, then, until `kept`, stale.
struct Until {
  WallTime fresh = kNever;
  WallTime kept = kNever;

  Until() = default;
  Until(WallTime end) : fresh(end), kept(end) {}  // NOLINT(google-explicit-constructor)
  Until(WallTime fresh_until, WallTime kept_until)
      : fresh(fresh_until), kept(std::max(fresh_until, kept_until)) {}

  // No longer than a record that ends then.
  Until Within(WallTime end) const { return {std::min(fresh, end), std::min(kept, end)}; }
};

}  // namespace weir::cache
