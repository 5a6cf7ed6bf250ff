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

// Threads, Errors: as BlockFileWriter; but where there is no room for more, or it is interrupted,
// it is cut short before that.
class SnapshotWriter {
 public:
  // Entries are given to the system in pieces of this size.
  static constexpr size_t kBlockBytes = size_t{1} << 20;
  // So many are on the disk before the next are given to it: a disk that is slow is then seen while
  // there is time, and not when the databases wait for it.
  static constexpr size_t kSyncedBytes = size_t{16} << 20;
  // Of a larger one only the key is of use, and that clients ask for themselves.
  static constexpr size_t kEntryBytesMax = size_t{2} << 20;

  struct Options {
    std::string directory;
    std::string id;
    uint64_t free_min = 0;
    // Asked before each block is written, whether no more should be.
    std::function<bool()> interrupted = [] { return false; };
  };

  explicit SnapshotWriter(Options options);

  // Returns false when nothing more is written.
  bool Add(const gateway::SnapshotEntry& entry);
  // Whether all that was added, and was not too large, is in the file now; or a part, because it
  // was cut short; or the file before is still there: what was cut short does not take its place.
  enum class Kept { kAll, kPart, kFileBefore };
  Result<Kept> Commit();
  // Entries that have been written.
  size_t entries() const { return entries_; }

 private:
  bool WriteBlock();

  const std::function<bool()> interrupted_;
  BlockFileWriter file_;
  const std::string path_;
  std::string block_;         // That has not been written.
  size_t block_entries_ = 0;  // In it.
  size_t entries_ = 0;
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
