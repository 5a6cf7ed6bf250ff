// Trial: what to run of a seed; and Shrink, which makes a failing one short.
//
// Leaving an operation out changes no other draw of the workload, so most of what follows stays as
// it was. Shrink stops the run after the round that failed, leaves out whole kinds of faults, then
// operations in ever smaller groups, as long as something is still wrong.
// Source: Zeller, Hildebrandt, "Simplifying and isolating failure-inducing input", TSE 2002.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "sim/plan.h"
#include "sim/world.h"

namespace weir::sim {

struct Trial {
  uint64_t seed = 1;
  size_t commands = 3000;
  Without without;
  std::set<uint32_t> left_out;
};

Outcome Try(const Trial& trial);

// Requires: the trial fails. Cost: at most kTriesMax runs.
Trial Shrink(Trial trial);
inline constexpr size_t kTriesMax = 400;

// The arguments that run it.
std::string Show(const Trial& trial);

}  // namespace weir::sim
