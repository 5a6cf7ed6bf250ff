// What commands on numbers share: floats as Redis reads and shows them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::gateway::commands {

// Reads a long double as Redis does: what strtold takes, without blanks, nan, over- or underflow.
std::optional<long double> ParseFloat(std::string_view text);

// As Redis shows it: 17 digits after the point, without the zeros at their end.
std::string FormatFloat(long double value);

}  // namespace weir::gateway::commands
