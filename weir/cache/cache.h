// Cache: a map from key to value that holds no more bytes than its budget.
//
// Entries end at a time of their own (the record's expiry or the keyspace's TTL) and are then never
// served; Expire frees those that nobody asks for. One may stop being fresh before that: then it is
// found by who asks for what is stale, and by nobody else. When the budget is reached the entry
// goes that the policy holds least likely to be asked for again; which policy is chosen while it
// runs, by shadows of several that follow a sample of the keys from the time on when it is half
// full (behaviour.h, shadows.h). "Known to be absent" is cached too, as a negative entry.
//
// When not to use: as a store. Anything may be evicted at any time.
// Ownership: copies keys and values up to kInlineBytesMax; shares larger values by reference.
// Invariants: bytes() is the sum of the costs of all entries, and bytes() <= budget_bytes. What the
// policy remembers of entries that are gone is in the budget too; where it has grown, each
// insertion evicts a few entries more until both fit.
// Threads: single-owner; a const call is not safe beside another call.
// Errors: none; what does not fit is not kept.
// Cost: O(1) amortised; no allocation on a hit, but now and then one of a shadow's tables for all
// hits. Beside key and value an entry takes 12 bytes and some 5 in the index, 8 for a version, 8
// for each of its three times that it has and 8 if it ends, 4 for a hash that is not its key's own;
// 24 in place of 12 with a key above 255 bytes or a shared value; rounded up to 2, and above 64
// bytes to 4 and more. The policy remembers 5 bytes for each entry held, some 30 where there are
// few or where it counts uses. The shadows take Options::shadow_bytes beside the budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "weir/base/byte_account.h"
#include "weir/base/time.h"
#include "weir/cache/entries.h"
#include "weir/cache/index.h"
#include "weir/cache/miss_ratio_curve.h"
#include "weir/cache/order.h"
#include "weir/cache/shadows.h"
#include "weir/cache/timing_wheel.h"
#include "weir/cache/value.h"

namespace weir::cache {

class Cache {
 public:
  // Values up to this size are stored with the entry, larger ones shared by reference.
  static constexpr size_t kInlineBytesMax = Entries::kInlineBytesMax;
  // What the cache begins with: the name of a behaviour.
  static constexpr std::string_view kFirstBehaviour = "s3lru";

  // What the choice of a policy is to make the most of.
  enum class Objective : uint8_t { kHits, kBytes };
  // The part of the budget above which no entry is kept is 1 / EntryShare: few large entries are
  // worth many small ones only where bytes count.
  static constexpr size_t EntryShare(Objective objective) {
    return objective == Objective::kBytes ? 2 : 8;
  }
  // Where the memory comes from for what the policy remembers of entries that are gone.
  // kBesideBudget: for comparison with policies whose own memory nobody counts.
  enum class History : uint8_t { kWithinBudget, kBesideBudget };

  struct Options {
    size_t budget_bytes = size_t{64} << 20;
    // Where a key's hash is SeededHash(key, hash_seed), its entry need not hold it.
    uint64_t hash_seed = 0;
    // Takes the bytes of the values that are shared by reference, so that the owner can tell those
    // that live outside of all caches; nullptr: nobody asks. Outlives the cache.
    ByteAccount* shared_values = nullptr;
    // Memory for the shadows, beside the budget. 0: the first policy stays.
    size_t shadow_bytes = size_t{4} << 20;
    Objective objective = Objective::kHits;
    History history = History::kWithinBudget;
    // Memory, beside the budget, to estimate what other amounts of it would miss. 0: no estimate.
    size_t curve_bytes = 0;
    double curve_work_max = 0.3;  // See MissRatioCurve::Options.
  };

  // What a hit shows. `value` is valid until the next call that is not Prefetch…; `shared` is the
  // same bytes as a reference that may be kept, or nullptr when the value is inline.
  struct Hit {
    bool absent = false;
    std::string_view value;
    const Bytes* shared = nullptr;
    WallTime expires_at = kNever;
    uint64_t version = 0;
    WallTime fresh_until = kNever;
    WallTime cached_until = kNever;  // When the entry ends, at the latest with the record.
  };

  struct Counters {
    uint64_t lookups = 0;
    uint64_t evicted = 0;   // Entries that made room for others.
    uint64_t expired = 0;   // Entries that were over.
    uint64_t rejected = 0;  // Values too large to be kept.
  };

  explicit Cache(Options options);
  ~Cache();
  Cache(Cache&& other) noexcept;
  Cache& operator=(Cache&& other) noexcept;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // Returns the fresh entry of `key`, or nullopt. Counts as a use.
  // What was put under one `hash` is not found under another, whatever the key: its low 32 bits are
  // what counts.
  std::optional<Hit> Find(std::string_view key, uint64_t hash, WallTime now);
  // Returns the entry whether it is fresh or stale. Counts as a use, but not for the shadows: to be
  // called when Find has found nothing.
  std::optional<Hit> FindKept(std::string_view key, uint64_t hash, WallTime now);
  // Returns the entry whether it is fresh or stale. Counts as nothing: for a use that was counted.
  std::optional<Hit> Peek(std::string_view key, uint64_t hash, WallTime now) const;

  // Keeps `value` for as long as `until` says, but not after its expiry, in place of what was
  // there. An entry that would take more than its share of the budget is not kept. A value of the
  // size and form of the one before takes its memory and its place in the order; any other is a new
  // entry.
  void Put(std::string_view key, uint64_t hash, const Value& value, Until until, WallTime now);

