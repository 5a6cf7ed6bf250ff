// Miniature: a cache of another size in miniature, on a hash-sample of the keys, without values.
//
// A key is in the sample when its hash is below a bound, and the miniature has the same part of the
// capacity as of the keys; so it misses a sampled key about when a cache of that capacity would.
// When it would hold more than its records the bound is halved.
//
// When not to use: for a ratio of the sampled look-ups; one hot key, in the sample or not, spoils
// it. Misses divided by rate() and by all look-ups do not depend on hot keys (MissRatioCurve).
// Threads: single-owner. Cost: a look-up and a list move for a key in the sample.
// Source: Waldspurger et al., "Cache Modeling and Optimization using Miniature Simulations", ATC
// 2017; differs: entries have sizes and end at their time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "weir/base/time.h"
#include "weir/cache/behaviour.h"
#include "weir/cache/order.h"

namespace weir::cache {

class Miniature {
 public:
  // What one record takes, with its share of what the behaviour remembers.
  static constexpr size_t kBytesOfRecord = 84;

  // Of a cache of `capacity` bytes that keeps no entry above 1 / `entry_share` of them.
  // Requires: records_max > 0.
  Miniature(const Behaviour& behaviour, uint64_t capacity, size_t records_max, size_t entry_share);

  bool Follows(uint64_t hash) const { return (hash >> 32) < bound_; }
  double rate() const { return static_cast<double>(bound_) / static_cast<double>(kAll); }
  size_t records() const { return live_; }
  size_t memory_bytes() const;

  // The following for keys that it follows.
  // Returns whether a cache of this size would hold the key. Counts as a use.
  bool Find(uint64_t hash, WallTime now);
  void Put(uint64_t hash, uint64_t weight, WallTime until);
  void Erase(uint64_t hash);

  void SetBehaviour(const Behaviour& behaviour) { order_.SetBehaviour(behaviour); }
  void SetCapacity(uint64_t bytes);
  // Follows half of the keys.
  void Halve();

 private:
  using Id = uint32_t;
  static constexpr Id kNone = ~Id{0};
  static constexpr uint64_t kAll = uint64_t{1} << 32;

  struct Record {
    uint64_t hash = 0;
    WallTime until;
    uint32_t weight = 0;
    Id prev = kNone;
    Id next = kNone;
    Id chain = kNone;  // The next of the same bucket, or of the free ones.
    uint8_t state = 0;
  };
  // The records as Order sees them.
  struct View {
    std::vector<Record>& records;

    Id prev(Id id) const { return records[id].prev; }
    Id next(Id id) const { return records[id].next; }
    void set_prev(Id id, Id to) { records[id].prev = to; }
    void set_next(Id id, Id to) { records[id].next = to; }
    uint8_t state(Id id) const { return records[id].state; }
    void set_state(Id id, uint8_t to) { records[id].state = to; }
    uint64_t weight(Id id) const { return records[id].weight; }
    uint64_t hash(Id id) const { return records[id].hash; }
  };

  uint64_t SampleBudget() const {
    return static_cast<uint64_t>(static_cast<double>(capacity_) * rate());
  }
  Id& Bucket(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  Id Lookup(uint64_t hash);
  void Grow();
  void Remove(Id id);  // Also from the order.
  void Free(Id id);

  uint64_t capacity_;
  size_t records_max_;
  size_t entry_share_;
  uint64_t bound_ = kAll;
  std::vector<Record> records_;
  std::vector<Id> buckets_;
  Id free_ = kNone;
  size_t live_ = 0;
  Order<View> order_;
};

}  // namespace weir::cache
