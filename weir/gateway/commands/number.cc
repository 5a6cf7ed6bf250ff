// Commands on values that are numbers.
#include "weir/gateway/commands/number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

// More digits than the largest long double has, and what Redis allows for one.
constexpr size_t kFloatBytesMax = 5 * 1024;

// Adds `delta` to the integer that the key holds, or to 0.
void Add(WriteBatch& batch, WriteItem& item, int64_t delta) {
  const cache::Value* old = batch.Find(0);
  int64_t value = 0;
  if (old != nullptr && !ParseInteger(old->bytes.view(), &value)) {
    item.reply = Reply::Failure(std::string(errors::kNotInteger));
    return;
  }
  if (__builtin_add_overflow(value, delta, &value)) {
    item.reply = Reply::Failure(std::string(errors::kOverflow));
    return;
  }
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  batch.Put(0, Bytes::Copy({text.data(), static_cast<size_t>(end - text.data())}),
            old != nullptr ? old->expires_at : kNever);
  item.reply = Reply::Integer(value);
}

}  // namespace

std::optional<long double> ParseFloat(std::string_view text) {
  if (text.empty() || text.size() >= kFloatBytesMax) return std::nullopt;
  if (std::string_view(" \t\n\v\f\r").find(text[0]) != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const long double value = std::strtold(terminated.c_str(), &end);
  if (end != terminated.c_str() + text.size() || std::isnan(value)) return std::nullopt;
  const bool out_of_range =
      errno == ERANGE && (std::isinf(value) || std::fpclassify(value) == FP_ZERO);
  return out_of_range ? std::nullopt : std::optional(value);
}

std::string FormatFloat(long double value) {
  std::array<char, kFloatBytesMax> buffer;
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.17Lf", value);
  std::string text(buffer.data(), static_cast<size_t>(length));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

void Incr(WriteBatch& batch, WriteItem& item) {
  Add(batch, item, 1);
}

void Decr(WriteBatch& batch, WriteItem& item) {
  Add(batch, item, -1);
}

// INCRBY and DECRBY.
void Incrby(WriteBatch& batch, WriteItem& item) {
  int64_t delta = 0;
  if (!ParseInteger(item.args[2], &delta)) {
    item.reply = Reply::Failure(std::string(errors::kNotInteger));
    return;
  }
  if (item.command->name == "decrby") {
    if (delta == std::numeric_limits<int64_t>::min()) {
      item.reply = Reply::Failure(std::string(errors::kDecrementOverflow));
      return;
    }
    delta = -delta;
  }
  Add(batch, item, delta);
}

void Incrbyfloat(WriteBatch& batch, WriteItem& item) {
  const cache::Value* old = batch.Find(0);
  const std::optional<long double> value =
      old != nullptr ? ParseFloat(old->bytes.view()) : std::optional(0.0L);
  const std::optional<long double> delta = ParseFloat(item.args[2]);
  if (!value.has_value() || !delta.has_value()) {
    item.reply = Reply::Failure(std::string(errors::kNotFloat));
    return;
  }
  const long double sum = *value + *delta;
  if (std::isnan(sum) || std::isinf(sum)) {
    item.reply = Reply::Failure(std::string(errors::kNanOrInfinity));
    return;
  }
  const Bytes bytes = Bytes::Copy(FormatFloat(sum));
  batch.Put(0, bytes, old != nullptr ? old->expires_at : kNever);
  item.reply = Reply::Bulk(bytes);
}

}  // namespace weir::gateway::commands
