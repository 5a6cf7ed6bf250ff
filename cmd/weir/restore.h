// The command `weir restore`: copies a backup into new data directories, offline.
#pragma once

#include <string>

#include "cmd/weir/config.h"

namespace weir::cmd {

// Restores the backup `directory` into the directories that `config` names for its shards, which
// must be as many, and grouped, as in the backup. Nothing that is not complete can be served: the
// first directory is marked as complete last.
// Returns the exit code: 0 when it is complete, 1 when it is not.
int RunRestore(const std::string& directory, const Config& config);

}  // namespace weir::cmd
