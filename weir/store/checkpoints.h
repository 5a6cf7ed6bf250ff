// Checkpoints: what a backup needs of a database that is in use: its files as of one commit.
//
// A checkpoint lies beside the database, on the same file system, and shares the files that no
// longer change; so it is made in milliseconds, and is then copied elsewhere at leisure.
//
//   Prepare();              // Slow; writes go on.
//   ... hold the writes ... // Of all databases that one cut is to cover.
//   Make();                 // Fast.
//   ... release, copy, Remove()
//
// When not to use: to keep data safe; a checkpoint is on the disk that it should save from.
// Threads: one thread at a time; reads and writes may go on, but in Make no write.
#pragma once

#include <cstdint>
#include <string>

#include "weir/base/result.h"
#include "weir/store/store.h"

namespace weir::store {

class Checkpoints {
 public:
  struct Made {
    std::string directory;  // Holds the files, plain ones, and nothing else.
    uint32_t shards = 0;
    CommitNumber commit = 0;
    Version version_max = 0;
    uint64_t records = 0;
    uint64_t with_expiry = 0;
  };

  virtual ~Checkpoints() = default;

  // The directory that the database owns.
  virtual const std::string& data_directory() const = 0;

  // Moves what is in memory into files, so that Make has little left to do. Blocks.
  // Errors: kUnavailable.
  virtual Result<Ok> PrepareCheckpoint() = 0;

  // Makes the checkpoint, in place of an earlier one. Blocks.
  // Requires: no write is outstanding. Errors: kUnavailable; nothing is left behind.
  virtual Result<Made> MakeCheckpoint() = 0;

  // Removes it, if there is one. One that a crash left goes when the database is opened.
  virtual void RemoveCheckpoint() = 0;
};

}  // namespace weir::store
