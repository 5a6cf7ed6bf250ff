// BucketTable: the buckets of any number of rules and keys, in bounded memory, for many threads.
//
// A slot is 16 bytes: what names the bucket (54 bits of the key's hash and the number of its rule)
// and the bucket's state. Slots stand in groups of four, one cache line; a key has two groups, and
// is in its second only if its first has no room. A bucket that is full again equals one that was
// never used, so its slot is taken over freely: forgetting it loses nothing.
//
// When all eight slots of a newcomer hold buckets that are not full, `Crowded` says what happens.
// With kShare the one nearest to full is forgotten, and the table never admits more because of it:
// each region of the table remembers when a bucket forgotten from it would have been full, and a
// key without a slot is taken to be full no earlier. So a crowded table limits newcomers, and those
// who come back, a little too strictly for a while, and never too loosely. Every case is counted.
//
// When not to use: if keys must be listed; a key is only its hash. To decide: see decision.h.
//
// Ownership: borrows its memory, which may be a mapped file: positions in it mean the same to the
// next process that gives the same bytes, rules and seed of hashes. Pages not yet used are not
// touched. No allocation after construction.
// Threads: thread-safe, but for what says otherwise. A bit of a group's first state is its lock,
// held for the few nanoseconds of a decision; who needs several locks takes them in order of
// address. Requires: hashes come from a secret seed, else a client can aim at another's bucket. Two
// keys of one rule share a bucket if their hashes collide in 54 bits or more (10^7 keys: with a
// probability of 1 in 400 for any two of them). Cost: one or two cache misses; Prefetch hides them
// when several decisions are at hand. Source: two-choice hashing (Azar et al., STOC 1994); the
// remembered time is the idea of Space-Saving (Metwally et al., ICDT 2005), by which an absent key
// inherits the evicted count.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "weir/base/prefetch.h"
#include "weir/base/time.h"
#include "weir/limit/token_bucket.h"

namespace weir::limit {

// The number of a rule within a table.
using RuleId = uint16_t;
inline constexpr RuleId kNoRule = 0;
inline constexpr size_t kRulesMax = 1023;  // Rules have the numbers from 1 to this.

// What becomes of a newcomer when no slot is free for it.
enum class Crowded : uint8_t {
  kShare,  // It gets the slot of the bucket nearest to full, whose missing tokens count against it.
  kDeny,   // It is refused until a bucket is full again.
  kAllow,  // It passes and is not remembered.
};

class BucketTable {
 public:
  struct Slot {
    std::atomic<uint64_t> tag;    // 0: never used.
    std::atomic<uint64_t> state;  // BucketState; in a group's first slot with the lock.
  };
  static constexpr size_t kGroupSlots = 4;
  struct alignas(64) Group {
    std::array<Slot, kGroupSlots> slots;

    void Lock() {
      if (!TryLock()) [[unlikely]]
        WaitForLock();
    }
    // Returns whether it has the lock now.
    bool TryLock() { return (slots[0].state.fetch_or(kLockBit) & kLockBit) == 0; }
    void Unlock() {
      std::atomic<uint64_t>& word = slots[0].state;
      word.store(word.load(std::memory_order_relaxed) & kUnitMask, std::memory_order_release);
    }
    // SetState and Unlock in one.
    void StoreAndUnlock(Slot* slot, BucketState state) {
      // Without a branch: which slot it is cannot be predicted.
      const uint64_t lock = slot == &slots[0] ? kLockBit : 0;
      slot->state.store(state.full_at | lock, std::memory_order_relaxed);
      Unlock();
    }
    // The slot with `tag`, or nullptr. Without a branch for each slot: which one it is cannot be
    // predicted.
    Slot* Find(uint64_t tag) {
      const auto is = [&](size_t i) {
        return unsigned{slots[i].tag.load(std::memory_order_relaxed) == tag} << i;
      };
      static_assert(kGroupSlots == 4);
      const unsigned found = is(0) | is(1) | is(2) | is(3);
      return found == 0 ? nullptr : &slots[static_cast<size_t>(std::countr_zero(found))];
    }

   private:
    static constexpr uint64_t kLockBit = ~kUnitMask;
    void WaitForLock();
  };
  static constexpr size_t kGroupBytes = sizeof(Group);
  static constexpr size_t kRegionGroups = 64;
  static constexpr uint64_t kTimeUnitsPerNs = 4;
  // The least memory a table can have: one group and its region.
  static constexpr size_t kBytesMin = 2 * kGroupBytes;
  // The most, by the 32 bits of hash that choose a group: 256 GiB.
  static constexpr size_t kBytesMax = kGroupBytes << 32;

  // A bucket as a request names it. What holds for one rule is told apart by `rule` alone.
  struct Name {
    uint64_t hash = 0;
    RuleId rule = kNoRule;
    RuleId former = kNoRule;  // A rule whose bucket of this hash becomes one of `rule`.
  };

