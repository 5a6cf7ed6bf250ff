// Lane: the read-through, write-through state of a part of the keys: cache, loads, tokens, doubts.
//
// It decides what may be served and what may be kept; whoever owns it performs the database reads
// and writes and tells it what came of them. The rules, which hold for any order of events:
//   1. A hit is never older than the last write that was published.
//   2. A load may be joined, and may fill the cache, only while no write of its key was published
//      since it began.
//   3. A key whose last write has an unknown outcome is in doubt: it is not cached and its loads
//      are not shared until the doubt is settled.
//   4. What was cached, or being loaded, when its key was invalidated is found by nobody who asks
//      later.
//   5. What is stale is found by FindStale alone, and holds to the first four as well.
//
// A read, as a regular expression of calls:  Find (FindStale BeginRefresh?)? (Join Finish)?
// A write:                                   Publish | Doubt Settle
//
//   1. reader: Find → miss; Join → begun (token 7)
//   2. writer: commits, Publish (token 8, the new value is cached), acknowledges
//   3. reader: Finish with the old value → token 7 is not current, so nothing is cached
//
// That a write is on its way changes nothing here: until it is published, the old value is the one
// to be seen, and what a load saw of the new one waits for that (the owner's second promise).
//
// What the owner promises: writes of a key are published in the order in which they were committed;
// a load is finished only when all that was committed before it read has been published, or is in
// doubt; a doubt is settled only when reads of the database show its outcome.
//
// When not to use: to decide who owns a key. One lane at a time must see all writes of a key.
// Threads: single-owner; the gateway puts a lock in front of each lane.
// Errors: kOverloaded from Join, as Loads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/cache/cache.h"
#include "weir/cache/epochs.h"
#include "weir/cache/loads.h"
#include "weir/cache/token.h"
#include "weir/cache/value.h"

namespace weir::cache {

class Lane {
 public:
  // How long entries are fresh; kNever for as long as there is room, a time not after `now` for not
  // kept at all. And how long those that end are then kept as stale.
  struct Keep {
    WallTime value_until = kNever;
    WallTime absent_until = kNever;
    std::chrono::milliseconds stale{0};
  };

  struct Counters {
    uint64_t fills = 0;
    uint64_t stale_fills_rejected = 0;  // Loads that a write had overtaken.
  };

  explicit Lane(Cache::Options options) : cache_(options) {}

  std::optional<Cache::Hit> Find(std::string_view key, uint64_t hash, WallTime now) {
    return cache_.Find(key, epochs_.Apply(key, hash), now);
  }
  // What is fresh or stale. To be called when Find has found nothing.
  std::optional<Cache::Hit> FindStale(std::string_view key, uint64_t hash, WallTime now) {
    if (InDoubt(hash)) return std::nullopt;
    return cache_.FindKept(key, epochs_.Apply(key, hash), now);
  }
  void PrefetchSlot(std::string_view key, uint64_t hash) const {
    cache_.PrefetchSlot(epochs_.Apply(key, hash));
  }
  void PrefetchEntry(std::string_view key, uint64_t hash) const {
    cache_.PrefetchEntry(epochs_.Apply(key, hash));
  }
  // What Find or else FindStale would find, for a read that one of them has counted as a use.
  std::optional<Cache::Hit> FindAgain(std::string_view key, uint64_t hash, WallTime now) const {
    auto hit = cache_.Peek(key, epochs_.Apply(key, hash), now);
    if (hit.has_value() && hit->fresh_until <= now && InDoubt(hash)) hit.reset();
    return hit;
  }

  // As Cache::Expire.
  size_t Expire(WallTime now, size_t most) { return cache_.Expire(now, most); }

  Token CurrentToken(uint64_t hash) const { return tokens_.Current(hash); }
  bool InDoubt(uint64_t hash) const { return !doubts_.empty() && doubts_.count(hash) != 0; }

  Result<Loads::Joined> Join(std::string_view key, uint64_t hash, Waiter waiter) {
    return loads_.Join(key, hash, tokens_.Current(hash), !InDoubt(hash), waiter);
  }
  // Whether Join would join a load that is under way, and so ask nothing of the database.
  bool CanJoin(std::string_view key, uint64_t hash) const {
    return !InDoubt(hash) && loads_.CanJoin(key, hash, tokens_.Current(hash));
  }

