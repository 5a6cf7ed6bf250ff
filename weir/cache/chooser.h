// Chooser: which of several ways pays most, from what each would have gained lately, with
// hysteresis.
//
// For each pair it adds up by how much one has been ahead of the other (never below 0). It changes
// when another's lead over the present choice is worth the cost of changing and greater than leads
// between these two that came to nothing, so that ways that take turns are not followed back and
// forth.
//
// When not to use: for ways whose gains are not counted over the same requests.
// Threads: single-owner. Cost: O(ways²) a round, no allocation.
// Source: cumulative sums, Page, Biometrika 1954; differs: the threshold learns from false alarms.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::cache {

template <size_t kWays>
class Chooser {
 public:
  using Ways = uint32_t;  // A set of them, way n being bit n.
  static constexpr Ways kAll = (Ways{1} << kWays) - 1;
  static_assert(kWays < 32);

  // `cost`: the gain for which a change is worth while.
  Chooser(size_t first, double cost) : choice_(first), cost_(cost) {}

  void SetCost(double cost) { cost_ = cost; }
  // Goes another way for a reason of the caller's.
  void SetChoice(size_t way) {
    if (choice_ != way) ++changes_;
    choice_ = way;
  }

  // Takes what each way gained in one round. Changes to none that is not `open`; a lead of such
  // a way, or over one that is not the choice, is at most what is not yet followed. Returns the way
  // to go.
  size_t Add(const std::array<double, kWays>& gains, Ways open = kAll) {
    for (size_t a = 0; a < kWays; ++a) {
      for (size_t b = 0; b < kWays; ++b) {
        if (a == b) continue;
        Pair& pair = pairs_[a][b];
        pair.Add(gains[b] - gains[a]);
        // What is ahead of others where it is of no use, or behind, says little for when it is: so
        // that does not pile up.
        const bool of_use = a == choice_ || (open >> a & 1) != 0;
        if (!of_use || (open >> b & 1) == 0) pair.lead = std::min(pair.lead, Bar(pair));
      }
    }
    size_t best = choice_;
    double best_lead = 0;
    for (size_t way = 0; way < kWays; ++way) {
      const Pair& pair = pairs_[choice_][way];
      if ((open >> way & 1) == 0) continue;
      if (pair.lead <= Bar(pair) || pair.lead <= best_lead) continue;
      best = way;
      best_lead = pair.lead;
    }
    if (best != choice_) {
      Pair& followed = pairs_[choice_][best];
      followed.lead = followed.peak = 0;
      choice_ = best;
      ++changes_;
    }
    return choice_;
  }

  size_t choice() const { return choice_; }
  uint64_t changes() const { return changes_; }
  // By how much `way` has been ahead of the choice.
  double lead(size_t way) const { return pairs_[choice_][way].lead; }

 private:
  static constexpr double kFalseAlarms = 1.25;
  static constexpr double kForget = 0.9998;

  struct Pair {
    double lead = 0;
    double peak = 0;         // Of this lead.
    double false_alarm = 0;  // The highest peak of leads that were lost, fading.

    void Add(double gain) {
      lead += gain;
      false_alarm *= kForget;
      if (lead > 0) {
        peak = std::max(peak, lead);
        return;
      }
      false_alarm = std::max(false_alarm, peak);
      lead = peak = 0;
    }
  };

  // What a lead must be above to be followed.
  double Bar(const Pair& pair) const { return cost_ + kFalseAlarms * pair.false_alarm; }

  std::array<std::array<Pair, kWays>, kWays> pairs_{};
  size_t choice_;
  double cost_;
  uint64_t changes_ = 0;
};

}  // namespace weir::cache
