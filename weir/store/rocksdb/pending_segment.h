// PendingSegment: one generation of PendingWrites: a hash table over the bytes of its batches.
//
// Each look at a key is three misses of the processor's cache, one after another: its slot, its
// entry, its bytes. So where many keys are looked for at once, all are asked for first, some at a
// time.
//
// Threads: thread-compatible; see PendingWrites.
// Cost: 48 bytes a key and 12 to 24 of tables beside the bytes of all writes taken in; bytes()
// counts 72 for them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/store/rocksdb/pending_format.h"
#include "weir/store/store.h"

namespace weir::store {

// A pending put, as views into its segment.
struct PendingRecord {
  uint32_t shard = 0;
  std::string_view stored_key;
  std::string_view stored_record;
};

class PendingSegment {
 public:
  // Keys are sorted bucket by bucket, when their turn comes. A bucket is a range of positions.
  static constexpr size_t kBuckets = 1024;

  // Makes room for `keys` at once: growing later holds up a batch.
  explicit PendingSegment(uint64_t seed, size_t keys = 0);

  // Returns the stored record of a key; nullopt when it is not here, or settled.
  std::optional<std::string_view> Find(uint32_t shard, std::string_view stored_key) const;

  // Takes out of `*records` those whose key is here.
  void RemoveFound(std::vector<PendingRecord>* records) const;

  // Takes in a batch's writes. Requires: rising `commit`, and bytes of pending_format.h.
  void Add(CommitNumber commit, std::string writes);
  // Forgets a key, if it is here: it was written to the tables directly.
  void Settle(uint32_t shard, std::string_view stored_key);

  // Appends the live records of one bucket and shard, sorted.
  void Collect(size_t bucket, uint32_t shard, std::vector<PendingRecord>* found) const;

  // Appends the next live records, in order, until `run` holds `count`; fewer at the end.
  void TakeRun(size_t count, std::vector<PendingRecord>* run);
  void RestartRuns();
  // How many the runs have not come to yet; some may be settled.
  size_t left() const { return entries_.size() - taken_; }
  bool taken_all() const { return next_bucket_ == kBuckets && order_at_ == order_.size(); }

  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }
  size_t keys() const { return entries_.size(); }
  // What so many writes of so many bytes add to bytes(), at most.
  static size_t BytesOf(size_t writes, size_t bytes) { return writes * kBytesOfKey + bytes; }
  std::pair<CommitNumber, CommitNumber> commits() const { return {first_, last_}; }

  static size_t BucketOf(uint64_t position) { return static_cast<size_t>(position >> 54); }

 private:
  struct Entry {
    uint64_t position = 0;
    std::string_view stored_key;
    // Empty once settled.
    std::string_view stored_record;
    uint32_t shard = 0;
  };
  // An entry's place in the order, which seldom needs its key.
  struct Place {
    uint64_t position;
    uint32_t shard;
    uint32_t index;
  };

  size_t HomeOf(uint32_t shard, std::string_view stored_key) const;
  void Prefetch(std::span<const size_t> homes) const;
  size_t SlotOf(size_t home, uint32_t shard, std::string_view stored_key) const;
  void Put(size_t home, const PendingWrite& write);
  void SettleAt(size_t home, uint32_t shard, std::string_view stored_key);
  void Grow();
  void SortBucket(size_t bucket, std::vector<Place>* order) const;

  static constexpr size_t kBytesOfKey = 72;
  // Looked for together. Their lines must fit into the processor's first cache.
  static constexpr size_t kTogether = 32;

  uint64_t seed_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;  // Open addressing: index + 1, 0 = empty. A power of two.
  std::array<std::vector<uint32_t>, kBuckets> buckets_;  // Of indexes.
  std::deque<std::string> batches_;
  size_t bytes_ = 0;
  CommitNumber first_ = 0;
  CommitNumber last_ = 0;
  // Where the runs are: the next bucket, and what is left of the one before it, sorted.
  size_t next_bucket_ = 0;
  std::vector<Place> order_;
  size_t order_at_ = 0;
  size_t taken_ = 0;
};

}  // namespace weir::store
