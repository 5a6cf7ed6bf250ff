#include "weir/shard/halfway.h"

#include <cassert>
#include <utility>

namespace weir::shard {

void Halfway::Add(Position position, uint64_t amount) {
  assert(steps_.empty() || position.value >= steps_.back().begin);
  Append({position.value / kPositionUnit * kPositionUnit, amount});
  all_ += amount;
  if (steps_.size() <= kStepsMax) return;
  least_ = 2 * all_ / kStepsMax + 1;
  for (const Step& step : std::exchange(steps_, {})) Append(step);
}

void Halfway::Append(const Step& step) {
  const bool begins =
      steps_.empty() || (step.begin > steps_.back().begin && steps_.back().amount >= least_);
  if (begins) {
    steps_.push_back(step);
  } else {
    steps_.back().amount += step.amount;
  }
}

std::optional<Position> Halfway::At() const {
  if (steps_.size() < 2) return std::nullopt;
  const auto from_half = [this](uint64_t before) {
    const uint64_t after = all_ - before;
    return before < after ? after - before : before - after;
  };
  size_t best = 1;
  uint64_t best_before = steps_[0].amount;
  uint64_t before = 0;
  for (size_t i = 1; i < steps_.size(); ++i) {
    before += steps_[i - 1].amount;
    if (from_half(before) < from_half(best_before)) {
      best = i;
      best_before = before;
    }
  }
  return Position{steps_[best].begin};
}

}  // namespace weir::shard