  // Requires: `memory` is aligned to 64 bytes, at least kBytesMin, and all zero or what an earlier
  // table of this size left there.
  BucketTable(std::span<std::byte> memory, Crowded crowded);
  BucketTable(const BucketTable&) = delete;
  BucketTable& operator=(const BucketTable&) = delete;

  // Frees the locks that a process that died held in this memory. Requires: nobody else uses it.
  void Adopt();

  // Gives a number a meaning. Requires: no bucket has it, see Reassign; no two calls at once.
  void SetRule(RuleId id, const BucketRule& rule) { SetRule(id, Known::Of(rule)); }
  // Buckets that count time itself: kTimeUnitsPerNs units a nanosecond whatever the rate; any
  // burst. Positions then mean the same whatever the rate was. As SetRule.
  void SetTimeRule(RuleId id);
  // Makes each bucket of rule i one of successors[i], with the same tokens missing but none beyond
  // the burst; forgets it where that is kNoRule. Locks one group at a time.
  // Requires: successors has kRulesMax + 1 entries.
  void Reassign(std::span<const RuleId> successors, MonoTime now);

  const UnitClock& clock(RuleId id) const { return rules_[id].clock; }

  // What survives the table: the buckets that count time. When they are saved, all keys are looked
  // at in parts, by their hashes; each part has a mark, which says before what save something of it
  // was taken last. So whoever has the marks and an older save knows which buckets are as they were
  // then.
  static constexpr size_t kParts = 16384;
  static size_t PartOf(uint64_t hash) { return hash >> (kHashBits - 14) & (kParts - 1); }
  // kParts marks, borrowed until they are exchanged for none. While nothing is decided.
  void UseMarks(std::atomic<uint32_t>* marks) { marks_ = marks; }
  // The number of the next save: what is taken from now on may not be in those before.
  void SetSave(uint32_t number) { save_.store(number); }
  // That something of the bucket is taken. Requires: a lock of one of its groups. Others of its
  // part are under other locks, so who read the number before SetSave must not undo what came
  // after.
  void Mark(const Name& name) {
    if (name.rule != time_rule_ || marks_ == nullptr) return;
    std::atomic<uint32_t>& mark = marks_[PartOf(name.hash)];
    const uint32_t number = save_.load();
    uint32_t seen = mark.load(std::memory_order_relaxed);
    while (seen < number && !mark.compare_exchange_weak(seen, number, std::memory_order_relaxed)) {
    }
  }

  struct SavedBucket {
    uint32_t group = 0;
    uint64_t hash = 0;     // Its lower 54 bits.
    uint64_t missing = 0;  // In kTimeUnitsPerNs.
  };
  struct SavedRegion {  // Of whose buckets some were forgotten.
    uint32_t region = 0;
    uint32_t time_class = 0;
    int64_t full_ns = 0;  // When they would have been full.
  };
  size_t group_count() const { return groups_.size(); }
  // Adds the buckets of a group that are not full. Locks it.
  void Save(size_t group, MonoTime now, std::vector<SavedBucket>* buckets);
  std::vector<SavedRegion> SaveRegions(MonoTime now) const;
  // Returns false, and does nothing, for what no save of a table of this size holds, or one that
  // is full already. Requires: nothing has been decided; the same seed of hashes.
  bool Restore(const SavedBucket& bucket, MonoTime now);
  bool Restore(const SavedRegion& region);
  // Buckets that count time, and are not in the table, were empty when their part was: kParts
  // times, or kNeverEmpty.
  static constexpr MonoTime kNeverEmpty{std::numeric_limits<int64_t>::min()};
  void AssumeEmpty(std::vector<MonoTime> since);

  // Asks for the cache line in which a bucket most likely is.
  void Prefetch(const Name& name) const { weir::Prefetch(&First(name)); }

  Crowded crowded() const { return crowded_; }
  size_t slot_count() const { return groups_.size() * kGroupSlots; }
  size_t used_slots() const { return used_slots_.load(std::memory_order_relaxed); }
  // Buckets that were forgotten before they were full; and newcomers refused, or let through
  // without a bucket, because there was no room.
  uint64_t evicted_live() const { return evicted_live_.load(std::memory_order_relaxed); }
  uint64_t crowded_denied() const { return crowded_denied_.load(std::memory_order_relaxed); }
  uint64_t crowded_allowed() const { return crowded_allowed_.load(std::memory_order_relaxed); }

  // What follows is for decisions. Those with a group or a slot as argument require its lock.

