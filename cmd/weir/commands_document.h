// docs/commands.md, from the command table. `weir docs commands` prints it; a test compares.
#pragma once

#include <string>

namespace weir::cmd {

std::string CommandsDocument();

}  // namespace weir::cmd
