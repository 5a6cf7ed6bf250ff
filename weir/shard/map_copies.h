// MapCopies: the range map as it is stored: twice, so that a damaged copy costs one change at most.
//
// A change is written over the older copy, so the newer stays whole whatever becomes of the write.
// The copy with the higher epoch that can be read is the map.
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "weir/base/result.h"
#include "weir/shard/range_map.h"

namespace weir::shard {

// What is stored in each of the two places; nullopt: nothing ever was.
using MapCopies = std::array<std::optional<std::string>, 2>;

struct StoredMap {
  RangeMap map;
  size_t newer = 0;    // Which copy it is; the next change is written to the other.
  std::string damage;  // What is wrong with the other copy; empty: nothing.
};

// Returns the newer map that can be read, or nullopt when nothing is stored.
// Errors: kCorrupt when something is stored and no copy can be read, or the copies differ without
// one being newer.
Result<std::optional<StoredMap>> ReadMapCopies(const MapCopies& copies);

}  // namespace weir::shard
