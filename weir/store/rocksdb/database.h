// Database: one open RocksDB with the column families of weir, tuned for its one writer.
//
// Threads: thread-safe as rocksdb::DB is. Destruction requires that no snapshot or iterator is
// left; it stops the background work and closes the database.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_buffer_manager.h>

#include "weir/base/result.h"
#include "weir/store/rocksdb/background_errors.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::store {

// Larger values are in files of their own beside the tables. A compaction would else write them
// again and again, and hold one of each of its tables, and a read one in the block cache.
inline constexpr size_t kBlobBytesMin = size_t{64} << 10;

// Where and with what a database is opened. Outlives it, and all its reopenings.
struct DatabaseSetting {
  std::string path;
  uint32_t shards = 0;
  Durability durability = Durability::kFsync;
  std::function<void(const std::string&)> warn;  // Or none.
  std::shared_ptr<rocksdb::Env> env;
  std::shared_ptr<BackgroundErrors> background_errors;  // Of every database that is opened.
  std::shared_ptr<rocksdb::Cache> block_cache;
  rocksdb::DBOptions db_options;
  rocksdb::ColumnFamilyOptions records_options;
  rocksdb::ColumnFamilyOptions index_options;  // Of the expiry index and of the state.
  rocksdb::ColumnFamilyOptions pending_options;
  size_t pending_segment_bytes = 0;
};

std::unique_ptr<DatabaseSetting> MakeDatabaseSetting(const RocksDbOptions& options,
                                                     std::unique_ptr<rocksdb::Env> env,
                                                     std::string path, uint32_t shards);

// Changes how much memory it may use, of the database that is open as well.
void SetMemoryOf(const DatabaseSetting& setting, size_t block_cache_bytes,
                 size_t write_buffer_bytes);

class Database {
 public:
  // Borrows `setting`. Replays the log into synced tables, so that no earlier log is read again,
  // and moves what was pending (pending_writes.h) into its shards. Errors: kCorrupt for damage that
  // is more than an incomplete end of the log; kUnavailable.
  static Result<std::unique_ptr<Database>> Open(const DatabaseSetting& setting);

  // Opens it without changing a file; the log is replayed into memory. Errors: as Open.
  static Result<std::unique_ptr<Database>> OpenReadOnly(const DatabaseSetting& setting);

  // Makes the empty database anew, over what an interrupted creation left.
  static Result<std::unique_ptr<Database>> Create(const DatabaseSetting& setting);

  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& rocks() { return *rocks_; }
  uint32_t shards() const { return static_cast<uint32_t>(families_.size() / 2) - 1; }
  rocksdb::ColumnFamilyHandle* state() const { return families_[0]; }
  rocksdb::ColumnFamilyHandle* pending() const { return families_[1]; }
  rocksdb::ColumnFamilyHandle* records(uint32_t shard) const { return families_[2 * shard + 2]; }
  rocksdb::ColumnFamilyHandle* expiry(uint32_t shard) const { return families_[2 * shard + 3]; }

  // What `pending` holds, the newest of each key: stored records by shard and stored key.
  using PendingRecords = std::map<std::pair<uint32_t, std::string>, std::string>;
  rocksdb::Status ReadPending(PendingRecords* records);

  // Waits, if need be, until the memtables have room for so many bytes more: RocksDB's own limit
  // begins flushes and lets writes go on. Of the writer thread.
  void MakeRoom(size_t bytes);

  // The last record of a segment of PendingWrites has moved: now and then, when there is least to
  // write, the memtable of `pending` is flushed. Returns at once.
  void SegmentMoved();

  // Compacts everything on a thread of its own, to give back the space of what was removed. Begins
  // anew when it is at it already.
  void ReclaimInBackground();

 private:
  Database(rocksdb::DB* rocks, std::vector<rocksdb::ColumnFamilyHandle*> families,
           std::shared_ptr<rocksdb::WriteBufferManager> write_buffers)
      : rocks_(rocks), families_(std::move(families)), write_buffers_(std::move(write_buffers)) {}

  enum class Access { kReadOnly, kWrite };
  static Result<std::unique_ptr<Database>> OpenWith(const DatabaseSetting& setting,
                                                    rocksdb::DBOptions db_options, Access access);
  rocksdb::Status MovePending();
  void StopReclaiming();

  std::unique_ptr<rocksdb::DB> rocks_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;
  const std::shared_ptr<rocksdb::WriteBufferManager> write_buffers_;
  size_t segments_moved_ = 0;  // Since the flush. Of the writer thread.
  std::atomic<bool> stop_reclaiming_{false};
  std::thread reclaimer_;  // Started and joined by the writer thread and the destructor.
};

// Sorts a failed read: kCorrupt for damage, else kUnavailable. Requires: !status.ok().
Error ReadError(const rocksdb::Status& status);

}  // namespace weir::store
