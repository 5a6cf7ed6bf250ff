// Added shards: directories that `weir shard add` gave a running server. They are kept beside the
// data, in `shards.txt` of the first data directory, so that the next start with the same command
// line opens them too; each directory says in turn which shard it is, so that two that are mounted
// in each other's place are found out.
//
//   weir-added-shards 1
//   4 5f0e90d1c2b3a495 /disk2/weir        (shard, mark, directory)
//
// The file may be edited while weir is stopped, when a directory has moved.
// Threads: pure functions, but for the file. Errors: kCorrupt for a file that cannot be read as
// this; kUnavailable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::cmd {

struct AddedShard {
  uint32_t shard = 0;
  uint64_t mark = 0;  // Drawn when it was added.
  std::string directory;

  // What the directory says of itself, under kAddedAsName.
  std::string MarkText() const;
  bool operator==(const AddedShard&) const = default;
};

// Names of metadata in a directory that was added: its MarkText, and the first data directory.
inline constexpr const char* kAddedAsName = "added-as";
inline constexpr const char* kAddedToName = "added-to";

// No file: no shards. By rising number. `directory`: the first of the data.
Result<std::vector<AddedShard>> ReadAddedShards(const std::string& directory);
// Durable when it returns ok; after a crash the file is as before or as now. Errors: kUnavailable,
// when it is as before; kUnknown, when it is as now and a power cut may undo that.
// Requires: no path has a newline.
Result<Ok> WriteAddedShards(const std::string& directory, const std::vector<AddedShard>& shards);

}  // namespace weir::cmd
