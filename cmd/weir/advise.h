// The command `weir advise`: which size of a running server's cache pays.
#pragma once

#include "cmd/weir/advice.h"
#include "cmd/weir/server_session.h"

namespace weir::cmd {

struct AdviseArguments {
  ServerArguments server;
  Prices prices;  // Those of the server's configuration when not known.
};

// Returns the exit code: 0, 1 when the server does not tell, 2 for wrong arguments.
int RunAdvise(const AdviseArguments& arguments);

}  // namespace weir::cmd
