// Reader: turns the bytes of a server's replies into values, RESP2 and RESP3.
//
// For tests, the load generator and forwarding: it builds a tree of owned values, one allocation
// for each string and aggregate. When not to use: to parse a server's input (parser.h).
// Any chunking of the same bytes gives the same values and the same error.
// Memory: grows with bytes received, never by a declared length or count.
// Threads: single-owner. Cost: amortised O(1) a byte.
// Source: the RESP2 and RESP3 specifications. Attributes (`|`) and streamed values (`$?`, `*?`) are
// refused: no server that we talk to sends them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::resp {

struct Value {
  enum class Kind {
    kNull,       // `_`, `$-1`, `*-1`
    kSimple,     // text
    kError,      // text; a bulk error (`!`) too
    kInteger,    // integer
    kBulk,       // text
    kVerbatim,   // text, with its format in front: "txt:..."
    kBigNumber,  // text
    kDouble,     // number
    kBoolean,    // integer: 1 or 0
    kArray,      // items
    kMap,        // items: keys and values in turn
    kSet,        // items
    kPush,       // items
  };

  Kind kind = Kind::kNull;
  int64_t integer = 0;
  double number = 0;
  std::string text{};
  std::vector<Value> items{};

  bool operator==(const Value&) const = default;
};

// Limits of one reply, inclusive.
struct ReaderLimits {
  size_t depth_max = 16;                         // Aggregates in aggregates; a flat one is 1.
  size_t values_max = size_t{1024} * 1024;       // Nodes of the tree.
  size_t bytes_max = size_t{512} * 1024 * 1024;  // Of all bulk texts of a reply.
  size_t line_bytes_max = size_t{64} * 1024;     // Of a line, its CRLF not counted.
};

enum class ReadResult { kValue, kNeedMore, kError };

class Reader {
 public:
  explicit Reader(const ReaderLimits& limits = {}) : limits_(limits) {}

  // Takes bytes off the front of `*input` until a reply is complete (kValue: it is in `*value`, and
  // the rest of `*input` belongs to the next) or `*input` is empty (kNeedMore: call again with the
  // bytes that follow). After kError, which stays, the connection is of no further use.
  ReadResult Next(std::string_view* input, Value* value);

  // What went wrong, empty before kError.
  std::string_view error() const { return error_; }

 private:
  enum class Step { kDone, kNeedMore, kError };

  struct Open {
    Value* aggregate = nullptr;
    size_t left = 0;  // Values still to come.
  };

  Step ReadLine(std::string_view* input);
  Step ReadBody(std::string_view* input);
  Step TakeLine();
  Step TakeScalar(char marker, std::string_view text, Value* value);
  Step StartBody(Value::Kind kind, std::string_view text);
  Step StartAggregate(char marker, std::string_view text);
  Step Place(Value value, size_t items_to_come);
  Step Fail(std::string_view text);

  ReaderLimits limits_;
  std::string error_;

  Value root_;
  bool root_placed_ = false;
  std::vector<Open> open_;  // From the root down; pointers into root_.
  size_t values_ = 0;
  size_t bytes_ = 0;

  std::string line_;      // The unfinished line.
  Value body_;            // The unfinished bulk text.
  size_t body_left_ = 0;  // Bytes of it still to come, CRLF included; 0 = reading a line.
};

}  // namespace weir::resp
