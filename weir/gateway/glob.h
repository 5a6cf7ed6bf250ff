// Glob patterns as Redis has them: * ? [abc] [^a-z] and backslash.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace weir::gateway {

// Steps that a match of a text of so many bytes may take: enough for any pattern that is not made
// to take long.
constexpr size_t GlobStepsMax(size_t text_bytes) {
  return (size_t{16} << 10) + 32 * text_bytes;
}

// Returns whether `text` matches `pattern`, or nullopt when that is not known after `steps_max`
// steps: bytes of the pattern looked at. For patterns that are matched with what many clients
// store. Cost: O(steps_max), without recursion.
std::optional<bool> TryGlobMatch(std::string_view pattern, std::string_view text, size_t steps_max);
inline std::optional<bool> TryGlobMatch(std::string_view pattern, std::string_view text) {
  return TryGlobMatch(pattern, text, GlobStepsMax(text.size()));
}

// What patterns may be together that a client gives for names of the server's own, of commands or
// parameters: each is matched with all of those on an event loop.
inline constexpr size_t kNamePatternsBytesMax = 512;

// Returns whether `text` matches `pattern`. Cost: O(pattern * text) at worst, so the caller bounds
// both.
bool GlobMatch(std::string_view pattern, std::string_view text);

}  // namespace weir::gateway
