// For tests and fuzzers: feeds bytes to a Parser in chosen chunks and writes down what comes out.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "weir/resp/parser.h"

namespace weir::resp {

// Everything a connection's owner can see of a parser, with the memory held on the way.
struct Transcript {
  std::vector<std::vector<std::string>> commands;
  std::string error;
  bool http = false;
  bool between_commands = false;  // After all bytes, if they were all good.

  bool operator==(const Transcript&) const = default;
};

// Receives `bytes` into `input` as far as its room goes, at most `chunk` at a time; returns the
// rest.
inline std::string_view Receive(InputBuffer& input, std::string_view bytes, size_t chunk) {
  const std::span<char> room = input.Writable();
  const size_t size = std::min({room.size(), bytes.size(), chunk});
  if (size > 0) std::memcpy(room.data(), bytes.data(), size);
  input.Commit(size);
  return bytes.substr(size);
}

// `chunk()` is asked for the size of each receive, `held(bytes so far, bytes held)` is told the
// memory after each.
template <typename Chunk, typename Held>
Transcript Feed(std::string_view bytes, const Limits& limits, Chunk chunk, Held held) {
  InputBuffer input;
  Parser parser(limits);
  Command command;
  Transcript seen;
  const size_t total = bytes.size();
  while (!bytes.empty() && seen.error.empty() && !seen.http) {
    bytes = Receive(input, bytes, std::max<size_t>(1, chunk()));
    ParseResult result = parser.Next(input, &command);
    for (; result == ParseResult::kCommand; result = parser.Next(input, &command)) {
      held(total - bytes.size(), input.held_bytes() + parser.held_bytes() + command.held_bytes());
      seen.commands.emplace_back(command.args().begin(), command.args().end());
    }
    held(total - bytes.size(), input.held_bytes() + parser.held_bytes() + command.held_bytes());
    if (result == ParseResult::kError) seen.error = parser.error();
    seen.http = result == ParseResult::kHttp;
  }
  seen.between_commands = seen.error.empty() && !seen.http && input.empty();
  return seen;
}

inline Transcript Feed(std::string_view bytes, size_t chunk, const Limits& limits = {}) {
  return Feed(
      bytes, limits, [chunk] { return chunk; }, [](size_t, size_t) {});
}

}  // namespace weir::resp
