// Reply: an answer as a value, for commands whose answer is made on another thread than the one
// that writes to the connection. Reads answer straight into a resp::Writer instead.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/result.h"
#include "weir/resp/output_buffer.h"
#include "weir/resp/writer.h"

namespace weir::gateway {

struct Reply {
  enum class Kind : uint8_t {
    kStatus,
    kInteger,
    kNull,
    kBulk,
    kDouble,
    kError,
    kArray,
    kNullArray,
    kEncoded
  };

  static Reply Status(std::string text) { return {Kind::kStatus, 0, {}, std::move(text), {}}; }
  static Reply Ok() { return Status("OK"); }
  static Reply Integer(int64_t value) { return {Kind::kInteger, value, {}, {}, {}}; }
  static Reply Null() { return {}; }
  static Reply NullArray() { return {Kind::kNullArray, 0, {}, {}, {}}; }
  static Reply Bulk(Bytes bytes) { return {Kind::kBulk, 0, std::move(bytes), {}, {}}; }
  // `text` is how the number is shown.
  static Reply Double(std::string text) { return {Kind::kDouble, 0, {}, std::move(text), {}}; }
  // `text` starts with its prefix, as in "ERR syntax error".
  static Reply Failure(std::string text) { return {Kind::kError, 0, {}, std::move(text), {}}; }
  static Reply Array(std::vector<Reply> items) {
    return {Kind::kArray, 0, {}, {}, std::move(items)};
  }

  // One or more whole values as they go over the wire, for what is large or made elsewhere.
  static Reply Encoded(Bytes bytes) { return {Kind::kEncoded, 0, std::move(bytes), {}, {}}; }
  // An array of `count` values, of which each piece holds some.
  static Reply EncodedArray(uint64_t count, std::vector<Reply> pieces) {
    return {Kind::kEncoded, static_cast<int64_t>(count), {}, {}, std::move(pieces)};
  }

  void WriteTo(resp::Writer& writer) const;

  Kind kind = Kind::kNull;
  int64_t integer = 0;  // Of an encoded array: the number of values.
  Bytes bulk;
  std::string text;
  std::vector<Reply> items;
};

// Returns all that is pending in one piece, and empties the buffer.
Bytes TakeAll(resp::OutputBuffer& output);

// Returns what `write` writes, as an encoded reply. When it is an error, it is returned as one, so
// that it is counted.
Reply EncodedBy(resp::Protocol protocol, const std::function<void(resp::Writer&)>& write);

// Writes `text`, which starts with its prefix, as an error.
void WriteError(resp::Writer& writer, std::string_view text);

// The reply that tells a client of `error`: `UNKNOWN ...`, `OVERLOADED ...` or `ERR ...`.
Reply ErrorReply(const Error& error);

}  // namespace weir::gateway
