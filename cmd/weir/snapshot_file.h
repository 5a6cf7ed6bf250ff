// SnapshotFile: the entries that were in memory when the process ended (gateway/cache_snapshot.h),
// the most wanted first: a BlockFile whose head names the snapshot, and whose blocks hold entries:
//
//   flags 1 | key_bytes 4 | value_bytes 4 | version 8 | [expires_at 8] | [fresh_until 8] | key |
//   value
//
// Numbers are little-endian; flag 1 says that there is expires_at, 2 fresh_until, and the others
// are zero. Whether what it says is still true is another question: snapshot_seal.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "cmd/weir/block_file.h"

#include "weir/base/result.h"
#include "weir/gateway/cache_snapshot.h"

namespace weir::cmd {

inline constexpr std::string_view kSnapshotFile = "cache-snapshot";

// Threads, Errors: as BlockFileWriter; but where there is no room for more, it ends before that.
class SnapshotWriter {
 public:
  // Entries are given to the system in pieces of this size.
  static constexpr size_t kBlockBytes = size_t{1} << 20;
  // Of a larger one only the key is of use, and that clients ask for themselves.
  static constexpr size_t kEntryBytesMax = size_t{2} << 20;

  SnapshotWriter(const std::string& directory, const std::string& id, uint64_t free_min);

  // Returns false when nothing more is written.
  bool Add(const gateway::SnapshotEntry& entry);
  // Takes the place of the file before.
  Result<Ok> Commit();

 private:
  bool WriteBlock();

  BlockFileWriter file_;
  std::string block_;  // That has not been written.
  bool ended_;
};

// Threads: single-owner.
class SnapshotReader {
 public:
  explicit SnapshotReader(const std::string& directory);

  // Of the snapshot; empty when there is none.
  std::string id() const;
  // Calls `visit` for the entries of the next block, which are valid until then. Returns false
  // after the last that is good.
  bool Next(const std::function<void(const gateway::SnapshotEntry&)>& visit);
  // What is wrong with what comes after them; empty: nothing.
  std::string damage() const { return damage_.empty() ? file_.damage() : damage_; }

 private:
  BlockFileReader file_;
  std::string damage_;  // Of what is in a block.
};

// As RemoveBlockFile.
void RemoveSnapshot(const std::string& directory, bool all);

}  // namespace weir::cmd