  // Begins a load that nobody waits for, to be performed as one that Join has begun; nullopt when
  // one is under way that a reader could join, or the key is in doubt, or there are too many.
  std::optional<LoadId> BeginRefresh(std::string_view key, uint64_t hash);

  // Ends a load with what the database held (nullopt: nothing, or a record that has expired).
  Loads::Finished Finish(LoadId load, const std::optional<Value>& value, const Keep& keep,
                         WallTime now);
  // Ends a load that failed. Nothing is cached; the waiters are told.
  Loads::Finished FinishFailed(LoadId load) { return loads_.Finish(load); }

  // Caches what a read outside Join found, if `token`, taken before it began, is still current.
  void Fill(std::string_view key, uint64_t hash, Token token, const std::optional<Value>& value,
            const Keep& keep, WallTime now);

  // Whether FillLast could keep a value of the key now. Counts as no use.
  bool Lacks(std::string_view key, uint64_t hash) const {
    return !InDoubt(hash) && !cache_.Contains(key, epochs_.Apply(key, hash));
  }
  // As Fill, but only where nothing is, and as what is the least worth keeping. Returns whether it
  // is kept.
  bool FillLast(std::string_view key, uint64_t hash, Token token, const Value& value,
                const Keep& keep, WallTime now);

  // For what an earlier process had cached and is still true as this one begins: from now on it is
  // noted which keys are written, in doubt or invalidated, so that Restore leaves those out. Where
  // keys are invalidated by tag or prefix, or all are, it keeps nothing any more.
  // Requires: nothing has been written yet. Cost: at most a bit for each kBytesPerNote.
  static constexpr size_t kBytesPerNote = 32;
  void BeginRestore();
  // As FillLast, with no token: keeps what was true at BeginRestore and still is. Returns whether
  // it is kept.
  bool Restore(std::string_view key, uint64_t hash, const Value& value, const Keep& keep,
               WallTime now);
  void EndRestore() { tokens_.EndNoting(); }

  // Makes loads of the key that are under way stale, as Publish does, and touches no entry.
  void Overtake(uint64_t hash) { tokens_.Bump(hash); }
  void Publish(std::string_view key, uint64_t hash, const std::optional<Value>& value,
               const Keep& keep, WallTime now);
  void Doubt(std::string_view key, uint64_t hash);
  // Requires: one Settle for each Doubt. Doubts are as many as the owner's writes under way, at
  // most.
  void Settle(uint64_t hash);

  // Forgets the key, or all keys of a tag (which comes from KeyTag) or with a prefix, and makes
  // loads stale: those of the key, or all that are under way. Cost: O(1), see Epochs.
  void Invalidate(std::string_view key, uint64_t hash);
  void InvalidateTag(std::string_view tag);
  void InvalidatePrefix(std::string_view prefix);

  // Forgets every entry and makes every load that is under way stale; doubts stay. Returns the
  // entries, so that they can be freed outside of the owner's lock.
  Cache Clear();

  // What Clear takes out, and which of it would have been found.
  struct Taken {
    Cache cache;
    Epochs epochs;
    // Whether a read would have found the entry. `hash`: of its key.
    bool Finds(const Cache::Entry& entry, uint64_t hash, WallTime now) const {
      return !entry.hit.absent && entry.hit.fresh_until > now &&
             cache.IsUnder(entry, epochs.Apply(entry.key, hash));
    }
  };
  Taken Take();

  const Cache& cache() const { return cache_; }
  const Loads& loads() const { return loads_; }
  const Counters& counters() const { return counters_; }

 private:
  void Store(std::string_view key, uint64_t hash, const std::optional<Value>& value,
             const Keep& keep, WallTime now);

  Cache cache_;
  Loads loads_;
  Tokens tokens_;
  Epochs epochs_;
  std::unordered_map<uint64_t, uint32_t> doubts_;  // By hash of the key: unsettled writes.
  Counters counters_;
};

}  // namespace weir::cache
