#include "cmd/weir/layout.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include "weir/backup/files.h"

namespace weir::cmd {
namespace {

std::string RealPathOf(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(directory, error);
  return error ? directory : backup::RealPath(absolute.string());
}

}  // namespace

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

void UseShardsThere(Layout* layout, uint32_t shards) {
  if (layout->directories.size() != 1 || shards == layout->places.size()) return;
  layout->shards_in = {shards};
  layout->places.clear();
  for (uint32_t shard = 0; shard < shards; ++shard) layout->places.push_back({0, shard});
}

Result<std::vector<std::optional<std::string>>> Extend(Layout* layout,
                                                       const std::vector<AddedShard>& added) {
  std::vector<std::optional<std::string>> marks(layout->directories.size());
  for (const AddedShard& shard : added) {
    const std::string number = std::to_string(shard.shard);
    if (shard.shard > layout->places.size()) {
      return Error{ErrorCode::kInvalid,
                   "shard " + number + " was added as " + shard.directory +
                       " to more shards than the configuration names; name all in [[shard]] "
                       "sections, as before"};
    }
    if (shard.shard == layout->places.size()) {
      layout->places.push_back({static_cast<uint32_t>(layout->directories.size()), 0});
      layout->directories.push_back(shard.directory);
      layout->shards_in.push_back(1);
      marks.emplace_back(shard.MarkText());
      continue;
    }
    const uint32_t database = layout->places[shard.shard].database;
    const std::string& named = layout->directories[database];
    if (RealPathOf(named) != RealPathOf(shard.directory)) {
      return Error{ErrorCode::kInvalid, "the configuration names " + named + " as shard " + number +
                                            ", which was added as " + shard.directory +
                                            "; name that one"};
    }
    marks[database] = shard.MarkText();
  }
  return marks;
}

Result<Ok> CompareMark(const std::string& directory, const std::optional<std::string>& expected,
                       const std::string& mark, const std::string& first) {
  if (mark == expected.value_or("")) return Ok{};
  const std::string mine = mark.substr(0, mark.find(' '));
  if (!expected) {
    return Error{
        ErrorCode::kCorrupt,
        "data directory " + directory + " was added as shard " + mine +
            " to the data that begins in " + first +
            "; start that. If this is that, and its shards.txt is lost, list it there "
            "again: \"weir-added-shards 1\", then a line for each such directory, here \"" +
            mark + " " + RealPathOf(directory) + "\""};
  }
  return Error{ErrorCode::kCorrupt,
               "data directory " + directory + " is not the one that was added as shard " +
                   expected->substr(0, expected->find(' ')) +
                   "; mount the right one there, or say in shards.txt of the first data directory "
                   "where it is now"};
}

bool LiesIn(const std::string& path, const std::string& directory) {
  std::filesystem::path at(RealPathOf(path));
  for (;;) {
    std::error_code unknown;  // As when one does not exist: then they are not the same.
    if (std::filesystem::equivalent(at, directory, unknown)) return true;
    if (!at.has_relative_path()) return false;
    at = at.parent_path();
  }
}

Result<Ok> CheckApart(const std::vector<std::string>& directories) {
  for (size_t i = 0; i < directories.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      std::error_code unknown;  // As when one does not exist yet.
      if (!std::filesystem::equivalent(directories[i], directories[j], unknown)) continue;
      return Error{ErrorCode::kInvalid, "the data directories " + directories[j] + " and " +
                                            directories[i] +
                                            " are one; name another directory for one of them"};
    }
  }
  return Ok{};
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
