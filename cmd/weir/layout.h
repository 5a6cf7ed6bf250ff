// Layout: which directories hold the shards of a configuration, and where each shard lies.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cmd/weir/config.h"

#include "weir/gateway/placement.h"
#include "weir/shard/range_map.h"

namespace weir::cmd {

// The name under which the range map lives with the data, in the first directory.
inline constexpr const char* kRangeMapName = "range-map";

struct Layout {
  std::vector<std::string> directories;  // In order of their first shard.
  std::vector<uint32_t> shards_in;       // By directory.
  std::vector<gateway::ShardPlace> places;
};

Layout LayOut(const Config& config);

// Errors: kCorrupt when a range names a shard that is not among `shards`.
Result<Ok> CheckRanges(const shard::RangeMap& ranges, size_t shards);

}  // namespace weir::cmd
