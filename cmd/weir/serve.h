// Serve: the server from start to graceful stop, wired from all the libraries.
#pragma once

#include <string>

#include "cmd/weir/live_config.h"
#include "cmd/weir/load.h"

namespace weir::cmd {

// Serves until SIGTERM or SIGINT has been drained, and returns the exit code of the process: 0, or
// 1 with the reason on standard error. SIGHUP calls `load` and brings into force what it can.
// Requires: `loaded` has no errors. `config_file`: its name, "" without one.
// Threads: called once, on the main thread; `load` is called on any.
int Serve(const Loaded& loaded, const std::string& config_file, LiveConfig::Load load);

}  // namespace weir::cmd
