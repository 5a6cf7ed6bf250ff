// Lanes: the cache lanes of this node, each behind a short lock.
//
// A lock is held for one look-up and its copy, or for one batch's publication, never across I/O.
// Several lanes are locked in the order of their numbers.
// Threads: thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "weir/cache/lane.h"

namespace weir::gateway {

// Whether what comes in now would soon take the place of what clients have asked for.
inline bool IsAlmostFull(const cache::Cache& cache) {
  return cache.bytes() + cache.history_bytes() > cache.budget_bytes() / 16 * 15;
}

class Lanes {
 public:
  static constexpr uint32_t kLanesMax = 1024;
  // Of a lane's budget, what the shadows that choose its policy take: a fiftieth, or 48 KiB where
  // that is more, but never more than an eighth.
  static constexpr size_t kShadowShare = 50;
  static constexpr size_t kShadowBytesMin = size_t{48} << 10;

  // What the estimate of the miss-ratio curve takes in all: a 64th, or 1 MiB where that is less;
  // where it would be less than it needs there is none. It is made by so many lanes as together
  // hold kCurveLanesBytes, if each has its part of the memory: their keys are a sample of all keys.
  static constexpr size_t kCurveShare = 64;
  static constexpr size_t kCurveBytesMax = size_t{1} << 20;
  static constexpr size_t kCurveBytesMin = size_t{192} << 10;
  static constexpr size_t kCurveLanesBytes = size_t{4} << 20;

  // Steps of Cache::Expire that hold one lock, some 50 us.
  static constexpr size_t kExpireSlice = 256;

  struct Totals {
    cache::Cache::Counters cache;
    cache::Lane::Counters lane;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    uint64_t history_bytes = 0;  // See cache::Cache.
    uint64_t budget_bytes = 0;   // Of the caches, without what chooses their policies.
    // Lanes whose cache acts as each of cache::kBehaviours, and how often one changed.
    std::array<uint64_t, cache::kBehaviours.size()> lanes_by_policy{};
    uint64_t policy_changes = 0;
    // Of a sample of the keys: look-ups, and how many would have been hits with each behaviour.
    uint64_t sampled_lookups = 0;
    std::array<uint64_t, cache::kBehaviours.size()> sampled_hits{};
    uint64_t loads_begun = 0;
    uint64_t loads_joined = 0;
    uint64_t loads_under_way = 0;
  };

  // `hash_seed`, `shared_values`, `objective`: see cache::Cache::Options. Requires: 0 < count <=
  // kLanesMax.
  Lanes(uint32_t count, size_t budget_bytes, uint64_t hash_seed,
        ByteAccount* shared_values = nullptr,
        cache::Cache::Objective objective = cache::Cache::Objective::kHits);

  // A lane and its lock, held as long as this lives.
  class Locked {
   public:
    Locked(std::mutex& mutex, cache::Lane& lane) : lock_(mutex), lane_(&lane) {}
    cache::Lane* operator->() const { return lane_; }
    cache::Lane& operator*() const { return *lane_; }

   private:
    std::unique_lock<std::mutex> lock_;
    cache::Lane* lane_;
  };
  Locked Lock(uint32_t lane) { return {slots_[lane].mutex, slots_[lane].lane}; }

  // Holds the locks of several lanes, given in any order and with repetitions.
  class LockedSet {
   public:
    LockedSet(Lanes& lanes, std::vector<uint32_t> numbers);
    ~LockedSet();
    LockedSet(const LockedSet&) = delete;
    LockedSet& operator=(const LockedSet&) = delete;
    // Requires: `lane` is in the set.
    cache::Lane& operator[](uint32_t lane) const { return lanes_.slots_[lane].lane; }

   private:
    Lanes& lanes_;
    std::vector<uint32_t> numbers_;  // Rising, without repetition.
  };

  // Of all lanes, for entries and what is remembered of those that are gone.
  size_t budget_bytes() const { return slots_.front().lane.cache().budget_bytes() * slots_.size(); }
  uint32_t count() const { return static_cast<uint32_t>(slots_.size()); }

  // Forgets all keys with the prefix (Lane::InvalidatePrefix), in all lanes at one moment.
  void InvalidatePrefix(std::string_view prefix);
  // Empties every lane and makes all loads stale, all lanes at one moment.
  void Clear();
  // How often that has been done.
  uint64_t clears() const { return clears_.load(std::memory_order_relaxed); }
  // Frees entries that are over, in about `most` steps in all. Returns whether all are gone, and
  // then no entry that is there now ends before *next.
  bool Expire(WallTime now, size_t most, WallTime* next);
  Totals Sum();
  // What the whole cache would have missed with other amounts of memory, since the start; nullopt
  // when nobody estimates it.
  std::optional<cache::MissRatioCurve::Counts> CurveCounts();

 private:
  struct alignas(64) Slot {
    explicit Slot(const cache::Cache::Options& options) : lane(options) {}
    std::mutex mutex;
    cache::Lane lane;
  };

  std::vector<uint32_t> All() const;

  std::deque<Slot> slots_;
  std::atomic<uint64_t> clears_{0};
  uint32_t curve_lanes_ = 0;  // The first ones.
};

}  // namespace weir::gateway
