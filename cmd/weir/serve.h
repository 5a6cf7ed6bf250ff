// Serve: the server from start to graceful stop, wired from all the libraries.
#pragma once

#include "cmd/weir/config.h"

namespace weir::cmd {

// Serves until SIGTERM or SIGINT has been drained, and returns the exit code of the process: 0, or
// 1 with the reason on standard error.
// Requires: `config` came from LoadConfig without errors, so DivideBudget may be applied to it.
// Threads: called once, on the main thread.
int Serve(const Config& config);

}  // namespace weir::cmd
