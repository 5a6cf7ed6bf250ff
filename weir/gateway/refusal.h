// Refusal: the form of every reply to a request that is refused for want of room, though nothing
// is wrong with it and nothing was done. As in THROTTLED, fields for programs come first; after
// them, behind a colon, a sentence for people:
//
//   OVERLOADED retry_after_ms=1000 reason=memory : the memory for large values is taken; ...
//   OVERLOADED retry_after_ms=15 shard=3 reason=concurrency : the database has ...
//
// Clients parse it: a field is never renamed or moved, and what is added stands before `reason`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::gateway {

struct Refusal {
  // Trying again will not help: it would take more than there ever is.
  static constexpr std::chrono::milliseconds kNever{-1};
  // How long readers wait for room before they are refused, so that so much may change.
  static constexpr std::chrono::milliseconds kUntilMemory{1000};
  // For a queue whose length says nothing of the time it takes.
  static constexpr std::chrono::milliseconds kUntilQueue{100};

  std::string_view reason;  // One word: `memory`, `queue`, `limit`, ...
  std::chrono::milliseconds retry_after{};
  std::string_view words;              // A sentence without an end.
  std::optional<uint32_t> shard = {};  // Whose database refuses, where it is one.
};

// Returns the whole reply, from OVERLOADED on.
std::string Overloaded(const Refusal& refusal);

// Returns it as an error of kOverloaded, from which ErrorReply makes the reply.
Error OverloadError(const Refusal& refusal);

}  // namespace weir::gateway
