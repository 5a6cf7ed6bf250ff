// The serialized form of a string value: what DUMP returns and RESTORE takes.
//
//   type (1)  value, as in an RDB file  version of RDB (2)  CRC-64 of all before (8)
//
// The value is a length and the bytes; or a small number, in up to five bytes; or, of other servers
// only, a piece that LZF has compressed.
// Threads: pure functions. Cost: O(the value).
// Source: rdb.c and lzf_d.c of redis-server 7.0. Differs: nothing is compressed here, and a payload
// of a later version is taken, for a string is written alike in all of them.
#pragma once

#include <string>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/result.h"

namespace weir::gateway::commands {

// Returns the serialized form of `value`.
std::string Serialized(std::string_view value);

// Whether `payload` ends with its own checksum.
bool IsWhole(std::string_view payload);

// Returns the value of a payload. Requires: IsWhole(payload).
// Errors: kInvalid when it is no string, or damaged in spite of its checksum; kOverloaded when it
// is longer than `bytes_max`. Memory: of the value, and no more than 88 times the payload.
Result<Bytes> Deserialized(std::string_view payload, size_t bytes_max);

}  // namespace weir::gateway::commands