  // As Put, where nothing is known of the key; and as what is the least worth keeping of all that
  // is there, or of all of its weight where the policy weighs. Returns whether it is kept.
  bool PutLast(std::string_view key, uint64_t hash, const Value& value, Until until, WallTime now);
  // Whether there is an entry, of whatever kind. Counts as nothing.
  bool Contains(std::string_view key, uint64_t hash) const {
    return Locate(key, hash) != Entries::kNone;
  }

  // Remembers for as long as `until` says that `key` does not exist.
  void PutAbsent(std::string_view key, uint64_t hash, Until until, WallTime now);

  void Erase(std::string_view key, uint64_t hash);

  // Frees entries that are over, in at most `most` steps, each of which frees one or brings it
  // nearer to its end. Returns the steps: with fewer than `most` all that were over are gone.
  size_t Expire(WallTime now, size_t most);
  // No entry ends before this; kNever when none ever does.
  WallTime next_end() const { return ends_.next(); }

  // Moves every entry to a cache of its own, which the caller may destroy where it has the time.
  // All counters and the policy stay here. Cost: O(1), a few allocations.
  Cache TakeEntries();

  // An entry that is there, as of Hit.
  struct Entry {
    std::string_view key;
    uint32_t hash = 0;  // That it was put under, see IsUnder.
    Hit hit;
  };
  // How far a walk over the entries has come. Ends with any call that is not const.
  using Cursor = Order<Entries>::Cursor;
  // Calls `visit` with each entry behind `*at`, whatever its time and kind, about in the order in
  // which they are worth keeping, until it returns false. Returns whether it has come to the end.
  // Cost: a cache miss of the CPU's an entry.
  template <class Visit>
  bool WalkEntries(Cursor* at, const Visit& visit) const {
    return order_.Walk(entries_, at, [&](Entries::Id id) {
      return visit(Entry{entries_.key(id), entries_.stored_hash(id), HitOf(id)});
    });
  }
  // Whether the entry is found by who looks its key up under `hash`.
  static bool IsUnder(const Entry& entry, uint64_t hash) { return entry.hash == Stored(hash); }

  // Calls `visit` with the keys of values, in no order, a part at a time: as Index::VisitBuckets.
  template <class Visit>
  size_t VisitKeys(size_t from, size_t buckets, const Visit& visit) const {
    return index_.VisitBuckets(from, buckets, [&](Entries::Id id) {
      return entries_.absent(id) || visit(entries_.key(id));
    });
  }

  void PrefetchSlot(uint64_t hash) const { index_.PrefetchSlot(Spread(hash)); }
  void PrefetchEntry(uint64_t hash) const { index_.PrefetchEntry(entries_, Spread(hash)); }

  size_t entries() const { return index_.size(); }
  size_t bytes() const { return bytes_; }
  size_t budget_bytes() const { return options_.budget_bytes; }
  // What entries and index have of the system, of which what was never used need not be resident:
  // of bytes() up to a fiftieth more, and a few KiB for each size of entries.
  size_t memory_bytes() const { return entries_.slabs().page_bytes() + index_.bytes(); }
  // What the policy remembers of entries that are gone.
  size_t history_bytes() const { return order_.history_bytes(); }
  const Counters& counters() const { return counters_; }

  // The policy in force, by the name of the one it acts as.
  std::string_view policy() const { return order_.behaviour().name; }
  size_t policy_index() const {  // In kBehaviours.
    return static_cast<size_t>(&order_.behaviour() - kBehaviours.data());
  }
  Shadows::Report shadows() const { return shadows_.report(); }
  // nullptr without curve_bytes.
  const MissRatioCurve* curve() const { return curve_.get(); }

  // Returns the bytes that an entry counts for; nullptr: a negative one. See Options::hash_seed.
  static size_t Cost(size_t key_bytes, const Value* value, const Until& until = {},
                     bool own_hash = true);

 private:
  // Entries that one insertion evicts beyond those in its way: a history grows by the memory of
  // thousands at once, and a lane must not be held that long.
  static constexpr size_t kEvictedForHistoryMax = 8;

  // Entries moved for each that goes.
  static constexpr size_t kMovedForOne = 4;

  static uint32_t Stored(uint64_t hash) { return static_cast<uint32_t>(hash); }
  static uint64_t Spread(uint64_t hash) { return Entries::SpreadHash(Stored(hash)); }
  Entries::Id Locate(std::string_view key, uint64_t hash) const {
    return index_.Find(entries_, key, Stored(hash), Spread(hash));
  }

  void Swap(Cache& other);
  void BeginShadows();
  // Returns whether a FollowPut of what is here would change nothing.
  bool FollowFind(uint64_t spread, WallTime now);
  // `fresh`: what is stale is a miss, and so it is for who estimates misses.
  void FollowPut(uint64_t spread, uint64_t weight, WallTime fresh);
  void FollowErase(uint64_t spread);
  void MakeRoom(uint64_t weight);
  Hit HitOf(Entries::Id id) const;
  // Returns whether it is not too large.
  bool Insert(std::string_view key, uint32_t hash, const Value* value, const Until& until,
              WallTime now, Order<Entries>::End end = Order<Entries>::End::kFront);
  void CountShared(Entries::Id id);
  void UncountShared(Entries::Id id);
  void Free(Entries::Id id);  // Of an entry that Order has let go.
  void Remove(Entries::Id id);
  // Moves entries to where their memory goes back to the system, up to so many.
  void Compact(size_t most);

  Options options_;
  Entries entries_;
  Index index_;
  Order<Entries> order_;
  TimingWheel<Entries> ends_;
  Shadows shadows_;
  std::unique_ptr<MissRatioCurve> curve_;
  size_t bytes_ = 0;
  size_t shared_count_ = 0;  // Of the entries whose value is shared by reference.
  size_t shared_bytes_ = 0;  // Of those values.
  Counters counters_;
};

}  // namespace weir::cache
