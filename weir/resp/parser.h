// Parser: turns the bytes of one client connection into commands, RESP multibulk and inline.
//
// It has no socket and no clock: bytes come from an InputBuffer, commands go out one at a time.
// Any chunking of the same bytes gives the same commands and the same error. A command that
// arrives in many pieces costs O(bytes) in all; nothing is scanned twice, nothing is allocated for
// a length that was only declared.
// When not to use: for replies (reader.h).
// Threads: single-owner, with its InputBuffer.
// Source: the Redis serialization protocol specification; limits, texts and the splitting of inline
// commands as redis-server 7.0. Differs: a missing CRLF is an error (Redis skips two bytes of any
// value); a line above its limit is an error also when its end is already there; a NUL in an
// inline command is a byte like others (Redis waits for ever).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/resp/input_buffer.h"

namespace weir::resp {

// Limits of one command. Each is inclusive: a command at the limit passes.
struct Limits {
  // Arguments, the command's name included.
  size_t args_max = size_t{1024} * 1024;
  // Bytes of one bulk argument. At most kBulkBytesCeiling has effect.
  size_t bulk_bytes_max = size_t{512} * 1024 * 1024;
  // Bytes of an inline command, and of a header line, without its LF.
  size_t inline_bytes_max = size_t{64} * 1024;
  // Bytes of one multibulk command, framing included, up to the end of its last argument.
  size_t command_bytes_max = size_t{1024} * 1024 * 1024;
  // Whether errors name the missing authentication as their cause.
  bool before_auth = false;
};

// What Redis allows a connection that has not authenticated yet.
inline constexpr Limits kLimitsBeforeAuth{.args_max = 10,
                                          .bulk_bytes_max = size_t{16} * 1024,
                                          .command_bytes_max = size_t{1024} * 1024,
                                          .before_auth = true};

// A bulk length above this is invalid whatever the limits (Redis: proto-max-bulk-len).
inline constexpr size_t kBulkBytesCeiling = size_t{512} * 1024 * 1024;

// Room for so many arguments is kept from command to command; more is given back.
inline constexpr size_t kArgumentsRetained = 1024;

enum class ParseResult {
  kCommand,   // A command with at least one argument.
  kNeedMore,  // Nothing complete is left; receive more.
  kError,     // Send `-ERR ` and error(), then close. Stays so.
  kHttp,      // A browser or an HTTP client is being abused against us: close without a word.
};

// One command. Reuse the object: in steady state it allocates nothing.
class Command {
 public:
  // Views into the InputBuffer, valid until its next Writable() or ReleaseIdle(); so the commands
  // of a whole burst may be kept and executed together. Views of big arguments are valid while this
  // Command keeps its content.
  std::span<const std::string_view> args() const { return args_; }

  // Returns argument `index` as Bytes: shared when it came above kBigArgumentBytes, else a copy.
  // Requires: index < args().size().
  Bytes ArgBytes(size_t index) const;

  // Takes the first `count` arguments away, which the others were sent behind. Requires: there are
  // more, and none of these is big.
  void DropFront(size_t count);

  // Empties the command; keeps room for kArgumentsRetained arguments.
  void Clear();

  // Bytes allocated now, big arguments included.
  size_t held_bytes() const;

  // Whether it holds big arguments, which live until Clear.
  bool holds_big() const { return !big_.empty(); }

 private:
  friend class Parser;

  struct BigArgument {
    size_t index = 0;
    Bytes value;
  };

  std::vector<std::string_view> args_;
  std::vector<BigArgument> big_;  // By rising index.
};

class Parser {
 public:
  explicit Parser(const Limits& limits = {}) : limits_(limits) {}

  // Takes the next command out of `input` into `*command`, whose former content is dropped.
  // Empty commands (`*0`, `*-1`, blank lines) are skipped. Requires: the same `input` every time.
  // Cost: amortised O(1) a byte, no allocation in steady state.
  ParseResult Next(InputBuffer& input, Command* command);

  // What went wrong, such as "Protocol error: invalid bulk length", empty before kError.
  std::string_view error() const { return error_; }

  // Takes effect from the next header on: set after a successful AUTH, it already covers the next
  // command of the same burst.
  void SetLimits(const Limits& limits) { limits_ = limits; }

  // Bytes allocated now for an unfinished command, outside the InputBuffer.
  size_t held_bytes() const { return buffer_bytes() + big_bytes_; }
  // Of these, all but the big arguments, which are Bytes.
  size_t buffer_bytes() const {
    return pieces_.capacity() * sizeof(Piece) + big_.capacity() * sizeof(big_[0]);
  }

 private:
  enum class Step { kDone, kNeedMore, kError };
  enum class Expect { kLength, kBody, kBigEnd };

  // An argument of the unfinished command: where it stands, or, when size > kBigArgumentBytes,
  // which of big_ it is.
  struct Piece {
    size_t offset = 0;  // From the command's first byte.
    size_t size = 0;
  };

  // How the header lines of counts and of lengths differ.
  struct Header {
    char marker;
    const char* too_big;
    const char* invalid;
  };
  static const Header kCount;
  static const Header kLength;

  Step ReadInline(InputBuffer& input, Command* command);
  Step ReadCount(InputBuffer& input);
  Step ReadArguments(InputBuffer& input);
  void TakePlainArguments(const InputBuffer& input);
  Step ReadLength(InputBuffer& input);
  Step ReadBody(InputBuffer& input);
  Step ReadBigBody(InputBuffer& input);
  Step ReadBigEnd(InputBuffer& input);
  Step ReadHeader(InputBuffer& input, const Header& header, int64_t* value);
  Step ReadOddHeader(InputBuffer& input, const Header& header, int64_t* value);
  void Finish(InputBuffer& input, Command* command);
  Step Fail(std::string text);

  Limits limits_;
  std::string error_;

  // The unfinished multibulk command. All zero between commands.
  size_t args_left_ = 0;
  size_t position_ = 0;  // Parsed so far, from the command's first byte.
  size_t scanned_ = 0;   // Bytes of the line at position_ known not to hold its end.
  size_t bulk_size_ = 0;
  size_t big_bytes_ = 0;  // Bytes of this command that stand outside the InputBuffer.
  Expect expect_ = Expect::kLength;
  std::vector<Piece> pieces_;
  std::vector<Command::BigArgument> big_;
};

}  // namespace weir::resp
