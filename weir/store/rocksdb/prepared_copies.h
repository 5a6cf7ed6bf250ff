// PreparedCopies: a large batch of new records as table files, made beside the log and synced,
// which the database takes in whole.
//
// Why. Through the log a copy is written three times and more: to the log, to a table when the
// memtable is flushed, and again with every compaction; and each record is put into a skip list. As
// a file of its own, sorted as it comes, it is written once, and for the log's turn there is left
// to take in the files: records, the entries of the expiry index, and the state with the counts.
// RocksDB takes in all of them by one change of its manifest, or none, whenever the power goes off.
//
// The files lie in the database's directory until they are taken in by a link under another name; a
// file that is in the way after a crash is unlinked first, never written over: it may be a table.
// Threads: single-owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weir/store/rocksdb/database.h"
#include "weir/store/store.h"

namespace weir::store {

class PreparedCopies final : public Prepared {
 public:
  // Whether a batch can be prepared: new records of one shard alone, at least one, known to be new,
  // in order, with no value that has a file of its own.
  static bool Fits(const Batch& batch);

  // Writes the files of `batch`, with names that end in `number`. Borrows `setting`.
  // Requires: Fits. Errors: kUnavailable.
  static Result<std::shared_ptr<PreparedCopies>> Write(const DatabaseSetting& setting,
                                                       const Batch& batch, uint64_t number);

  // Removes what a process before left in the directory of the database.
  static Result<Ok> RemoveLeft(const DatabaseSetting& setting);

  // Removes what was not taken in.
  ~PreparedCopies() override;
  PreparedCopies(const PreparedCopies&) = delete;
  PreparedCopies& operator=(const PreparedCopies&) = delete;

  // Then, in the log's turn:
  rocksdb::Status WriteState(const std::string& state);
  rocksdb::Status Ingest(Database& database);

  uint32_t shard() const { return shard_; }
  uint64_t with_expiry() const { return with_expiry_; }
  WallTime earliest() const { return earliest_; }
  Version version_max() const { return version_max_; }
  uint64_t bytes() const { return bytes_; }

 private:
  PreparedCopies(const DatabaseSetting& setting, uint64_t number);
  rocksdb::Status WriteRecords(const Batch& batch);
  rocksdb::Status WriteExpiries(std::vector<std::string> entries);

  const DatabaseSetting& setting_;
  const std::shared_ptr<rocksdb::Env> env_;  // A batch may outlive its store.
  const std::string records_path_;
  const std::string expiries_path_;
  const std::string state_path_;
  uint32_t shard_ = 0;
  uint64_t with_expiry_ = 0;
  WallTime earliest_ = kNever;
  Version version_max_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace weir::store
