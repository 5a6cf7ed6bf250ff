// ReadGate: lets readers in while the database is settled, and tells each which commit it sees.
//
// A snapshot of RocksDB carries a sequence number, not a commit number. There is one writer, which
// announces each batch, writes it, then marks it as ended with the sequence number after it.
// RocksDB shows a write whole and only when it is durable; but part of a batch is shown by
// PendingWrites, and there only at its end. So who would see a batch that is written and not ended,
// which is a matter of microseconds, waits for its end. Invariants:
//   1. Views exist only while the gate is open, or until they leave after it closed.
//   2. A view's expiry floor is at or below every expiry its snapshot holds in an index.
// Threads: thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include <rocksdb/db.h>

#include "weir/store/store.h"

namespace weir::store {

class ReadGate {
 public:
  struct View {
    const rocksdb::Snapshot* snapshot = nullptr;
    CommitNumber commit = 0;
    WallTime now;           // The latest time of the batches seen.
    WallTime expiry_floor;  // Where to begin in the expiry indexes: before it, tombstones alone.
  };

  // Opens the gate, which is closed at first, over `rocks`, which is borrowed until Drain.
  void Open(rocksdb::DB* rocks, CommitNumber commit);

  // Runs `look` at the moment of the view, with the writer kept out, so that PendingWrites shows
  // what the snapshot does not. Returns: nullopt while closed.
  std::optional<View> Enter(const std::function<void()>& look = nullptr);
  // Returns: whether the gate is still open, without which what was read must not be shown.
  bool Leave(const View& view);

  // Announces batch `commit` that may put entries as early as `earliest` into an expiry index.
  void BeginBatch(CommitNumber commit, WallTime earliest);
  // The announced batch, of the time `now`, is written; `change` takes in what it left pending,
  // with readers kept out.
  void EndBatch(WallTime now, const std::function<void()>& change);
  // The announced batch was not and will not be written.
  void AbandonBatch();
  // No entry before `floor` is left in an expiry index. Requires: no batch is announced.
  void RaiseExpiryFloor(WallTime floor);
  WallTime expiry_floor() const;

  void Close(std::string why);
  // Waits until no view is left. Requires: closed.
  void Drain();

  // Why the gate is closed, or nullopt.
  std::optional<std::string> closed() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable left_;   // The last view of a closed gate.
  std::condition_variable ended_;  // The announced batch ended, or the gate closed.
  rocksdb::DB* rocks_ = nullptr;
  std::optional<std::string> closed_ = "the database is being opened";
  size_t views_ = 0;
  rocksdb::SequenceNumber ended_sequence_ = 0;
  CommitNumber ended_commit_ = 0;
  CommitNumber announced_commit_ = 0;
  WallTime now_;  // Of the batches that have ended, whatever database was open.
  WallTime expiry_floor_;
};

}  // namespace weir::store
