#include "sim/shrink.h"

#include <algorithm>
#include <vector>

namespace weir::sim {
namespace {

// Whether a trial still fails, as long as there are tries.
class Judge {
 public:
  bool Fails(const Trial& trial) {
    if (tries_ == kTriesMax) return false;
    ++tries_;
    return !Try(trial).problem.empty();
  }

 private:
  size_t tries_ = 0;
};

void ShortenRun(Trial& trial, Judge& judge) {
  const size_t round = Plan().commands_a_round;
  size_t from = 0;  // So many rounds do not fail.
  size_t to = (trial.commands + round - 1) / round;
  while (to - from > 1) {
    Trial shorter = trial;
    const size_t middle = (from + to) / 2;
    shorter.commands = middle * round;
    if (judge.Fails(shorter)) {
      to = middle;
    } else {
      from = middle;
    }
  }
  trial.commands = std::min(trial.commands, to * round);
}

void DropFaults(Trial& trial, Judge& judge) {
  constexpr bool Without::*kKinds[] = {&Without::crashes, &Without::disconnects,
                                       &Without::store_faults, &Without::clock_jumps,
                                       &Without::slow_clients};
  for (bool Without::*const kind : kKinds) {
    Trial simpler = trial;
    simpler.without.*kind = true;
    if (judge.Fails(simpler)) trial = simpler;
  }
}

void LeaveOut(Trial& trial, Judge& judge) {
  for (size_t group = std::max<size_t>(trial.commands / 2, 1);; group /= 2) {
    for (size_t first = 1; first <= trial.commands; first += group) {
      Trial less = trial;
      for (size_t i = first; i < first + group && i <= trial.commands; ++i) {
        less.left_out.insert(static_cast<uint32_t>(i));
      }
      if (less.left_out.size() != trial.left_out.size() && judge.Fails(less)) trial = less;
    }
    if (group == 1) return;
  }
}

}  // namespace

Outcome Try(const Trial& trial) {
  const Plan plan = Plan::Of(trial.seed, trial.commands, trial.without);
  return World(plan, trial.left_out).Run();
}

Trial Shrink(Trial trial) {
  Judge judge;
  ShortenRun(trial, judge);
  DropFaults(trial, judge);
  LeaveOut(trial, judge);
  return trial;
}

std::string Show(const Trial& trial) {
  std::string text = "--seed " + std::to_string(trial.seed);
  if (trial.commands != Trial().commands) text += " --commands " + std::to_string(trial.commands);
  if (trial.without.crashes) text += " --without crashes";
  if (trial.without.disconnects) text += " --without disconnects";
  if (trial.without.store_faults) text += " --without store-faults";
  if (trial.without.clock_jumps) text += " --without clock-jumps";
  if (trial.without.slow_clients) text += " --without slow-clients";
  std::string ranges;
  for (auto at = trial.left_out.begin(); at != trial.left_out.end();) {
    const uint32_t first = *at;
    uint32_t last = first;
    while (++at != trial.left_out.end() && *at == last + 1) last = *at;
    ranges += (ranges.empty() ? "" : ",") + std::to_string(first);
    if (last != first) ranges += "-" + std::to_string(last);
  }
  if (!ranges.empty()) text += " --leave-out " + ranges;
  return text;
}

}  // namespace weir::sim
