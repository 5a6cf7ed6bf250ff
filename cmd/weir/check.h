// What must hold between the values of a configuration, beyond the limits of each.
//
// Errors and warnings go to Origins, which knows their places.
// Threads: pure functions.
#pragma once

#include "cmd/weir/budget.h"
#include "cmd/weir/config.h"
#include "cmd/weir/origins.h"

namespace weir::cmd {

// Checks named shards against the number of shards. A number that nobody gave becomes theirs.
void CheckShards(Config& config, Origins& origins);

// Requires: `config` is complete.
void CheckConfig(const Config& config, Origins& origins);

// Divides the budget and lowers what could outgrow its part, with a warning where it was asked for.
// Requires: `config` is complete and free of errors.
Budget FitBudget(Config& config, Origins& origins);

}  // namespace weir::cmd
