// MissRatioCurve: how often a running cache would miss if it had an eighth of its memory, up to
// eight times as much.
//
// Thirteen miniatures of the cache, √2 apart in size, follow samples of its keys: the smaller one
// is, the more of them, so that all hold about as many. A miniature acts as the cache does at its
// size: those near it take its behaviour, the others one that shadows of a quarter and of four
// times the memory choose.
//
// When not to use: for the hit ratio at the present size, which the cache knows exactly.
// Threads: single-owner. Cost: a comparison for a key outside the samples, 20 to 100 ns for each
// miniature that follows a key. Samples shrink until that is work_max miniatures an operation on
// average, but not below kRecordsMin records. Measured: 8 ns an operation at a million entries, 60
// at 20 000. Memory: at most memory_bytes.
// Source: Waldspurger et al., "Cache Modeling and Optimization using Miniature Simulations", ATC
// 2017; differs: online, the behaviour changes with the cache's, entries end at their time. Misses
// are counted against all look-ups, as SHARDS-adj does (Waldspurger et al., FAST 2015).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weir/base/time.h"
#include "weir/cache/behaviour.h"
#include "weir/cache/miniature.h"
#include "weir/cache/shadows.h"

namespace weir::cache {

class MissRatioCurve {
 public:
  static constexpr size_t kPoints = 13;
  static constexpr double kScaleMin = 0.125;  // Of the first point; of the last one 8.
  static constexpr size_t kRecordsMin = 128;

  struct Options {
    uint64_t budget_bytes = 0;  // Of the cache.
    size_t memory_bytes = size_t{1} << 20;
    double work_max = 0.3;
    size_t first = 0;          // The behaviour that the cache begins with: an index of kBehaviours.
    bool count_bytes = false;  // As in Shadows::Options.
    size_t entry_share = 8;    // 1 / the part of the budget above which no entry is kept.
  };

  // What would have been missed, for all keys, of `lookups`. Counts since the beginning, so that
  // two of them have a difference.
  struct Counts {
    uint64_t lookups = 0;
    std::array<double, kPoints> misses{};
  };

  explicit MissRatioCurve(const Options& options);

  // The memory of a point, as a multiple of the cache's.
  static double ScaleOf(size_t point);
  // Returns the miss ratio at `scale` times the memory, in [0, 1], and never rising with it;
  // between points linear in the memory, beyond the last ones theirs.
  static double MissRatio(const Counts& counts, double scale);

  // A look-up at `now`, hit or miss. Returns whether a Put of what the cache has would change
  // nothing; else it follows when the cache has the entry or gets it.
  bool Find(uint64_t hash, WallTime now) {
    ++counts_.lookups;
    if (++round_ == kRound) EndRound();
    const bool small = small_.Find(hash, now);
    const bool large = large_.Find(hash, now);
    const bool points = !points_[0].Follows(hash) || FindSampled(hash, now);
    return small && large && points;
  }
  void Put(uint64_t hash, uint64_t weight, WallTime until) {
    small_.Put(hash, weight, until);
    large_.Put(hash, weight, until);
    for (size_t p = 0; p < kPoints && points_[p].Follows(hash); ++p) {
      points_[p].Put(hash, weight, until);
    }
  }
  void Erase(uint64_t hash) {
    small_.Erase(hash);
    large_.Erase(hash);
    for (size_t p = 0; p < kPoints && points_[p].Follows(hash); ++p) points_[p].Erase(hash);
  }

  // As Shadows::Prefer.
  void Prefer(size_t way) {
    small_.Prefer(way);
    large_.Prefer(way);
  }

  // What the cache acts as from now on, and the bytes it has for entries.
  void SetBehaviour(const Behaviour& behaviour) { behaviour_ = &behaviour; }
  void SetBudget(uint64_t bytes) {
    if (bytes != budget_bytes_) ChangeBudget(bytes);
  }

  const Counts& counts() const { return counts_; }
  // Counts on from those of another, which this one replaces.
  void ContinueFrom(const Counts& counts) { counts_ = counts; }
  // At most Options::memory_bytes, unless that is too little for kRecordsMin records a miniature.
  size_t memory_bytes() const;
  // Miniatures that followed a key, for each look-up, on average.
  double work() const {
    return counts_.lookups == 0 ? 0
                                : static_cast<double>(work_) / static_cast<double>(counts_.lookups);
  }

 private:
  static constexpr size_t kRound = 1024;       // Look-ups.
  static constexpr size_t kChooserShare = 8;   // Of the memory, for each of the two.
  static constexpr double kChooserScale = 4;   // And a quarter.
  static constexpr double kOwnScaleMax = 2.1;  // Up to here points act as the cache.

  bool FindSampled(uint64_t hash, WallTime now);
  void EndRound();
  void ChangeBudget(uint64_t bytes);
  void LimitWork();

  double work_max_;
  size_t chooser_bytes_;  // Of each of the two.
  uint64_t budget_bytes_;
  const Behaviour* behaviour_;
  std::vector<Miniature> points_;  // Rising in size, falling in rate.
  Shadows small_;
  Shadows large_;
  Counts counts_;
  size_t round_ = 0;  // Look-ups of this round.
  uint64_t work_ = 0;
  uint64_t work_before_ = 0;  // This round.
};

}  // namespace weir::cache
