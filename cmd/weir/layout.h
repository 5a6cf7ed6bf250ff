// Layout: which directories hold the shards of a configuration, and where each shard lies.
// Threads: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/added_shards.h"
#include "cmd/weir/config.h"

#include "weir/gateway/placement.h"
#include "weir/shard/map_copies.h"
#include "weir/shard/range_map.h"

namespace weir::cmd {

// The names under which the copies of the range map live with the data, in the first directory.
inline constexpr std::array<const char*, 2> kRangeMapNames = {"range-map", "range-map-2"};

struct Layout {
  std::vector<std::string> directories;  // In order of their first shard.
  std::vector<uint32_t> shards_in;       // By directory.
  std::vector<gateway::ShardPlace> places;
};

// Reads the range map from what has Metadata: a store, or its verifier. nullopt: there is none.
// Errors: kCorrupt when no copy can be read.
template <typename Source>
Result<std::optional<shard::StoredMap>> ReadRangeMap(Source& source) {
  shard::MapCopies copies;
  for (size_t copy = 0; copy < copies.size(); ++copy) {
    Result<std::optional<std::string>> text = source.Metadata(kRangeMapNames[copy]);
    if (text.ok()) {
      copies[copy] = std::move(text).value();
    } else if (text.error().code == ErrorCode::kCorrupt) {
      copies[copy] = "";  // Something is there, and nobody can tell what.
    } else {
      return text.error();
    }
  }
  return shard::ReadMapCopies(copies);
}

Layout LayOut(const Config& config);

// A single directory that exists knows how many shards it has; the configuration's number is for
// new ones.
void UseShardsThere(Layout* layout, uint32_t shards);

// Appends those of `added` that the configuration does not name as well. Returns, by directory,
// what each says of itself (kAddedAsName), nullopt: nothing. Errors: kInvalid when the
// configuration names other directories as these shards, or too few.
Result<std::vector<std::optional<std::string>>> Extend(Layout* layout,
                                                       const std::vector<AddedShard>& added);

// Errors: kCorrupt when a directory that is to say of itself `expected` says something else.
template <typename Source>
Result<Ok> CheckMark(Source& source, const std::string& directory,
                     const std::optional<std::string>& expected) {
  if (!expected) return Ok{};
  const Result<std::optional<std::string>> there = source.Metadata(kAddedAsName);
  if (!there.ok()) return there.error();
  if (there.value() == expected) return Ok{};
  return Error{ErrorCode::kCorrupt,
               "data directory " + directory + " is not the one that was added as shard " +
                   expected->substr(0, expected->find(' ')) +
                   "; mount the right one there, or say in shards.txt of the first data directory "
                   "where it is now"};
}

// Errors: kCorrupt when a range or a move names a shard that is not among `shards`.
Result<Ok> CheckRanges(const shard::RangeMap& ranges, size_t shards);

}  // namespace weir::cmd
