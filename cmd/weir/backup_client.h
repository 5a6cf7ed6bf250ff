// The command `weir backup`: asks a running server for a backup and waits until it is made.
#pragma once

#include <string>

#include "cmd/weir/server_session.h"

namespace weir::cmd {

struct BackupArguments {
  ServerArguments server;
  std::string directory;  // On the server's machine; relative to the caller's directory.
};

// Returns the exit code: 0 when the backup is complete, 1 when it is not, 2 for wrong arguments.
int RunBackup(const BackupArguments& arguments);

}  // namespace weir::cmd
