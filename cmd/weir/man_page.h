// The manual page weir(1), generated from the table of options.
#pragma once

#include <string>
#include <string_view>

namespace weir::cmd {

// Returns the page in the man macros of roff(7).
std::string ManPage(std::string_view version);

}  // namespace weir::cmd
