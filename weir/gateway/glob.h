// Glob patterns as Redis has them: * ? [abc] [^a-z] and backslash.
#pragma once

#include <string_view>

namespace weir::gateway {

// Returns whether `text` matches `pattern`.
// Cost: O(pattern * text) at worst, without recursion: a hostile pattern cannot hang or overflow.
bool GlobMatch(std::string_view pattern, std::string_view text);

}  // namespace weir::gateway
