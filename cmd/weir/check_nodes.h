// What must hold between the nodes of a list, and between it and the process that reads it.
// Threads: pure functions.
#pragma once

#include "cmd/weir/config.h"
#include "cmd/weir/origins.h"

namespace weir::cmd {

// Requires: `config` is complete; values that could not be read have an error already.
void CheckNodes(const Config& config, Origins& origins);

// A process that serves must be told which of the nodes it is; others may look at the list.
void CheckServes(const Config& config, Origins& origins);

}  // namespace weir::cmd
