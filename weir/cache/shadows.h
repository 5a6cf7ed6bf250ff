// Shadows: a cache's behaviours simulated side by side on a sample of its keys, to know which pays.
//
// A key is in the sample when its hash is below a bound, so a sampled key is followed wholly, and a
// shadow has the same part of the budget as of the keys. When the sample outgrows its memory the
// bound is halved. Shadows see every look-up and every insertion of the cache and hold no values.
// They follow no key before Begin: while a cache has room for all, every behaviour pays the same.
// Behaviours that weigh entries are begun with where weights differ, and not changed to where they
// are alike: there they are one more kind of LRU.
//
// When not to use: for the hit ratio itself; on small samples it is far less certain than the
// order. Threads: single-owner. Cost: a comparison for a key outside the sample; for one in it a
// look-up and a list move for each behaviour. Source: Waldspurger et al., "Cache Modeling and
// Optimization using Miniature Simulations", ATC 2017; differs: online, with Chooser's hysteresis,
// and aware of expiry.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weir/base/time.h"
#include "weir/cache/behaviour.h"
#include "weir/cache/chooser.h"
#include "weir/cache/order.h"

namespace weir::cache {

class Shadows {
 public:
  static constexpr size_t kWays = kBehaviours.size();
  // What one sampled key takes, with its share of what each behaviour remembers.
  static constexpr size_t kBytesOfKey = 208;

  struct Options {
    uint64_t budget_bytes = 0;  // Of the cache.
    size_t memory_bytes = 0;    // 0: no shadows, and the first choice stays.
    size_t first = 0;           // The behaviour to begin with.
    bool count_bytes = false;   // A hit gains its entry's bytes, not one.
    bool found = false;         // `first` was found to pay, and stays also where weights differ.
  };
  // Which behaviour to begin with where weights differ, for hits and for their bytes.
  static constexpr size_t kWeighing = BehaviourNamed("gdsf");
  static constexpr size_t kWeighingForBytes = BehaviourNamed("gdsf_bytes");

  explicit Shadows(const Options& options);

  // Follows keys from now on, a sample that is right for a cache of `entries`. What the cache holds
  // already is taken in when it is asked for. Nothing when it has begun.
  // Cost: an allocation of memory_bytes when it begins.
  void Begin(uint64_t entries) {
    if (bound_ == 0 && records_max_ != 0) Start(entries);
  }

  // Chooses a behaviour for a reason of the caller's, until another is found to pay more.
  void Prefer(size_t way) { chooser_.SetChoice(way); }
  bool begun() const { return bound_ != 0; }
  // Whether the choice comes from what keys were asked for, now or before: see Options::found. Not
  // before keys of the sample were asked for as often as the cache had entries of it in the
  // beginning.
  bool found() const { return options_.found || (begun() && lookups_ >= found_after_); }

  // Returns the behaviour that pays most: an index of kBehaviours.
  size_t choice() const { return chooser_.choice(); }

  // Whether the key is in the sample.
  bool Follows(uint64_t hash) const { return (hash >> 32) < bound_; }
  // A look-up at `now`, hit or miss. Returns whether a Put of what the cache has would change
  // nothing; else it follows when the cache has the entry or gets it.
  bool Find(uint64_t hash, WallTime now) { return !Follows(hash) || FindSampled(hash, now); }
  // An entry of `weight` bytes is kept until `until`.
  void Put(uint64_t hash, uint64_t weight, WallTime until) {
    weights_.Add(weight);
    if (Follows(hash)) PutSampled(hash, weight, until);
  }
  void Erase(uint64_t hash) {
    if (Follows(hash)) EraseSampled(hash);
  }

  struct Report {
    double sample_rate = 0;
    uint64_t lookups = 0;  // In the sample.
    uint64_t changes = 0;
    std::array<uint64_t, kWays> hits{};  // Of each behaviour, in the sample.
  };
  Report report() const;

