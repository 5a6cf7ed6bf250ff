// What must hold between users, and between them and what else is configured.
// Threads: pure functions.
#pragma once

#include "cmd/weir/config.h"
#include "cmd/weir/origins.h"

namespace weir::cmd {

// Requires: `config` is complete; values that could not be read have an error already.
void CheckUsers(const Config& config, Origins& origins);

}  // namespace weir::cmd
