// Index: hash → entry, in about five bytes an entry, resized a bucket at a time.
//
// A bucket is a cache line of fifteen slots; an entry that finds its own full goes to the next. A
// slot is an entry's number and, in the bits that numbers so far do not need, some of its hash, so
// that a look-up rarely touches a wrong entry: one hit of 40 while they have 24 bits (some 150 MB
// of entries), of five with 27. The rest of the hash is with the entry.
//
// The table grows by a fifth: with each change the keys of two buckets move to where they belong
// among more, the last buckets first (fewer: the first ones), in place. Buckets stand in segments.
//
// When not to use: outside Cache; it neither owns entries nor compares keys by itself.
// Invariants:
//   1. Every entry is in one slot, of its home or, while all between are passed, of a later bucket.
//   2. Bucket::passed is the number of entries that are later than this bucket for lack of room.
// Threads: single-owner.
// Source: Knuth, The Art of Computer Programming 3, 6.4, linear probing with buckets; counts in
// place of removal marks as in folly's F14.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "weir/base/prefetch.h"
#include "weir/cache/entries.h"

namespace weir::cache {

class Index {
 public:
  using Id = Entries::Id;

  Index();

  // `hash` is Entries::hash of the entry, and `stored` what that comes from.
  // Returns the entry of `key`, or Entries::kNone. Cost: about one bucket and the entry's line.
  Id Find(const Entries& entries, std::string_view key, uint32_t stored, uint64_t hash) const;
  // Requires: no entry of this key and hash is present. Cost: amortised O(1); while the table grows
  // it moves some 26 others and looks at each of those entries.
  void Insert(const Entries& entries, Id id, uint64_t hash);
  // Requires: the entry is present, and still in `entries`.
  void Remove(const Entries& entries, Id id, uint64_t hash);

  // The entry `from` of this hash has the number `to` from now on.
  void Renumber(Id from, Id to, uint64_t hash);

  // Calls `visit` for the number of every entry, in no order.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const Segment& segment : segments_) {
      for (size_t b = 0; b < kSegmentBuckets; ++b) {
        for (const uint32_t slot : segment.buckets[b].slots) {
          if (slot != kEmpty) visit(IdOf(slot, segment.id_bits));
        }
      }
    }
  }

  // Calls `visit` for the entries in up to `buckets` buckets from `from` on; the first is 0. Where
  // it returns false that bucket is the last. Returns where to go on, or 0 after the last of all.
  // What is moved between two calls may be left out, or come twice.
  template <class Visit>
  size_t VisitBuckets(size_t from, size_t buckets, const Visit& visit) const {
    const size_t all = segments_.size() * kSegmentBuckets;
    const size_t end = std::min(from + buckets, all);
    size_t next = from;
    for (bool more = true; more && next < end; ++next) {
      for (const uint32_t slot : BucketAt(next).slots) {
        if (slot != kEmpty && !visit(IdOf(slot, SegmentAt(next).id_bits))) more = false;
      }
    }
    return next >= all ? 0 : next;
  }

  // Brings the bucket of `hash` into the CPU cache; the entry behind it with PrefetchEntry.
  void PrefetchSlot(uint64_t hash) const { Prefetch(&BucketAt(Home(hash))); }
  void PrefetchEntry(const Entries& entries, uint64_t hash) const;

  size_t size() const { return size_; }
  size_t bytes() const { return segments_.size() * kSegmentBuckets * sizeof(Bucket); }

 private:
  static constexpr size_t kSlots = 15;
  static constexpr size_t kSegmentBuckets = 128;
  static constexpr size_t kCountMin = kSegmentBuckets;
  static constexpr size_t kMovedAtOnce = 2;  // Buckets.
  static constexpr size_t kKeyBegins = 31;   // Before here, where an entry is small.
  static constexpr unsigned kIdBitsMin = 16;
  static constexpr uint32_t kEmpty = 0;
  static constexpr uint32_t kTagMin = 1;  // So that no tag is that of an empty slot.

  struct alignas(64) Bucket {
    uint32_t passed = 0;
    std::array<uint32_t, kSlots> slots{};
  };
  struct Segment {
    std::unique_ptr<Bucket[]> buckets;
    unsigned id_bits = kIdBitsMin;  // Of a slot, for the number; what is above is of the hash.
  };
  struct Moving {
    Id id = Entries::kNone;
    uint64_t hash = 0;
  };

  static size_t HomeAmong(size_t count, uint64_t hash) {
    return static_cast<size_t>((hash >> 32) * count >> 32);
  }
  // While the table changes its size, buckets that have been moved are known by their numbers.
  size_t Home(uint64_t hash) const {
    const size_t home = HomeAmong(from_, hash);
    return home >= moved_begin_ && home < moved_end_ ? HomeAmong(count_, hash) : home;
  }
  bool Resizing() const { return from_ != count_; }

  static uint32_t SlotOf(Id id, uint64_t hash, unsigned id_bits) {
    return TagOf(hash, id_bits) << id_bits | (id + 1);
  }
  // Returns a bit for each slot that may be of this hash, slot n being bit n.
  // Short and without a branch, so that look-ups of a batch wait for memory at the same time.
  static uint32_t Match(const Bucket& bucket, uint64_t hash, unsigned id_bits);
  static uint32_t TagOf(uint64_t hash, unsigned id_bits) {
    return std::max(static_cast<uint32_t>(hash) << id_bits >> id_bits, kTagMin);
  }
  static Id IdOf(uint32_t slot, unsigned id_bits) {
    return (slot & ((uint32_t{1} << id_bits) - 1)) - 1;
  }

  const Segment& SegmentAt(size_t bucket) const { return segments_[bucket / kSegmentBuckets]; }
  Segment& SegmentAt(size_t bucket) { return segments_[bucket / kSegmentBuckets]; }
  const Bucket& BucketAt(size_t bucket) const {
    return SegmentAt(bucket).buckets[bucket % kSegmentBuckets];
  }

  void AddSegment();
  void Place(Id id, uint64_t hash, size_t home);
  void Take(Id id, size_t home);
  static void Widen(Segment& segment, unsigned id_bits);
  void Adapt(const Entries& entries);
  void Begin(size_t count);
  void Step(const Entries& entries);
  void MoveHome(const Entries& entries, size_t home);
  void PrefetchBucket(const Entries& entries, size_t bucket) const;
  void Trim();

  std::vector<Segment> segments_;
  size_t count_ = kCountMin;  // Buckets that are homes; those after them are for what passed.
  size_t from_ = kCountMin;   // How many it was while the size changes.
  size_t moved_begin_ = 0;    // Homes among from_ whose entries have moved.
  size_t moved_end_ = 0;
  size_t size_ = 0;
  std::vector<Moving> moving_;  // Of one bucket; kept for its memory.
};

}  // namespace weir::cache
