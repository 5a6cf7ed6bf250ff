// BITFIELD and BITFIELD_RO: integers of any width anywhere in a value.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "weir/gateway/commands/bits.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/values.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

enum class Action : uint8_t { kGet, kSet, kIncrement };
enum class Overflow : uint8_t { kWrap, kSaturate, kFail };

struct FieldStep {
  Action action = Action::kGet;
  Overflow overflow = Overflow::kWrap;
  BitField field;
  int64_t number = 0;  // To set or to add.

  bool writes() const { return action != Action::kGet; }
  uint64_t last_bit() const { return field.offset + field.bits - 1; }
};

std::optional<Overflow> ParseOverflow(std::string_view word) {
  if (SameWord(word, "wrap")) return Overflow::kWrap;
  if (SameWord(word, "sat")) return Overflow::kSaturate;
  if (SameWord(word, "fail")) return Overflow::kFail;
  return std::nullopt;
}

std::optional<Action> ParseAction(std::string_view word) {
  if (SameWord(word, "get")) return Action::kGet;
  if (SameWord(word, "set")) return Action::kSet;
  if (SameWord(word, "incrby")) return Action::kIncrement;
  return std::nullopt;
}

// Reads a type such as i16 or u8.
bool ParseType(std::string_view text, BitField* field) {
  if (text.empty() || (text[0] != 'i' && text[0] != 'u')) return false;
  field->is_signed = text[0] == 'i';
  int64_t bits = 0;
  if (!ParseInteger(text.substr(1), &bits)) return false;
  if (bits < 1 || bits > (field->is_signed ? 64 : 63)) return false;
  field->bits = static_cast<uint32_t>(bits);
  return true;
}

// Reads an offset in bits, or with # in front in fields of this width.
bool ParseFieldOffset(std::string_view text, BitField* field) {
  const bool in_fields = !text.empty() && text[0] == '#';
  const uint64_t unit = in_fields ? field->bits : 1;
  const std::optional<uint64_t> offset =
      ParseBitOffset(in_fields ? text.substr(1) : text, kBitOffsetMax / unit);
  if (!offset.has_value()) return false;
  field->offset = *offset * unit;
  return true;
}

// Errors: the whole reply as message.
Result<std::vector<FieldStep>> ParseSteps(Args args) {
  const auto failure = [](std::string_view text) {
    return Error{ErrorCode::kInvalid, std::string(text)};
  };
  std::vector<FieldStep> steps;
  Overflow overflow = Overflow::kWrap;
  for (size_t i = 2; i < args.size();) {
    const size_t left = args.size() - i - 1;
    if (SameWord(args[i], "overflow") && left >= 1) {
      const std::optional<Overflow> parsed = ParseOverflow(args[i + 1]);
      if (!parsed.has_value()) return failure(errors::kOverflowType);
      overflow = *parsed;
      i += 2;
      continue;
    }
    const std::optional<Action> action = ParseAction(args[i]);
    const size_t needed = action == Action::kGet ? 2 : 3;
    if (!action.has_value() || left < needed) return failure(errors::kSyntax);
    FieldStep step;
    step.action = *action;
    step.overflow = overflow;
    if (!ParseType(args[i + 1], &step.field)) return failure(errors::kBitfieldType);
    if (!ParseFieldOffset(args[i + 2], &step.field)) return failure(errors::kBitOffset);
    if (step.writes() && !ParseInteger(args[i + 3], &step.number)) {
      return failure(errors::kNotInteger);
    }
    steps.push_back(step);
    i += 1 + needed;
  }
  return steps;
}

// Wide enough for the sum of any two 64-bit numbers.
__extension__ using Wide = __int128;

// What the field holds after a step on `old`; nullopt when that overflows and must not.
std::optional<int64_t> Next(const FieldStep& step, int64_t old) {
  const BitField& field = step.field;
  const Wide span = Wide{1} << field.bits;
  const Wide min = field.is_signed ? -(span / 2) : 0;
  const Wide max = field.is_signed ? span / 2 - 1 : span - 1;
  Wide exact = Wide{old} + step.number;
  if (step.action == Action::kSet) {
    exact = field.is_signed ? Wide{step.number} : Wide{static_cast<uint64_t>(step.number)};
  }
  if (exact >= min && exact <= max) return static_cast<int64_t>(exact);
  switch (step.overflow) {
    case Overflow::kFail:
      return std::nullopt;
    case Overflow::kSaturate:
      return static_cast<int64_t>(exact > max ? max : min);
    case Overflow::kWrap:
      break;
  }
  const Wide wrapped = ((exact % span) + span) % span;
  return static_cast<int64_t>(wrapped > max ? wrapped - span : wrapped);
}

}  // namespace

void BitfieldRo(const ReadCall& call, resp::Writer& writer) {
  const Result<std::vector<FieldStep>> steps = ParseSteps(call.args);
  if (!steps.ok()) {
    WriteError(writer, steps.error().message);
    return;
  }
  for (const FieldStep& step : steps.value()) {
    if (!step.writes()) continue;
    WriteError(writer, errors::kBitfieldReadOnly);
    return;
  }
  writer.ArrayHeader(steps.value().size());
  for (const FieldStep& step : steps.value()) {
    writer.Integer(ReadField(call.found[0].bytes, step.field));
  }
}

uint16_t BitfieldUse(Args args) {
  const bool writes = std::any_of(args.begin() + 2, args.end(), [](std::string_view word) {
    return SameWord(word, "set") || SameWord(word, "incrby");
  });
  return writes ? kKeyRw | kKeyAccess | kKeyUpdate : kKeyRo | kKeyAccess;
}

void Bitfield(WriteBatch& batch, WriteItem& item) {
  const Result<std::vector<FieldStep>> steps = ParseSteps(item.args.views());
  if (!steps.ok()) {
    item.reply = Reply::Failure(steps.error().message);
    return;
  }
  size_t size = 0;  // Of the value up to the last bit that is written.
  for (const FieldStep& step : steps.value()) {
    if (step.writes()) size = std::max<size_t>(size, step.last_bit() / 8 + 1);
  }
  if (size > batch.ValueBytesMax(0)) {
    item.reply = Reply::Failure(std::string(errors::kBitOffset));
    return;
  }
  const cache::Value* old = batch.Find(0);
  const std::string_view before = old != nullptr ? old->bytes.view() : std::string_view();
  char* data = nullptr;
  Bytes bytes = size == 0 ? Bytes() : Extended(before, size, &data);
  std::vector<Reply> replies;
  for (const FieldStep& step : steps.value()) {
    const int64_t number = ReadField(size == 0 ? before : bytes.view(), step.field);
    if (!step.writes()) {
      replies.push_back(Reply::Integer(number));
      continue;
    }
    const std::optional<int64_t> next = Next(step, number);
    if (next.has_value()) WriteField(data, step.field, *next);
    const int64_t shown = step.action == Action::kSet ? number : next.value_or(0);
    replies.push_back(next.has_value() ? Reply::Integer(shown) : Reply::Null());
  }
  item.reply = Reply::Array(std::move(replies));
  // Even when every step failed, the value is as long as they needed, as in Redis.
  if (size > 0) batch.Put(0, std::move(bytes), old != nullptr ? old->expires_at : kNever);
}

}  // namespace weir::gateway::commands
