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

// Errors: kCorrupt when a directory whose mark is `mark`, of the data whose first directory is
// `first` ("": none), is to have `expected`, or none.
Result<Ok> CompareMark(const std::string& directory, const std::optional<std::string>& expected,
                       const std::string& mark, const std::string& first);

// CompareMark of what has Metadata: a store, or its verifier.
template <typename Source>
Result<Ok> CheckMark(Source& source, const std::string& directory,
                     const std::optional<std::string>& expected) {
  const Result<std::optional<std::string>> there = source.Metadata(kAddedAsName);
  if (!there.ok()) return there.error();
  const Result<std::optional<std::string>> first = source.Metadata(kAddedToName);
  if (!first.ok()) return first.error();
  return CompareMark(directory, expected, there.value().value_or(""), first.value().value_or(""));
}

// Whether `path` is `directory` or lies in it, also under another name, as a bind mount gives it.
// What does not exist lies where its parents do.
bool LiesIn(const std::string& path, const std::string& directory);

// Errors: kInvalid when two of them are one directory, under whatever names.
Result<Ok> CheckApart(const std::vector<std::string>& directories);

// Errors: kCorrupt when a range or a move names a shard that is not among `shards`.
Result<Ok> CheckRanges(const shard::RangeMap& ranges, size_t shards);

}  // namespace weir::cmd
