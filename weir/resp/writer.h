// Writer: replies in RESP2 or RESP3, appended to an OutputBuffer.
//
// One call is one value. An aggregate is its header followed by that many values (a map: twice as
// many, keys and values in turn); the writer does not count them. What RESP2 has no type for is
// written as Redis does: maps, sets and pushes as arrays, doubles, verbatim strings and big numbers
// as bulk strings, booleans as 1 and 0.
// Texts of simple strings and errors cannot break the framing: CR and LF in them become spaces.
// When not to use: for requests to another server, unless as an array of bulk strings.
// Ownership: borrows the OutputBuffer. Threads: single-owner.
// Cost: no allocation in steady state, a value above kSharedValueBytes is not copied when it is
// given as Bytes.
// Source: the RESP2 and RESP3 specifications; texts of doubles as Redis 7.2 and later.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/resp/output_buffer.h"

namespace weir::resp {

enum class Protocol { kResp2 = 2, kResp3 = 3 };

class Writer {
 public:
  static constexpr size_t kErrorCodeBytesMax = 16;

  explicit Writer(OutputBuffer& output, Protocol protocol = Protocol::kResp2)
      : output_(output), protocol_(protocol) {}

  Protocol protocol() const { return protocol_; }
  // From the next value on. Requires: no aggregate is half written.
  void SetProtocol(Protocol protocol) { protocol_ = protocol; }

  void SimpleString(std::string_view text);
  // Writes `-code text`, such as Error("ERR", "syntax error").
  void Error(std::string_view code, std::string_view text);
  // The code of the first error written so far, cut to kErrorCodeBytesMax; "" when there is none.
  std::string_view error_code() const { return {error_code_.data(), error_code_size_}; }
  void Integer(int64_t value);

  // Copies `value`.
  void Bulk(std::string_view value);
  // Shares `value` when it is above kSharedValueBytes.
  void Bulk(const Bytes& value) { BulkPart(value, value.view()); }
  // As Bulk, for a part of a value (GETRANGE). Requires: `part` is a view into `value`.
  void BulkPart(const Bytes& value, std::string_view part);

  // Whole values that another Writer of this protocol has written; shared when large.
  void Encoded(const Bytes& values);

  // An absent value, and in RESP2 an absent array (`*-1`), which RESP3 does not tell apart.
  void Null();
  void NullArray();

  void ArrayHeader(uint64_t count);
  void MapHeader(uint64_t pairs);
  void SetHeader(uint64_t count);
  // Out-of-band data. Clients tell it from replies in RESP3 only.
  void PushHeader(uint64_t count);

  // The shortest text that reads back as `value`; inf, -inf, nan.
  void Double(double value);
  // A double as its text, where a `double` cannot hold it. Requires: it is a number, one line.
  void DoubleAs(std::string_view text);
  void Boolean(bool value);
  // `text` with its format, which clients may show as it is: "txt" or "mkd".
  // Requires: format.size() == 3.
  void Verbatim(std::string_view format, std::string_view text);
  // Requires: `digits` is an integer in decimal, of any length.
  void BigNumber(std::string_view digits);

 private:
  void Header(char marker, uint64_t number);
  void Line(char marker, std::string_view first, std::string_view rest);
  void AppendText(std::string_view text);

  OutputBuffer& output_;
  Protocol protocol_;
  uint8_t error_code_size_ = 0;
  std::array<char, kErrorCodeBytesMax> error_code_;  // Written with the first error.
};

}  // namespace weir::resp
