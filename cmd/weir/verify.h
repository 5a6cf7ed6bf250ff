// The command `weir verify`: reads everything in data directories, or in a backup, and says what is
// wrong.
#pragma once

#include <string>

#include "cmd/weir/config.h"

namespace weir::cmd {

// Verifies the data of `config`, whose directories must not be in use.
// Returns the exit code: 0 when all is right, 1 when something is wrong or cannot be read.
int RunVerify(const Config& config);

// Verifies the backup in `directory`.
int RunVerifyBackup(const std::string& directory);

}  // namespace weir::cmd
