// Cache: a map from key to value that holds no more bytes than its budget.
//
// Entries end at a time of their own (the record's expiry or the keyspace's TTL) and are then never
// served. When the budget is reached the entry longest unused goes: entries stand in a ring in
// order of insertion, a hand walks it, takes a use from each entry that has one and evicts the
// first that has none. "Known to be absent" is cached too, as a negative entry.
//
// When not to use: as a store. Anything may be evicted at any time.
// Ownership: copies keys and values up to kInlineBytesMax; shares larger values by reference.
// Invariant: bytes() is the sum of the costs of all entries, and bytes() <= budget_bytes.
// Threads: single-owner; a const call is not safe beside another call.
// Errors: none; what does not fit is not kept.
// Cost: O(1) amortised; no allocation on a hit; an insertion takes at most kHandStepsMax steps for
// each entry that it evicts. An entry costs about 96 bytes beside key and value.
// Source: the second-chance ("clock") algorithm, Corbató 1968; differs: up to kUsesMax chances, and
// bounded steps, after which the hand evicts where it stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "weir/base/byte_account.h"
#include "weir/base/time.h"
#include "weir/cache/index.h"
#include "weir/cache/value.h"

namespace weir::cache {

struct Entry;

class Cache {
 public:
  // Values up to this size are stored with the entry, larger ones shared by reference.
  static constexpr size_t kInlineBytesMax = 4096;
  static constexpr uint8_t kUsesMax = 3;
  static constexpr size_t kHandStepsMax = 64;

  struct Options {
    size_t budget_bytes = size_t{64} << 20;
    // Takes the bytes of the values that are shared by reference, so that the owner can tell those
    // that live outside of all caches; nullptr: nobody asks. Outlives the cache.
    ByteAccount* shared_values = nullptr;
  };

  // What a hit shows. `value` is valid until the next call that is not Prefetch…; `shared` is the
  // same bytes as a reference that may be kept, or nullptr when the value is inline.
  struct Hit {
    bool absent = false;
    std::string_view value;
    const Bytes* shared = nullptr;
    WallTime expires_at = kNever;
    uint64_t version = 0;
  };

  struct Counters {
    uint64_t evicted = 0;   // Entries that made room for others.
    uint64_t expired = 0;   // Entries found to be over.
    uint64_t rejected = 0;  // Values too large to be kept.
  };

  explicit Cache(Options options);
  ~Cache();
  Cache(Cache&& other) noexcept;
  Cache& operator=(Cache&& other) noexcept;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // Returns the live entry of `key`, or nullopt. Counts as a use.
  // Requires (here and below): `hash` is the same function of `key` in every call.
  std::optional<Hit> Find(std::string_view key, uint64_t hash, WallTime now);

  // Keeps `value` until the earlier of its expiry and `cached_until`, in place of what was there.
  // An entry that would take more than an eighth of the budget is not kept. A value of the size of
  // the one before takes its memory and its turn with the hand; any other is a new entry.
  void Put(std::string_view key, uint64_t hash, const Value& value, WallTime cached_until,
           WallTime now);

  // Remembers until `cached_until` that `key` does not exist.
  void PutAbsent(std::string_view key, uint64_t hash, WallTime cached_until, WallTime now);

  void Erase(std::string_view key, uint64_t hash);

  // Moves every entry to a cache of its own, which the caller may destroy where it has the time.
  // The counters stay here. Cost: O(1), one small allocation.
  Cache TakeEntries();

  void PrefetchSlot(uint64_t hash) const { index_.PrefetchSlot(hash); }
  void PrefetchEntry(uint64_t hash) const { index_.PrefetchEntry(hash); }

  size_t entries() const { return index_.size(); }
  size_t bytes() const { return bytes_; }
  size_t budget_bytes() const { return options_.budget_bytes; }
  const Counters& counters() const { return counters_; }

  // Returns the bytes that an entry with this key and value counts for.
  static size_t Cost(size_t key_bytes, size_t value_bytes);

 private:
  void Insert(std::string_view key, uint64_t hash, const Value* value, WallTime cached_until);
  void CountShared(const Entry& entry);
  void UncountShared(const Entry& entry);
  void Remove(Entry* entry);
  void EvictOne();

  Options options_;
  Index index_;
  Entry* hand_ = nullptr;  // The oldest entry that the hand has not yet passed.
  size_t bytes_ = 0;
  size_t shared_bytes_ = 0;  // Of the values that entries share by reference.
  Counters counters_;
};

}  // namespace weir::cache
