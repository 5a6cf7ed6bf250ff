// Commands on the bits of a value, but for BITFIELD.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "weir/gateway/commands/bits.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/values.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

// Whether positions count bits, from the last word of BITCOUNT and BITPOS. nullopt: neither word.
std::optional<bool> ParseBitUnit(std::string_view word) {
  if (SameWord(word, "bit")) return true;
  if (SameWord(word, "byte")) return false;
  return std::nullopt;
}

// The bits of a value of `bytes` bytes that a range of bits or bytes means.
std::optional<IndexRange> BitRange(int64_t start, int64_t end, size_t bytes, bool in_bits) {
  std::optional<IndexRange> range = ClampRange(start, end, in_bits ? bytes * 8 : bytes);
  if (range.has_value() && !in_bits) range = IndexRange{range->first * 8, range->last * 8 + 7};
  return range;
}

enum class BitOperation : uint8_t { kAnd, kOr, kXor, kNot };

std::optional<BitOperation> ParseBitOperation(std::string_view word) {
  if (SameWord(word, "and")) return BitOperation::kAnd;
  if (SameWord(word, "or")) return BitOperation::kOr;
  if (SameWord(word, "xor")) return BitOperation::kXor;
  if (SameWord(word, "not")) return BitOperation::kNot;
  return std::nullopt;
}

// Combines `source` into `data`; beyond its end `source` is zeros.
void Combine(char* data, size_t size, std::string_view source, BitOperation operation) {
  const size_t common = std::min(size, source.size());
  switch (operation) {
    case BitOperation::kAnd:
      for (size_t i = 0; i < common; ++i) data[i] = static_cast<char>(data[i] & source[i]);
      std::memset(data + common, 0, size - common);
      return;
    case BitOperation::kOr:
      for (size_t i = 0; i < common; ++i) data[i] = static_cast<char>(data[i] | source[i]);
      return;
    case BitOperation::kXor:
      for (size_t i = 0; i < common; ++i) data[i] = static_cast<char>(data[i] ^ source[i]);
      return;
    case BitOperation::kNot:
      for (size_t i = 0; i < size; ++i) data[i] = static_cast<char>(~data[i]);
      return;
  }
}

}  // namespace

void Getbit(const ReadCall& call, resp::Writer& writer) {
  const std::optional<uint64_t> offset = ParseBitOffset(call.args[2], kBitOffsetMax);
  if (!offset.has_value()) {
    WriteError(writer, errors::kBitOffset);
  } else {
    writer.Integer(BitAt(call.found[0].bytes, *offset) ? 1 : 0);
  }
}

void Setbit(WriteBatch& batch, WriteItem& item) {
  const std::optional<uint64_t> offset =
      ParseBitOffset(item.args[2], uint64_t{batch.ValueBytesMax(0)} * 8 - 1);
  if (!offset.has_value()) {
    item.reply = Reply::Failure(std::string(errors::kBitOffset));
    return;
  }
  const std::string_view bit = item.args[3];
  if (bit != "0" && bit != "1") {
    item.reply = Reply::Failure(std::string(errors::kBit));
    return;
  }
  const cache::Value* old = batch.Find(0);
  const std::string_view before = old != nullptr ? old->bytes.view() : std::string_view();
  item.reply = Reply::Integer(BitAt(before, *offset) ? 1 : 0);
  char* data = nullptr;
  Bytes bytes = Extended(before, *offset / 8 + 1, &data);
  SetBitAt(data, *offset, bit == "1");
  batch.Put(0, std::move(bytes), old != nullptr ? old->expires_at : kNever);
}

