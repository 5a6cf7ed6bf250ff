// Placement: everything that a key's name decides: its hashes, lane, slot, position, shard,
// database and keyspace.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "weir/base/key_hash.h"
#include "weir/gateway/growing.h"
#include "weir/gateway/keyspace.h"
#include "weir/gateway/published.h"
#include "weir/shard/live_range_map.h"
#include "weir/shard/range_map.h"

namespace weir::gateway {

// Where a shard's records are: which database, and which of its shards.
struct ShardPlace {
  uint32_t database = 0;
  uint32_t shard = 0;

  bool operator==(const ShardPlace&) const = default;
};

// What memory needs to know of a key. Cost: one or two hashes, about 5 ns.
struct KeyHash {
  uint64_t hash = 0;  // Of the key, secretly seeded.
  uint32_t lane = 0;  // By the tag: keys of one tag share a lane.
};

// What the store needs to know of it besides.
struct KeyPlace {
  uint64_t position = 0;
  ShardPlace place;
};

// Threads: thread-safe. UseRanges is called by one thread at a time.
class Placement {
 public:
  static constexpr size_t kKeyspacesMax = 256;

  struct Options {
    uint64_t hash_seed = 0;  // Secret.
    uint32_t lanes = 64;     // A power of two.
    Keyspace fallback;       // For keys that no keyspace's prefix matches.
    std::vector<Keyspace> keyspaces;
    shard::RangeMap ranges = shard::RangeMap::Even(1).value();
    std::vector<ShardPlace> shards;  // By shard id of the range map.
  };

  // There may be `added_max` shards more than at first.
  explicit Placement(Options options, size_t added_max = 0);

  KeyHash Hash(std::string_view key) const {
    const std::string_view tag = KeyTag(key);
    const uint64_t tag_hash = SeededHash(tag, options_.hash_seed);
    // Folded, because the index within a lane uses the low and the high bits.
    const auto lane = static_cast<uint32_t>((tag_hash * 0x9e3779b97f4a7c15U) >> 32) & lane_mask_;
    return {tag.size() == key.size() ? tag_hash : SeededHash(key, options_.hash_seed), lane};
  }

  KeyPlace Place(std::string_view key) const;

  uint64_t hash_seed() const { return options_.hash_seed; }
  // A seed for choices. Says nothing of the hash's own.
  uint64_t RandomSeed() const { return SeededHash("choices", options_.hash_seed); }

  // The keyspace with the longest prefix that `key` has, valid until this thread's next call.
  // Cost: O(keyspaces).
  const Keyspace& KeyspaceOf(std::string_view key) const;
  // Those of a prefix that there was before go on with its counters.
  // Requires: at most kKeyspacesMax. By one thread at a time.
  void SetKeyspaces(std::vector<Keyspace> keyspaces);
  // All of them, longest prefix first, valid until this thread's next call.
  const std::vector<Keyspace>& keyspaces() const { return keyspaces_.Get().all; }
  // No key is to be refreshed earlier than so long before its time is over. Cost: one load.
  int64_t refresh_span_ms() const { return refresh_span_ms_.load(std::memory_order_relaxed); }
  // The one of exactly this prefix, or nullptr. Valid as above.
  const Keyspace* FindKeyspace(std::string_view prefix) const;

  uint32_t lanes() const { return lane_mask_ + 1; }
  // The range that holds `position` at this moment.
  shard::Range RangeOf(shard::Position position) const { return ranges_.Find(position); }
  // Routes by `ranges` from now on. By one thread at a time. `moved`: some position has another
  // shard than before, so what was placed before must be placed again.
  // Requires: `ranges` names shards below shards(), and is not older than the map before.
  void UseRanges(const shard::RangeMap& ranges, bool moved) {
    if (moved) routes_.fetch_add(1, std::memory_order_relaxed);
    ranges_.Publish(ranges);  // Releases: who sees something of it sees an odd number, or a later.
    if (moved) routes_.fetch_add(1, std::memory_order_release);
  }
  // How often some position has got another shard. What is placed after this is read is right,
  // and all of it by one map, if it is the same afterwards. Waits for a publication under way,
  // which takes microseconds, as Place does.
  uint64_t routes() const {
    for (;;) {
      const uint64_t routes = routes_.load(std::memory_order_acquire);
      if (routes % 2 == 0) [[likely]]
        return routes / 2;
      std::this_thread::yield();  // Who publishes may want this core.
    }
  }
  // The shard whose range holds `position` at this moment.
  uint32_t ShardAt(uint64_t position) const {
    return static_cast<uint32_t>(ranges_.ShardOf(shard::Position{position}));
  }
  ShardPlace place(shard::ShardId shard) const;
  size_t shards() const { return shards_.size(); }
  // Makes `place` the last shard, and returns its number. By one thread at a time.
  uint32_t AddShard(ShardPlace place);
  // How many databases the shards are in. Who sees a key there sees so many.
  uint32_t databases() const { return databases_.load(std::memory_order_acquire); }
  // The map that it began with.
  const shard::RangeMap& first_ranges() const { return options_.ranges; }

 private:
  struct Keyspaces {
    std::vector<Keyspace> all;  // Longest prefix first.
    Keyspace fallback;
  };

  Options options_;  // But for shards, keyspaces and fallback.
  Growing<ShardPlace> shards_;
  std::atomic<uint32_t> databases_{0};
  shard::LiveRangeMap ranges_;
  std::atomic<uint64_t> routes_{0};  // Odd while a map that moves positions is published.
  Published<const Keyspaces> keyspaces_;
  std::atomic<int64_t> refresh_span_ms_{0};
  uint32_t lane_mask_;
};

}  // namespace weir::gateway
