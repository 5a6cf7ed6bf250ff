// PendingWrites: what is durable and visible, but not yet in the tables of its shard.
//
// Why. Putting a key into RocksDB's memtable walks a skip list that has left the processor's cache:
// 1.1 us of the 4 us of CPU that a durable SET took at pipeline 16, and every version of a key is
// put, flushed and compacted. So the plain writes of a batch go into the family `pending` as one
// record, in the same WriteBatch and so under the same fsync as the rest, and are held here by key.
// Later they move into the tables in runs, sorted by position, of each key the last version alone:
// neighbours in the skip list follow each other, and what was overwritten meanwhile is never put,
// be it in the sealed segment or in the active one.
//
//   batch ──► active segment ──(full)──► sealed segment ──(a run with each batch)──► tables
//
// The record of a batch in `pending` is deleted by the batch that moves the last of its segment, so
// after a crash all that may be missing from the tables is in `pending`; moving it again changes
// nothing (Database::Open does).
// Invariants:
//   1. The newest version of a live key here is the newest there is; the tables may hold an older
//      one, but never one with an expiry: a write that sets, changes or ends an expiry goes to the
//      tables directly, and so does a removal. Expiry index and counts need no look at this.
//   2. At most one segment is sealed; before the next one is, all of it has moved, but for what the
//      active one holds in a newer version.
//
// Ownership: owns copies of what is pending; Hold keeps them for a reader.
// Threads: single-owner (the writer thread); const methods also from readers while the gate's lock
// keeps the writer's changes out.
// Limits: two segments of `segment_bytes` and what the batch that filled each adds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/store/rocksdb/pending_segment.h"
#include "weir/store/store.h"

namespace weir::store {

class PendingWrites {
 public:
  // Values above this go to the tables directly: for them the copy costs more than the walk.
  static constexpr size_t kValueBytesMax = 4096;

  // Keeps alive what was found or collected.
  using Hold = std::array<std::shared_ptr<const PendingSegment>, 2>;

  // `seed` is secret: it keeps clients from choosing keys that meet in the hash table.
  explicit PendingWrites(size_t segment_bytes, uint64_t seed = 0)
      : segment_bytes_(segment_bytes), seed_(seed) {
    Clear();
  }

  // Returns the newest pending record of the key, in the bytes of record_format.h.
  std::optional<std::string_view> Find(const Key& key) const;

  // Appends to `*found` the pending records of `shard` from position `from` on, in order of
  // position and key, the newest of each key: those of whole buckets, until there are `enough`.
  // Returns the position up to which there are no others; 0 for the end of the position space.
  uint64_t Collect(uint32_t shard, uint64_t from, uint64_t to, size_t enough,
                   std::vector<PendingRecord>* found) const;

  Hold hold() const { return {active_, sealed_}; }

  // How many records of the sealed segment are to be moved with a batch that leaves `writes` of so
  // many bytes pending: evenly, so that no batch has much more to do than another, and so that the
  // last one moves when the active segment is half full. The slower, the more are written again
  // before their turn, and never moved; but what the active one holds then is flushed as well
  // (Database::SegmentMoved). What is too late for that moves until it is full, and then at once.
  size_t DueWith(size_t writes, size_t bytes) const;

  // The next run to be moved into the tables, in order: of the next `count` records of the sealed
  // segment, if there are so many, those of which the active one holds no newer version.
  // Requires: what the last call returned has been written, and Moved called.
  std::vector<PendingRecord> TakeRun(size_t count);
  // The runs were not written: they begin anew. Moving a record again changes nothing.
  void RestartRuns();
  // Whether the runs taken are the whole sealed segment.
  bool taken_all() const { return sealed_ != nullptr && sealed_->taken_all(); }
  // The commit numbers of the first and last batch whose writes the sealed segment holds.
  std::pair<CommitNumber, CommitNumber> sealed_commits() const { return sealed_->commits(); }
  // Takes out the sealed segment, to be freed where no reader waits. Requires: taken_all().
  std::shared_ptr<const PendingSegment> Moved() { return std::exchange(sealed_, nullptr); }

  // Takes in the pending writes of batch `commit`, in the bytes of pending_format.h, and seals the
  // active segment when it is full.
  void Add(CommitNumber commit, std::string writes);

  void Clear();

  size_t bytes() const;

 private:
  size_t segment_bytes_;
  uint64_t seed_;
  std::shared_ptr<PendingSegment> active_;
  std::shared_ptr<PendingSegment> sealed_;
};

}  // namespace weir::store
