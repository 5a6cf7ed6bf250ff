// The manual page weir(1), generated from the subcommands and the table of options.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::cmd {

// A flag, or an argument by position, of a subcommand.
struct ManArgument {
  std::string name;
  std::string type;  // Empty when it takes none.
  std::string doc;
};

struct ManCommand {
  std::string name;
  std::string doc;
  std::vector<ManArgument> arguments;  // Those of `serve` are the options.
};

// Returns the page in the man macros of roff(7).
std::string ManPage(std::string_view version, const std::vector<ManCommand>& commands);

}  // namespace weir::cmd
