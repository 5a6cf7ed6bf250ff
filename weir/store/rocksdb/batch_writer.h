// BatchWriter: turns one batch into one RocksDB write, with its index entries, counts and state.
//
// Plain writes (a small value, no expiry before or after) are left pending: one record in the
// family `pending` holds those of the whole batch, and each later batch moves a run of them into
// the tables (pending_writes.h). Everything else goes into the tables at once, and a batch that was
// prepared becomes a table itself (prepared_copies.h).
//
// Invariants, true of the database after every batch:
//   1. A record with an expiry has exactly one entry in its shard's expiry index, and no other
//      record has any.
//   2. The state's counts are those of a full scan.
//   3. The state's highest version is at or above that of every write ever applied.
//   4. What is pending in memory is what the records of `pending` say.
// What goes into the tables goes sorted by (shard, position): the skip list of the memtable then
// finds each place from the one before; the order within a batch is seen by no one. (Hashed skip
// lists may insert faster, but every SCAN, and every flush, would have to sort a copy of them.)
//
// Threads: single-owner (the writer thread), but `version_max` and the counters may be read from
// anywhere.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include "weir/store/rocksdb/database.h"
#include "weir/store/rocksdb/pending_writes.h"
#include "weir/store/rocksdb/read_gate.h"
#include "weir/store/rocksdb/record_format.h"

namespace weir::store {

class BatchWriter {
 public:
  struct Counters {
    std::atomic<uint64_t> batches{0};
    std::atomic<uint64_t> writes{0};
    std::atomic<uint64_t> fsyncs{0};
    std::atomic<uint64_t> lookups{0};  // Priors that no caller knew.
    std::atomic<uint64_t> bytes_written{0};
    std::atomic<uint64_t> left_pending{0};
    std::atomic<uint64_t> ingested{0};  // Batches that were prepared.
    std::atomic<uint64_t> moved{0};     // Records that were pending, into the tables.
  };

  // Borrows `gate` and `background_errors`. `segment_bytes` bounds what is pending (PendingWrites).
  BatchWriter(Durability durability, size_t segment_bytes, ReadGate* gate,
              const BackgroundErrors* background_errors);

  // Takes over `database`, borrowed until the next Attach, at its stored state.
  // Errors: kCorrupt when it has none that fits.
  Result<Ok> Attach(Database* database);

  // Writes the state of an empty database. Durable when it returns.
  Result<Ok> Initialize(Database* database);

  // The writes. Errors: kUnknown, after which the gate is closed; otherwise nothing was written.
  Result<Applied> Apply(const Batch& batch);
  Result<Expired> Expire(WallTime now, size_t limit);
  Result<CommitNumber> Clear();
  Result<CommitNumber> PutMetadata(const std::string& name, const std::string& value);

  // The last commit number used up, be it by a batch of unknown outcome.
  CommitNumber commit() const { return commit_; }
  // The highest version ever accepted.
  Version version_max() const { return version_max_.load(std::memory_order_relaxed); }
  const Counters& counters() const { return counters_; }
  // Readers: under the gate's lock (ReadGate::Enter).
  const PendingWrites& pending() const { return pending_; }

 private:
  struct Place {
    uint64_t position;
    uint32_t shard;
    uint32_t index;  // Into the batch.
  };

  Result<Applied> Ingest(const Batch& batch);
  Result<Ok> ReadState();
  Result<Ok> FindPriors(const std::vector<Write>& writes, std::vector<Prior>* priors);
  // Divides the batch into what is left pending and what is staged at once, in places_.
  void Divide(const Batch& batch, const std::vector<Prior>& priors);
  void StageRun(size_t due);
  void StageForgetPending(CommitNumber from, CommitNumber to);
  void StageRemoval(rocksdb::ColumnFamilyHandle* family, const std::string& from,
                    const std::string& to);
  void Stage(const Write& write, const Prior& prior);
  void StageIndexEntry(const Key& key, WallTime expires_at, bool present);
  rocksdb::Status StageRemovals(WallTime now, size_t limit, Expired* expired);
  Result<Ok> StageClear();
  rocksdb::Status StageClear(uint32_t shard);
  Result<CommitNumber> Commit();
  Error Failed(const rocksdb::Status& status);
  void DropStaged();
  void Reset();

  const Durability durability_;
  ReadGate* const gate_;
  const BackgroundErrors* const background_errors_;
  Database* database_ = nullptr;
  State state_;  // As the batch that is being staged leaves it.
  CommitNumber commit_ = 0;
  std::atomic<Version> version_max_{0};
  Counters counters_;
  PendingWrites pending_;

  // Of the batch that is being staged. Kept for their memory.
  rocksdb::WriteBatch staged_;
  WallTime now_;  // As given; a batch without one is of the time of the last that had one.
  WallTime earliest_ = kNever;
  std::string state_bytes_;
  std::string pending_bytes_;
  bool moves_last_ = false;  // It moves the last of the sealed segment.
  bool clears_ = false;      // It removes everything, what is pending too.
  std::vector<Place> places_;
  std::string lookup_key_;
  rocksdb::PinnableSlice lookup_value_;
};

}  // namespace weir::store
