// Store: the contract between weir and one database.
//
// A Store is one database with one log: a data directory of RocksDB with all its shards, or one
// PostgreSQL server. It keeps records by (shard, position, key), loads many, applies many at once
// and durably, scans in position order, and counts exactly. Everything is asynchronous; every
// driver passes store_contract.h.
//
// What a driver promises
//   1. Atomic. A batch is applied whole or not at all, after any crash too, whatever shards it
//      touches.
//   2. Durable. `done` of Apply succeeds only after the batch is durable under the chosen
//      durability, and no Load or Scan returns a record that is not.
//   3. Ordered. Batches take effect in the order of the Apply calls. Each success has a commit
//      number, rising by one with every batch; a Load names the last commit it saw, and saw all up
//      to it, and the latest time that those batches were given as `now`.
//   4. Honest. An error other than kUnknown means that the batch was not and will not be applied.
//      After kUnknown the driver answers every Apply, Load and Scan with kUnavailable until Settle
//      has succeeded; then the outcome is final and reads show it.
//   5. Exact. Counts change with the batch that changes them and survive any crash with it.
//
// What a caller promises
//   1. At most one of Apply, Expire, Clear and Settle is outstanding (the caller is the serial
//      writer of this log). Loads and Scans may be, up to limits().
//   2. `now` never goes backwards between calls of Apply and Expire; the `version` of a write is
//      above that of the record that stands in its place.
//   3. `Write::known`, where given, is true (see there).
//
// Threads: all methods are thread-safe. `done` runs exactly once, on a thread of the driver, never
// inside the call itself, and must not block. Destruction waits for outstanding calls, whose `done`
// runs first.
// Errors: kUnavailable, kUnknown (Apply, Expire and Clear only), kOverloaded (over limits()),
// kCorrupt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/result.h"
#include "weir/base/time.h"

namespace weir::store {

// A per-key version, rising with every write of the key over restarts, deletes and clock steps.
// Records of equal versions are of the same write, also in the copy of a range.
using Version = uint64_t;

// The number of a batch in the order of one log.
using CommitNumber = uint64_t;

struct Record {
  Bytes value;
  WallTime expires_at = kNever;
  Version version = 0;
};

// Where a record lives. `shard` is an index into this store's shards.
struct Key {
  uint32_t shard = 0;
  uint64_t position = 0;
  std::string key;
};

// What a batch found in a key's place before it: absent, or a record with this expiry. A record
// whose expiry is due is still `existed` here until it is removed; compare with `now`.
struct Prior {
  bool existed = false;
  WallTime expires_at = kNever;
};

struct Write {
  Key key;
  std::optional<Record> record;  // The record to store, or nullopt to remove what is there.
  Version version = 0;           // The version of this write, also for a removal.
  // What the caller already knows to stand in this key's place, which saves the driver a look-up.
  // It must be the truth: the counts are kept by it.
  std::optional<Prior> known;
};

// Writes of one batch. Requires: no key twice.
struct Batch {
  WallTime now;
  std::vector<Write> writes;
  bool clear = false;  // Every record of every shard is removed before the writes.
  // It stores what stands elsewhere as well: refused while other writes still find room.
  bool copies = false;
};

struct Applied {
  CommitNumber commit = 0;
  std::vector<Prior> priors;  // One for each write, in order.
};

struct Loads {
  // A value that there was no room for.
  struct LeftOut {
    size_t index = 0;  // Of its key.
    size_t bytes = 0;
  };
  CommitNumber commit = 0;  // All batches up to this one, and none after, are reflected.
  // The latest `now` of those batches, of this process; the caller's own clock may be behind it.
  WallTime now{};
  std::vector<std::optional<Record>> records;  // One for each key, in order.
  std::vector<LeftOut> left;  // By rising index; the record is there, its value is empty.
};

// Records of one shard with from <= position < to, in (position, key) order. A scan stops after the
// first `limit` records, or with that in which keys and values reach `bytes_max`, then finishes the
// position it has begun, so that a position is never cut.
struct ScanRange {
  uint32_t shard = 0;
  uint64_t from = 0;
  // Half-open; 0 means the end of the position space.
  uint64_t to = 0;
  size_t limit = 0;
  bool with_values = false;
  size_t bytes_max = size_t{1} << 20;
};

struct Scanned {
  struct Item {
    uint64_t position = 0;
    std::string key;
    Record record;  // Without value unless asked for.
  };
  CommitNumber commit = 0;  // As of Loads::commit.
  WallTime now{};           // As Loads::now.
  std::vector<Item> items;
  // Where to go on, or nullopt when the range is finished.
  std::optional<uint64_t> next;
};

struct Expired {
  CommitNumber commit = 0;
  size_t removed = 0;
  std::vector<std::string> keys;  // Of those, in the order removed.
  // The earliest expiry that is left, or kNever.
  WallTime next = kNever;
};

struct Counts {
  CommitNumber commit = 0;   // As of Loads::commit.
  WallTime now{};            // As Loads::now.
  uint64_t records = 0;      // Stored records, due ones included.
  uint64_t due = 0;          // Of these, with an expiry at or before the later of both times.
  uint64_t with_expiry = 0;  // Of these, with an expiry.
};

// What CheckFiles looks at: of one shard, from and to as in ScanRange.
struct FileRange {
  uint32_t shard = 0;
  uint64_t from = 0;
  uint64_t to = 0;
  bool tables = true;  // Those of the range too, and not only what opening reads.
};

struct Limits {
  size_t batch_writes_max = 16384;
  size_t batch_bytes_max = size_t{192} << 20;
  size_t load_keys_max = 4096;
  size_t scan_items_max = 4096;
  size_t outstanding_reads_max = 1024;
  size_t key_bytes_max = size_t{64} << 10;
  size_t value_bytes_max = size_t{512} << 20;
};

template <typename T>
using Done = std::function<void(Result<T>)>;

class Store {
 public:
  virtual ~Store() = default;

