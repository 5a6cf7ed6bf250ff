// DataDirectory: who may use a data directory, and what format it holds.
//
//   LOCK     held by the process that uses the directory
//   FORMAT   "weir-data 1 creating shards=N" while it is made, then "weir-data 1 ready shards=N"
//   rocksdb/ the database
//   checkpoint/ while a backup is made
// FORMAT is written before the database is begun and after it is complete, each time durably. So a
// crash while the directory is made leaves "creating", and no one has been promised anything yet;
// a "ready" directory without its database is damage, never a reason to make an empty one. While a
// backup is restored into it, FORMAT says "restoring", which nobody opens.
// Threads: thread-compatible.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <rocksdb/file_system.h>

#include "weir/base/result.h"

namespace weir::store {

class DataDirectory {
 public:
  struct Format {
    enum class Phase { kCreating, kRestoring, kReady };
    Phase phase = Phase::kCreating;
    uint32_t shards = 0;
    bool ready() const { return phase == Phase::kReady; }
  };

  // Makes the directory when absent and locks it until destruction.
  // Errors: kUnavailable when it is in use or cannot be made.
  static Result<std::unique_ptr<DataDirectory>> Lock(std::shared_ptr<rocksdb::FileSystem> files,
                                                     std::string path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  // Returns: nullopt for an empty directory.
  // Errors: kCorrupt for an unknown format, a backup, an unfinished restore, or foreign files.
  Result<std::optional<Format>> ReadFormat() const;

  // Durable when it returns.
  Result<Ok> WriteFormat(Format format);

  const std::string& path() const { return path_; }
  std::string database_path() const { return path_ + "/rocksdb"; }
  std::string checkpoint_path() const { return path_ + "/checkpoint"; }

 private:
  DataDirectory(std::shared_ptr<rocksdb::FileSystem> files, std::string path,
                rocksdb::FileLock* lock)
      : files_(std::move(files)), path_(std::move(path)), lock_(lock) {}

  std::string format_path() const { return path_ + "/FORMAT"; }

  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string path_;
  rocksdb::FileLock* const lock_;
};

}  // namespace weir::store
