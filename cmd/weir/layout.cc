#include "cmd/weir/layout.h"

#include <algorithm>
#include <string>

namespace weir::cmd {

Layout LayOut(const Config& config) {
  Layout layout;
  for (const ShardConfig& shard : config.shards) {
    auto found = std::find(layout.directories.begin(), layout.directories.end(), shard.data);
    if (found == layout.directories.end()) {
      found = layout.directories.insert(found, shard.data);
      layout.shards_in.push_back(0);
    }
    const auto database = static_cast<uint32_t>(found - layout.directories.begin());
    layout.places.push_back({database, layout.shards_in[database]++});
  }
  return layout;
}

Result<Ok> CheckRanges(const shard::RangeMap& ranges, size_t shards) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (static_cast<size_t>(ranges.At(i).shard) < shards) continue;
    return Error{ErrorCode::kCorrupt,
                 "the data was laid out over more shards than the configuration names; name all "
                 "its directories in [[shard]] sections, in the order they were created with"};
  }
  for (const shard::Move& move : ranges.moves()) {
    if (static_cast<size_t>(move.copy) < shards) continue;
    return Error{ErrorCode::kCorrupt, "move " + std::to_string(move.id) +
                                          " has its copy in a shard that the configuration does "
                                          "not name; name all in [[shard]] sections, as before"};
  }
  return Ok{};
}

}  // namespace weir::cmd
