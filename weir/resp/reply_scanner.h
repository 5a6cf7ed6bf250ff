// ReplyScanner: finds where replies end and which are errors, without building them.
//
// For who passes replies on as they are, and for a load generator, which must do less for a reply
// than the server did: a tree of values (Reader) costs more. When not to use: to know what a reply
// says (reader.h). Memory: keeps no bytes, so it bounds none: who collects the bytes of a reply
// does. Any chunking of the same bytes gives the same replies. Threads: single-owner. Cost: a
// branch or two a line; bulk texts are skipped. No allocation. Source: the RESP2 and RESP3
// specifications, without streamed values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::resp {

class ReplyScanner {
 public:
  static constexpr size_t kCodeBytesMax = 16;
  static constexpr size_t kDepthMax = 16;

  enum class Result {
    kReply,     // One is complete.
    kError,     // One is complete, and an error; its first word is error_code().
    kNeedMore,  // All input is taken.
    kBroken,    // This is not RESP. It stays so.
  };

  // Takes bytes off the front of `*input` until a reply is complete.
  Result Next(std::string_view* input);

  // The code of the last error: "ERR", "OVERLOADED"; valid until the next call.
  std::string_view error_code() const { return {code_.data(), code_size_}; }

 private:
  // Returns whether the line is one that RESP allows.
  bool TakeLine();
  bool OpenAggregate(uint64_t items);
  void ValueEnds();
  void TakeOfLine(std::string_view text);

  bool broken_ = false;
  bool complete_ = false;
  uint64_t skip_ = 0;  // Bytes of a bulk text that are left, its CRLF included.

  // The line that is under way: its marker, the number behind it, and of an error its first word.
  char marker_ = 0;
  bool minus_ = false;
  bool ends_ = false;  // CR has come.
  bool odd_ = false;   // Something but digits.
  uint64_t number_ = 0;
  size_t line_bytes_ = 0;
  bool code_ended_ = false;
  std::array<char, kCodeBytesMax> code_{};
  size_t code_size_ = 0;

  std::array<uint64_t, kDepthMax> left_{};  // Values still to come, of each open aggregate.
  size_t depth_ = 0;
};

}  // namespace weir::resp
