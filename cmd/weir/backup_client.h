// The command `weir backup`: asks a running server for a backup and waits until it is made.
#pragma once

#include <string>

namespace weir::cmd {

struct BackupArguments {
  std::string server = "127.0.0.1:6390";
  std::string user;           // Empty: nobody in particular.
  std::string password_file;  // "-": standard input. Needed with `user`.
  std::string directory;      // On the server's machine; relative to the caller's directory.
};

// Returns the exit code: 0 when the backup is complete, 1 when it is not, 2 for wrong arguments.
int RunBackup(const BackupArguments& arguments);

}  // namespace weir::cmd
