// The words of text forms that are read strictly (a slot table, a range map): lines written by
// format, taken from the front when read, and closed by a checksum line over all before it.
// Threads: pure functions. Cost: O(what is written or taken).
#pragma once

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <string>
#include <string_view>

#include "weir/base/key_hash.h"

namespace weir::checked_text {

// Requires: the line is shorter than 64 bytes.
template <typename... Args>
void Append(std::string* to, const char* format, Args... args) {
  char line[64];
  to->append(line, static_cast<size_t>(std::snprintf(line, sizeof(line), format, args...)));
}

// Closes `text`: "checksum " and the StableHash of all before it.
inline void AppendChecksum(std::string* text) {
  Append(text, "checksum %016" PRIx64 "\n", StableHash(*text));
}

// Takes `text` from the front of `from`. Returns whether it was there.
inline bool Take(std::string_view* from, std::string_view text) {
  if (!from->starts_with(text)) return false;
  from->remove_prefix(text.size());
  return true;
}

template <typename Number>
bool TakeNumber(std::string_view* from, Number* number, int base = 10) {
  const auto [end, error] =
      std::from_chars(from->data(), from->data() + from->size(), *number, base);
  if (error != std::errc()) return false;
  from->remove_prefix(static_cast<size_t>(end - from->data()));
  return true;
}

}  // namespace weir::checked_text
