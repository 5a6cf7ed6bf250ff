// Listing the names of what is in the cache, for the next process to begin with
// (cache_warmer.h): the most wanted first, as far as that is known.
//
// Threads: thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "weir/gateway/lanes.h"

namespace weir::gateway {

// Entries of a lane, in the order of its policy, before the others in no order. They come again
// among those, so they are no more than one in kHottestPart.
inline constexpr size_t kHottestOfLane = 4096;
inline constexpr size_t kHottestPart = 8;
// What one hold of a lane's lock looks at: buckets of its index, and names.
inline constexpr size_t kBucketsAtOnce = 512;
inline constexpr size_t kNamesAtOnce = size_t{256} << 10;

// Returns false to see no more.
using VisitKey = std::function<bool(std::string_view key)>;

// While clients are served: calls `visit` for the keys among the first entries of each lane, then
// for the others, each lane until the names are its share of `bytes_max`. Some of the first come
// again among the others, and a key that comes or goes meanwhile may be left out. No lane is locked
// while `visit` runs.
// Cost: holds a lane for less than a millisecond at a time; some 0.1 µs a key in all.
void ListKeys(Lanes& lanes, size_t bytes_max, const VisitKey& visit);

}  // namespace weir::gateway