  Group& First(const Name& name) const { return groups_[FirstIndex(name.hash)]; }
  Group& Second(const Name& name) const { return groups_[SecondIndex(name.hash)]; }
  // Whether the bucket may be, or have to go, into its second group. A guess unless locked.
  bool Overflows(const Name& name) const {
    Group& first = First(name);
    const bool had_room = first.slots.back().tag.load(std::memory_order_relaxed) == 0;
    if (had_room && (name.rule != time_rule_ || !restored_second_)) return false;
    return first.Find(TagOf(name.hash, name.rule)) == nullptr;
  }
  // The slot of the bucket, or nullptr. A bucket of the former rule becomes one of the rule.
  Slot* FindIn(Group& group, const Name& name, MonoTime now) const {
    Slot* slot = group.Find(TagOf(name.hash, name.rule));
    if (slot != nullptr || name.former == kNoRule) [[likely]]
      return slot;
    return FindFormer(group, name, now);
  }
  // The slot for a newcomer: never used, else full, else one whose bucket can go to its own second
  // group, else nearest to full; nullptr when all are in `taken`. With `both`, in either group.
  // Requires: the lock of the first group, and with `both` of the second; both if Overflows.
  Slot* Vacancy(const Name& name, bool both, std::span<Slot* const> taken, MonoTime now);
  // How long until the bucket in `slot` is full; 0 if it is.
  std::chrono::nanoseconds UntilFull(const Slot& slot, MonoTime now) const;
  // The units that a key without a slot lacks, because buckets were forgotten, or are not known.
  uint64_t Inherited(const Name& name, uint64_t burst, MonoTime now) const;
  // Writes a newcomer's bucket into its slot, forgetting what was there.
  void Move(const Name& name, Slot* slot, BucketState state, MonoTime now);

  static BucketState StateIn(const Slot& slot) {
    return {slot.state.load(std::memory_order_relaxed) & kUnitMask};
  }
  // Keeps the lock, if it is the slot with the lock.
  static void SetState(Slot* slot, BucketState state) {
    const uint64_t lock = slot->state.load(std::memory_order_relaxed) & ~kUnitMask;
    slot->state.store(state.full_at | lock, std::memory_order_relaxed);
  }

  void CountCrowdedDenied() { crowded_denied_.fetch_add(1, std::memory_order_relaxed); }
  void CountCrowdedAllowed() { crowded_allowed_.fetch_add(1, std::memory_order_relaxed); }

 private:
  // What is needed to read a bucket of a rule.
  struct Known {
    UnitClock clock;
    uint64_t burst_units = 0;
    uint8_t fraction_bits = 0;

    static Known Of(const BucketRule& rule) {
      return {rule.clock(), rule.burst_units(), rule.fraction_bits()};
    }
  };
  // When buckets forgotten from a region would have been full, at the latest; by how far off that
  // was, in classes of a factor of 16 from a second on. So a bucket that fills within seconds does
  // not inherit from one that takes days.
  static constexpr size_t kClasses = 8;
  struct alignas(64) Region {
    std::array<std::atomic<int64_t>, kClasses> full_ns;
  };

  static size_t ClassOf(std::chrono::nanoseconds until_full);
  static uint64_t TagOf(uint64_t hash, RuleId rule) {
    return (hash & ~(kRuleMask << kHashBits)) | (uint64_t{rule} << kHashBits);
  }
  static RuleId RuleOf(uint64_t tag) { return static_cast<RuleId>(tag >> kHashBits); }
  static constexpr int kHashBits = 54;
  static constexpr uint64_t kRuleMask = 1023;
  static_assert(kRulesMax == kRuleMask);

  void SetRule(RuleId id, const Known& rule);
  // The two halves of the hash choose independently; by multiplication, so any count will do.
  size_t FirstIndex(uint64_t hash) const { return ((hash >> 32) * groups_.size()) >> 32; }
  size_t SecondIndex(uint64_t hash) const { return ((hash & 0xffff'ffffU) * groups_.size()) >> 32; }
  Slot* FindFormer(Group& group, const Name& name, MonoTime now) const;
  // Whether the bucket of a locked slot went to its second group, so that the slot is free.
  bool Displace(Slot* slot, MonoTime now);
  void Convert(Slot* slot, RuleId to, MonoTime now) const;
  uint64_t Emptied(const Name& name, uint64_t burst, MonoTime now) const;
  void NoteForgotten(const Slot& slot, std::chrono::nanoseconds until_full, MonoTime now);

  std::span<Group> groups_;
  std::span<Region> regions_;
  std::unique_ptr<Known[]> rules_;
  Crowded crowded_;
  std::atomic<bool> reassigning_{false};  // Some buckets may still have rules that are gone.
  std::atomic<bool> inherits_{false};     // Whether anything stands in a region, or was empty.
  RuleId time_rule_ = kNoRule;
  // A bucket was restored into its second group, although its first may have room now.
  bool restored_second_ = false;
  std::atomic<uint32_t>* marks_ = nullptr;  // kParts of them.
  std::atomic<uint32_t> save_{0};
  std::vector<MonoTime> empty_since_;  // None, or kParts.
  // Newcomers write these; what is above, decisions read.
  alignas(64) std::atomic<size_t> used_slots_{0};
  std::atomic<uint64_t> evicted_live_{0};
  std::atomic<uint64_t> crowded_denied_{0};
  std::atomic<uint64_t> crowded_allowed_{0};
};

}  // namespace weir::limit
