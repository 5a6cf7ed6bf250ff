#include "weir/resp/parser.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "weir/resp/inline_split.h"

namespace weir::resp {
namespace {

// Strict: no sign but '-', no blanks, no leading zeros, no "-0"; nullopt too outside int64.
std::optional<int64_t> ParseInteger(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.starts_with('0') && text != "0") return std::nullopt;
  int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsCrlf(const char* at) {
  return at[0] == '\r' && at[1] == '\n';
}

// Reads a header line of the marker, one to nine digits without leading zero, and CRLF, which is
// what clients send. Returns its end, or nullptr when it is anything else or not all there.
const char* PlainHeader(const char* at, const char* end, char marker, int64_t* value) {
  constexpr std::ptrdiff_t kDigitsMax = 9;
  if (end - at < 4 || at[0] != marker) return nullptr;
  const char* const digits = at + 1;
  if (digits[0] == '0' && digits[1] != '\r') return nullptr;
  const char* const digits_end = digits + std::min(kDigitsMax, end - digits - 2);
  int64_t number = 0;
  for (at = digits; at < digits_end && *at >= '0' && *at <= '9'; ++at) {
    number = number * 10 + (*at - '0');
  }
  if (at == digits || !IsCrlf(at)) return nullptr;
  *value = number;
  return at + 2;
}

// `lower` is in lower case.
bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// A page in a victim's browser can send HTTP to us, and what its body holds would be taken for
// inline commands. Each such request shows itself in its first lines.
bool IsHttp(std::span<const std::string_view> args) {
  return EqualsIgnoringCase(args[0], "post") || EqualsIgnoringCase(args[0], "host:") ||
         (args.size() == 3 && args[2].starts_with("HTTP/") && EqualsIgnoringCase(args[0], "get"));
}

// The record type and major version that every TLS connection begins with; no inline command does.
bool IsTlsHello(std::string_view input) {
  return input.starts_with("\x16\x03");
}

template <typename T>
void ClearKeeping(std::vector<T>& items, size_t retained) {
  items.clear();
  if (items.capacity() > retained) std::vector<T>().swap(items);
}

}  // namespace

Bytes Command::ArgBytes(size_t index) const {
  assert(index < args_.size());
  const auto found = std::lower_bound(
      big_.begin(), big_.end(), index,
      [](const BigArgument& argument, size_t wanted) { return argument.index < wanted; });
  if (found != big_.end() && found->index == index) return found->value;
  return Bytes::Copy(args_[index]);
}

void Command::DropFront(size_t count) {
  assert(count < args_.size());
  args_.erase(args_.begin(), args_.begin() + static_cast<ptrdiff_t>(count));
  for (BigArgument& argument : big_) {
    assert(argument.index >= count);
    argument.index -= count;
  }
}

void Command::Clear() {
  ClearKeeping(args_, kArgumentsRetained);
  if (!big_.empty()) ClearKeeping(big_, kArgumentsRetained);
}

size_t Command::held_bytes() const {
  size_t held = args_.capacity() * sizeof(args_[0]) + big_.capacity() * sizeof(big_[0]);
  for (const BigArgument& argument : big_) held += argument.value.size();
  return held;
}

const Parser::Header Parser::kCount = {'*', "Protocol error: too big mbulk count string",
                                       "Protocol error: invalid multibulk length"};
const Parser::Header Parser::kLength = {'$', "Protocol error: too big bulk count string",
                                        "Protocol error: invalid bulk length"};

ParseResult Parser::Next(InputBuffer& input, Command* command) {
  command->Clear();
  if (!error_.empty()) return ParseResult::kError;
  while (!input.empty()) {
    Step step = Step::kDone;
    if (args_left_ > 0) {
      step = ReadArguments(input);
      if (step == Step::kDone) Finish(input, command);
    } else if (*input.start() == '*') {
      step = ReadCount(input);
    } else if (IsTlsHello({input.start(), input.size()})) {
      step = Fail("Protocol error: this port does not speak TLS; use the one of tls_listen");
    } else {
      step = ReadInline(input, command);
    }
    if (step == Step::kNeedMore) return ParseResult::kNeedMore;
    if (step == Step::kError) return ParseResult::kError;
    if (!command->args_.empty()) {
      return IsHttp(command->args_) ? ParseResult::kHttp : ParseResult::kCommand;
    }
  }
  return ParseResult::kNeedMore;
}

// Leaves `command` without arguments when the line is blank.
Parser::Step Parser::ReadInline(InputBuffer& input, Command* command) {
  char* const line = input.start();
  const size_t scan = std::min(input.size(), limits_.inline_bytes_max + 1);
  const void* const found =
      scanned_ < scan ? std::memchr(line + scanned_, '\n', scan - scanned_) : nullptr;
  if (found == nullptr) {
    if (input.size() > limits_.inline_bytes_max) {
      return Fail("Protocol error: too big inline request");
    }
    scanned_ = scan;
    return Step::kNeedMore;
  }
  scanned_ = 0;
  const size_t size = static_cast<size_t>(static_cast<const char*>(found) - line);
  if (!SplitInline({line, size}, &command->args_)) {
    command->args_.clear();
    return Fail("Protocol error: unbalanced quotes in request");
  }
  input.Consume(size + 1);
  return Step::kDone;
}

// Leaves args_left_ at 0 when the command is empty.
Parser::Step Parser::ReadCount(InputBuffer& input) {
  int64_t count = 0;
  const Step step = ReadHeader(input, kCount, &count);
  if (step != Step::kDone) return step;
  if (count <= 0) {
    input.Consume(std::exchange(position_, 0));
    return Step::kDone;
  }
  if (static_cast<uint64_t>(count) > limits_.args_max) {
    const bool auth_would_help = limits_.before_auth && count <= INT32_MAX;
    return Fail(auth_would_help ? "Protocol error: unauthenticated multibulk length"
                                : kCount.invalid);
  }
  args_left_ = static_cast<size_t>(count);
  return Step::kDone;
}

Parser::Step Parser::ReadArguments(InputBuffer& input) {
  if (expect_ == Expect::kLength && scanned_ == 0) TakePlainArguments(input);
  while (args_left_ > 0) {
    if (expect_ == Expect::kLength) {
      const Step step = ReadLength(input);
      if (step != Step::kDone) return step;
    }
    const Step step = expect_ == Expect::kBigEnd        ? ReadBigEnd(input)
                      : bulk_size_ <= kBigArgumentBytes ? ReadBody(input)
                                                        : ReadBigBody(input);
    if (step != Step::kDone) return step;
  }
  return Step::kDone;
}

// A shortcut over the first arguments that are all there, small and in order; whatever it leaves,
// the steps below read and judge.
void Parser::TakePlainArguments(const InputBuffer& input) {
  const char* const start = input.start();
  const char* const end = start + input.size();
  const size_t size_max = std::min(kBigArgumentBytes, limits_.bulk_bytes_max);
  if (input.size() + big_bytes_ > limits_.command_bytes_max) return;
  const char* at = start + position_;
  for (; args_left_ > 0; --args_left_) {
    int64_t length = 0;
    const char* const body = PlainHeader(at, end, kLength.marker, &length);
    if (body == nullptr) break;
    const size_t size = static_cast<size_t>(length);
    if (size > size_max || static_cast<size_t>(end - body) < size + 2 || !IsCrlf(body + size))
      break;
    pieces_.push_back({static_cast<size_t>(body - start), size});
    at = body + size + 2;
  }
  position_ = static_cast<size_t>(at - start);
}

Parser::Step Parser::ReadLength(InputBuffer& input) {
  int64_t length = 0;
  const Step step = ReadHeader(input, kLength, &length);
  if (step != Step::kDone) return step;
  if (length < 0 || static_cast<uint64_t>(length) > kBulkBytesCeiling) return Fail(kLength.invalid);
  bulk_size_ = static_cast<size_t>(length);
  if (bulk_size_ > limits_.bulk_bytes_max) {
    return Fail(limits_.before_auth ? "Protocol error: unauthenticated bulk length"
                                    : kLength.invalid);
  }
  if (position_ + big_bytes_ + bulk_size_ > limits_.command_bytes_max) {
    return Fail("Protocol error: too big request");
  }
  expect_ = Expect::kBody;
  return Step::kDone;
}

Parser::Step Parser::ReadBody(InputBuffer& input) {
  if (input.size() - position_ < bulk_size_ + 2) return Step::kNeedMore;
  if (!IsCrlf(input.start() + position_ + bulk_size_)) {
    return Fail("Protocol error: expected CRLF after bulk");
  }
  pieces_.push_back({position_, bulk_size_});
  position_ += bulk_size_ + 2;
  expect_ = Expect::kLength;
  --args_left_;
  return Step::kDone;
}

Parser::Step Parser::ReadBigBody(InputBuffer& input) {
  Bytes body;
  if (input.receiving_big()) {
    if (!input.big_complete()) return Step::kNeedMore;
    body = input.TakeBig();
  } else {
    const size_t arrived = input.size() - position_;
    if (arrived < bulk_size_) {
      if (arrived >= kBigArgumentStartBytes) input.StartBig(position_, bulk_size_);
      return Step::kNeedMore;
    }
    body = Bytes::Copy({input.start() + position_, bulk_size_});
    position_ += bulk_size_;
  }
  big_bytes_ += bulk_size_;
  big_.push_back({pieces_.size(), std::move(body)});
  pieces_.push_back({big_.size() - 1, bulk_size_});
  expect_ = Expect::kBigEnd;
  return Step::kDone;
}

Parser::Step Parser::ReadBigEnd(InputBuffer& input) {
  if (input.size() - position_ < 2) return Step::kNeedMore;
  if (!IsCrlf(input.start() + position_)) return Fail("Protocol error: expected CRLF after bulk");
  position_ += 2;
  expect_ = Expect::kLength;
  --args_left_;
  return Step::kDone;
}

Parser::Step Parser::ReadHeader(InputBuffer& input, const Header& header, int64_t* value) {
  const char* const line = input.start() + position_;
  const char* const next = PlainHeader(line, input.start() + input.size(), header.marker, value);
  if (next == nullptr) return ReadOddHeader(input, header, value);
  position_ += static_cast<size_t>(next - line);
  scanned_ = 0;
  return Step::kDone;
}

Parser::Step Parser::ReadOddHeader(InputBuffer& input, const Header& header, int64_t* value) {
  const char* const line = input.start() + position_;
  const size_t size = input.size() - position_;
  const size_t scan = std::min(size, limits_.inline_bytes_max + 1);
  const void* const found =
      scanned_ < scan ? std::memchr(line + scanned_, '\r', scan - scanned_) : nullptr;
  if (found == nullptr) {
    if (size > limits_.inline_bytes_max) return Fail(header.too_big);
    scanned_ = scan;
    return Step::kNeedMore;
  }
  const size_t end = static_cast<size_t>(static_cast<const char*>(found) - line);
  scanned_ = end;
  if (end + 1 == size) return Step::kNeedMore;
  if (line[0] != header.marker) {
    const char got = line[0] == '\r' || line[0] == '\n' ? ' ' : line[0];
    return Fail(std::string("Protocol error: expected '$', got '") + got + "'");
  }
  const std::optional<int64_t> number = ParseInteger({line + 1, end - 1});
  if (!number || !IsCrlf(line + end)) return Fail(header.invalid);
  *value = *number;
  position_ += end + 2;
  scanned_ = 0;
  return Step::kDone;
}

void Parser::Finish(InputBuffer& input, Command* command) {
  assert(expect_ == Expect::kLength);
  if (!big_.empty()) std::swap(command->big_, big_);
  const char* const start = input.start();
  command->args_.reserve(pieces_.size());
  for (const Piece& piece : pieces_) {
    command->args_.push_back(piece.size <= kBigArgumentBytes
                                 ? std::string_view(start + piece.offset, piece.size)
                                 : command->big_[piece.offset].value.view());
  }
  ClearKeeping(pieces_, kArgumentsRetained);
  input.Consume(std::exchange(position_, 0));
  big_bytes_ = 0;
}

Parser::Step Parser::Fail(std::string text) {
  error_ = std::move(text);
  return Step::kError;
}

}  // namespace weir::resp