  // Loads the records of `keys` from one snapshot, due ones included (the caller compares expiry).
  void Load(std::vector<Key> keys, Done<Loads> done) {
    LoadWithin(std::move(keys), SIZE_MAX, std::move(done));
  }
  // As Load, but returns no more than `bytes_max` bytes of large values (Bytes::kCountedBytesMin
  // and more) together; those that do not fit are left out. Small ones are always returned.
  virtual void LoadWithin(std::vector<Key> keys, size_t bytes_max, Done<Loads> done) = 0;

  // Makes `batch` durable and visible. Order and outcome: see the class comment.
  virtual void Apply(Batch batch, Done<Applied> done) = 0;

  virtual void Scan(ScanRange range, Done<Scanned> done) = 0;

  // Removes up to `limit` records whose expiry is at or before `now`, earliest first, as one batch.
  // When none is due it is no batch: nothing is written, and `commit` is the latest one.
  virtual void Expire(WallTime now, size_t limit, Done<Expired> done) = 0;

  // Removes every record of every shard, as one batch.
  virtual void Clear(Done<CommitNumber> done) = 0;

  // After an unknown outcome: succeeds when every earlier batch is final, which a failed log that
  // could still be replayed is not. May be called again after an error, and when nothing is
  // unsettled. A batch of unknown outcome uses up its commit number either way.
  virtual void Settle(Done<CommitNumber> done) = 0;

  // Shows that a restart would find the records of `range` as they are: reads back the logs and
  // what else opening reads, moves what was in memory and logs alone into tables, and reads those
  // tables, past any cache. Reads and writes go on meanwhile. What is written after the call is not
  // covered. Returns: false where nothing is kept in files; then `done` is never called. Errors:
  // kCorrupt: something in the files is damaged; kUnavailable: it could not be told. Cost: with
  // tables one read of their files, at the lowest priority; else of the logs.
  virtual bool CheckFiles(const FileRange& /*range*/, const Done<Ok>& /*done*/) { return false; }

  // Counts over all shards as of one snapshot. Cost: O(due records).
  virtual void Count(WallTime now, Done<Counts> done) = 0;

  // A version that is above every version this store has ever accepted; final once Settle has
  // succeeded, since a batch of an earlier process may happen until then.
  virtual Version VersionFloor() const = 0;

  virtual const Limits& limits() const = 0;

  // The state of the database for health checks and INFO; ok() while writes are accepted.
  virtual Result<Ok> Health() const = 0;

  // Name and value of what the driver counts, for the metrics (`writes`, `fsyncs`, `batches`, ...).
  virtual std::vector<std::pair<std::string, uint64_t>> Counters() const = 0;
};

}  // namespace weir::store