 private:
  using Id = uint32_t;
  static constexpr Id kNone = ~Id{0};
  static constexpr uint64_t kAll = uint64_t{1} << 32;
  static constexpr size_t kRoundsOfSample = 32;
  static constexpr double kChangeCost = 0.35;  // In hits, of the entries held.
  static constexpr double kChangeCostMin = 30;

  struct Links {
    Id prev = kNone;
    Id next = kNone;
  };
  struct Record {
    uint64_t hash = 0;
    WallTime until;
    uint64_t weight = 0;
    Id chain = kNone;      // The next of the same bucket, or of the free ones.
    uint32_t holders = 0;  // Behaviours that hold it.
    std::array<uint8_t, kWays> states{};
    std::array<Links, kWays> links;
  };
  // The records as one behaviour sees them.
  struct View {
    std::vector<Record>& records;
    size_t way;

    Id prev(Id id) const { return records[id].links[way].prev; }
    Id next(Id id) const { return records[id].links[way].next; }
    void set_prev(Id id, Id to) { records[id].links[way].prev = to; }
    void set_next(Id id, Id to) { records[id].links[way].next = to; }
    uint8_t state(Id id) const { return records[id].states[way]; }
    void set_state(Id id, uint8_t to) { records[id].states[way] = to; }
    uint64_t weight(Id id) const { return records[id].weight; }
    uint64_t hash(Id id) const { return records[id].hash; }
  };

  // How much the weights of what was put lately differ: by how many doublings an entry is heavier
  // when it is met by its bytes than when it is met as one of all. 0 where all weigh the same, and
  // little where what differs is neither many of the entries nor many of the bytes. Independent of
  // the unit.
  class Weights {
   public:
    void Add(uint64_t weight) {
      const auto bytes = static_cast<double>(weight);
      const auto doublings = static_cast<double>(std::bit_width(weight));
      if (count_ == kCountMax) {
        for (double* sum : {&count_, &bytes_, &of_entries_, &of_bytes_}) *sum /= 2;
      }
      ++count_;
      bytes_ += bytes;
      of_entries_ += doublings;
      of_bytes_ += bytes * doublings;
    }
    // Whether to weigh them may pay.
    bool Differ() const {
      return count_ > 0 && of_bytes_ / bytes_ > of_entries_ / count_ + kDoublings;
    }

   private:
    static constexpr double kCountMax = 1 << 17;
    static constexpr double kDoublings = 0.5;

    double count_ = 0;
    double bytes_ = 0;
    double of_entries_ = 0;  // Doublings, of each entry
    double of_bytes_ = 0;    // and of each byte.
  };

  double SampleRate() const { return static_cast<double>(bound_) / static_cast<double>(kAll); }
  uint64_t SampleBudget() const {
    return static_cast<uint64_t>(static_cast<double>(options_.budget_bytes) * SampleRate());
  }
  void Start(uint64_t entries);
  bool FindSampled(uint64_t hash, WallTime now);
  void PutSampled(uint64_t hash, uint64_t weight, WallTime until);
  void EraseSampled(uint64_t hash);
  void EndRound();

  Id& Bucket(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  Id Lookup(uint64_t hash);
  Id Make(uint64_t hash);
  void LetGo(Id id);  // One holder less.
  void Drop(Id id);   // From every behaviour.
  void Insert(Id id, size_t way);
  void Halve();

  Options options_;
  uint64_t bound_ = 0;  // 0: it has not begun.
  size_t records_max_;
  std::vector<Record> records_;
  std::vector<Id> buckets_;
  Id free_ = kNone;
  size_t live_ = 0;  // Records that are not free.
  std::vector<Order<View>> orders_;
  Chooser<kWays> chooser_;
  Weights weights_;
  std::array<double, kWays> gains_{};
  std::array<uint64_t, kWays> hits_{};
  uint64_t lookups_ = 0;
  uint64_t found_after_ = 0;  // Look-ups.
  size_t round_ = 0;          // Look-ups of this round.
};

}  // namespace weir::cache