void Bitcount(const ReadCall& call, resp::Writer& writer) {
  const Args args = call.args;
  const std::string_view value = call.found[0].bytes;
  if (!call.found[0].present) {
    writer.Integer(0);  // As Redis, before it looks at the rest.
    return;
  }
  int64_t start = 0;
  int64_t end = -1;
  std::optional<bool> in_bits = false;
  if (args.size() > 5 || args.size() == 3) {
    WriteError(writer, errors::kSyntax);
    return;
  }
  if (args.size() > 3 && (!ParseInteger(args[2], &start) || !ParseInteger(args[3], &end))) {
    WriteError(writer, errors::kNotInteger);
    return;
  }
  if (args.size() == 5) in_bits = ParseBitUnit(args[4]);
  if (!in_bits.has_value()) {
    WriteError(writer, errors::kSyntax);
    return;
  }
  const std::optional<IndexRange> range =
      IsReversedFromEnd(start, end) ? std::nullopt : BitRange(start, end, value.size(), *in_bits);
  writer.Integer(
      range.has_value() ? static_cast<int64_t>(CountBits(value, range->first, range->last)) : 0);
}

void Bitpos(const ReadCall& call, resp::Writer& writer) {
  const Args args = call.args;
  int64_t bit = 0;
  if (!ParseInteger(args[2], &bit)) {
    WriteError(writer, errors::kNotInteger);
    return;
  }
  if (bit != 0 && bit != 1) {
    WriteError(writer, errors::kBitArgument);
    return;
  }
  if (!call.found[0].present) {
    writer.Integer(bit == 1 ? -1 : 0);
    return;
  }
  int64_t start = 0;
  int64_t end = -1;
  std::optional<bool> in_bits = false;
  if (args.size() > 6) {
    WriteError(writer, errors::kSyntax);
    return;
  }
  if (args.size() > 3 && !ParseInteger(args[3], &start)) {
    WriteError(writer, errors::kNotInteger);
    return;
  }
  if (args.size() == 6) in_bits = ParseBitUnit(args[5]);
  if (!in_bits.has_value()) {
    WriteError(writer, errors::kSyntax);
    return;
  }
  if (args.size() > 4 && !ParseInteger(args[4], &end)) {
    WriteError(writer, errors::kNotInteger);
    return;
  }
  const std::string_view value = call.found[0].bytes;
  const std::optional<IndexRange> range = BitRange(start, end, value.size(), *in_bits);
  std::optional<uint64_t> found;
  if (range.has_value()) found = FindBit(value, bit == 1, range->first, range->last);
  if (found.has_value()) {
    writer.Integer(static_cast<int64_t>(*found));
  } else {
    // Without an end, the value counts as followed by zeros.
    const bool beyond = range.has_value() && bit == 0 && args.size() <= 4;
    writer.Integer(beyond ? static_cast<int64_t>(range->last + 1) : -1);
  }
}

void Bitop(WriteBatch& batch, WriteItem& item) {
  const Args args = item.args.views();
  const std::optional<BitOperation> operation = ParseBitOperation(args[1]);
  if (!operation.has_value()) {
    item.reply = Reply::Failure(std::string(errors::kSyntax));
    return;
  }
  if (*operation == BitOperation::kNot && args.size() != 4) {
    item.reply = Reply::Failure(std::string(errors::kBitopNot));
    return;
  }
  // Key 0 is the destination.
  const size_t keys = item.command->KeyCount(args);
  const auto source = [&](size_t key) {
    const cache::Value* value = batch.Find(key);
    return value != nullptr ? value->bytes.view() : std::string_view();
  };
  size_t size = 0;
  for (size_t key = 1; key < keys; ++key) size = std::max(size, source(key).size());
  item.reply = Reply::Integer(static_cast<int64_t>(size));
  if (size == 0) {
    batch.Erase(0);
    return;
  }
  if (size > batch.ValueBytesMax(0)) {
    item.reply = Reply::Failure(std::string(errors::kTooLong));
    return;
  }
  char* data = nullptr;
  Bytes bytes = Extended(source(1), size, &data);
  if (*operation == BitOperation::kNot) Combine(data, size, {}, *operation);
  for (size_t key = 2; key < keys; ++key) Combine(data, size, source(key), *operation);
  batch.Put(0, std::move(bytes), kNever);
}

}  // namespace weir::gateway::commands
