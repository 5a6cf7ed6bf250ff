// What commands on values share: ranges and offsets in a value, and values made longer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/result.h"
#include "weir/gateway/command.h"

namespace weir::gateway::commands {

// Writes the value, or null where there is none.
void WriteFound(const Found& found, resp::Writer& writer);

// Indexes [first, last], both included.
struct IndexRange {
  size_t first = 0;
  size_t last = 0;
};

// Returns what `start` and `end` of GETRANGE, BITCOUNT or BITPOS mean in a value of `size` units
// (bytes or bits): both included, counted from the end when negative. nullopt: nothing.
std::optional<IndexRange> ClampRange(int64_t start, int64_t end, size_t size);

// Whether both are counted from the end and in the wrong order, which is nothing to GETRANGE and
// BITCOUNT, however short the value; BITPOS moves both to the start first.
inline bool IsReversedFromEnd(int64_t start, int64_t end) {
  return start < 0 && end < 0 && start > end;
}

// Returns a copy of `value`, filled up with zero bytes to `size` if it is shorter, whose bytes may
// be changed through `data` until it is shared.
Bytes Extended(std::string_view value, size_t size, char** data);

// The last bit of the longest value of Redis, 512 MB: reads beyond a value are zeros up to here.
inline constexpr uint64_t kBitOffsetMax = (uint64_t{512} << 20) * 8 - 1;

// Reads a bit offset. Returns nullopt when it is no number from 0 to `max`.
std::optional<uint64_t> ParseBitOffset(std::string_view text, uint64_t max);

// Reads a 32-bit integer. Errors: kInvalid, with the whole reply as message.
Result<int32_t> ParseInt32(std::string_view text);

}  // namespace weir::gateway::commands
