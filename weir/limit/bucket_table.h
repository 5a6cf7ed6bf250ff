// BucketTable: the buckets of one rule for any number of keys, in bounded memory.
//
// A slot is 16 bytes: the key's 64-bit hash and the bucket's state. Slots stand in groups of four,
// one cache line; a key has two groups, so a decision touches at most two lines. A bucket that is
// full again equals one that was never used, so its slot is taken over freely.
//
// When all eight slots of a newcomer hold buckets that are not full, the one nearest to full is
// forgotten, and the table never admits more because of it: each region of the table remembers the
// latest tick at which a bucket forgotten from it would have been full, and a key that has no slot
// is taken to be as empty as that. So a crowded table limits newcomers, and those who come back, a
// little too strictly for a while, and never too loosely; evicted_live() counts how often. (A table
// that dropped buckets would admit a full burst to whoever crowds it; one that refused newcomers
// would let whoever fills it shut the others out.)
// When not to use: if keys must be listed or removed; a key is only its hash.
//
// Ownership: holds its memory, `bytes` at most, taken in the constructor; pages not yet used cost
// no resident memory. No allocation after that. Refund does not reach forgotten buckets.
// Threads: single-owner; const methods may run together.
// Requires: hashes come from a secret seed, else a client can aim at another's slot. Keys with
// equal hashes share a bucket (10^7 keys: with a probability of 3 in 10^6).
// Cost: one or two cache misses; Prefetch hides them when several decisions are at hand.
// Source: two-choice hashing (Azar et al., STOC 1994); the remembered tick is the idea of
// Space-Saving (Metwally et al., ICDT 2005), by which an absent key inherits the evicted count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "weir/base/time.h"
#include "weir/limit/token_bucket.h"

namespace weir::limit {

class BucketTable {
 private:
  struct Slot {
    uint64_t hash = 0;  // 0: never used.
    BucketState state;
  };

 public:
  static constexpr size_t kGroupSlots = 4;
  static constexpr size_t kGroupBytes = kGroupSlots * sizeof(Slot);
  static constexpr size_t kRegionGroups = 16;
  // The least memory a table can have: one group, the tick of its region, and the alignment.
  static constexpr size_t kBytesMin = 2 * kGroupBytes + sizeof(uint64_t);
  // The most, by the 32 bits of hash that choose a group: 256 GiB.
  static constexpr size_t kBytesMax = kGroupBytes << 32;

  // A bucket and the slot in which it is, or would be. Valid until the next Store or Refund.
  struct Place {
    BucketState state;

   private:
    friend class BucketTable;
    uint64_t hash;
    Slot* slot;
  };

  // Requires: kBytesMin <= bytes <= kBytesMax.
  BucketTable(const TokenBucket& rule, size_t bytes);

  // Returns the bucket of `hash`. Should `now` fall behind that of an earlier call, a bucket that
  // was forgotten as full may be found fuller than it was, by what the rule refills in the
  // difference.
  Place Find(uint64_t hash, MonoTime now) const;

  // Makes `state` the state of the bucket at `place`. Requires: `place` is valid, and `state` is
  // what the rule made of place.state.
  void Store(const Place& place, BucketState state, MonoTime now);

  // Gives `cost` tokens back to the bucket of `hash`; nothing when the bucket was forgotten.
  void Refund(uint64_t hash, uint64_t cost);

  // Asks for the cache line in which `hash` most likely is.
  void Prefetch(uint64_t hash) const {
    __builtin_prefetch(&slots_[Groups(hash).first * kGroupSlots], 1);
  }

  const TokenBucket& rule() const { return rule_; }
  size_t slot_count() const { return slots_.size(); }
  size_t used_slots() const { return used_slots_; }
  uint64_t evicted_live() const { return evicted_live_; }

 private:
  struct GroupPair {
    size_t first;
    size_t second;
  };
  struct Release {
    void operator()(void* memory) const;
  };

  // The two halves of the hash choose independently; by multiplication, so any count will do.
  GroupPair Groups(uint64_t hash) const {
    return {((hash >> 32) * group_count_) >> 32, ((hash & 0xffff'ffffU) * group_count_) >> 32};
  }
  std::span<Slot> Group(size_t index) const {
    return slots_.subspan(index * kGroupSlots, kGroupSlots);
  }
  size_t Region(uint64_t hash) const { return Groups(hash).first / kRegionGroups; }
  // Returns the slot that holds `hash`, or nullptr.
  Slot* Lookup(uint64_t hash) const;
  // Returns the slot to take for a newcomer: never used, else full, else nearest to full.
  Slot* Victim(GroupPair groups, MonoTime now) const;

  TokenBucket rule_;
  size_t group_count_;
  std::unique_ptr<void, Release> memory_;
  std::span<Slot> slots_;
  // By region of a key's first group: the latest full_at_tick of those forgotten while not full.
  std::vector<uint64_t> forgotten_ticks_;
  size_t used_slots_ = 0;
  uint64_t evicted_live_ = 0;
};

}  // namespace weir::limit
