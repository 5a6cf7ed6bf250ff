// INCREX: an integer within bounds, whose expiry may be set once: a counter for each window.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/expiry.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

__extension__ using Int128 = __int128;

// What follows the key. nullopt: not given.
struct IncrexOptions {
  std::optional<int64_t> by;
  std::optional<int64_t> lower;
  std::optional<int64_t> upper;
  bool saturate = false;
  bool persist = false;
  bool only_unexpiring = false;  // ENX
  std::optional<ExpiryUnit> unit;
  std::string_view expiry;
};

Error Wrong(std::string_view text) {
  return Error{ErrorCode::kInvalid, std::string(text)};
}

// Errors: kInvalid, with the whole reply as message.
Result<IncrexOptions> ParseIncrex(Args args) {
  IncrexOptions options;
  for (size_t i = 2; i < args.size(); ++i) {
    const std::string_view word = args[i];
    std::optional<ExpiryUnit> unit;
    std::optional<int64_t>* number = SameWord(word, "byint")    ? &options.by
                                     : SameWord(word, "lbound") ? &options.lower
                                     : SameWord(word, "ubound") ? &options.upper
                                                                : nullptr;
    if (number != nullptr && !number->has_value() && i + 1 < args.size()) {
      int64_t value = 0;
      if (!ParseInteger(args[++i], &value)) return Wrong(errors::kNotInteger);
      *number = value;
    } else if (SameWord(word, "saturate") && !options.saturate) {
      options.saturate = true;
    } else if (SameWord(word, "enx") && !options.only_unexpiring) {
      options.only_unexpiring = true;
    } else if (SameWord(word, "persist") && !options.persist) {
      options.persist = true;
    } else if (i + 1 < args.size() && !options.unit.has_value() && ParseExpiryUnit(word, &unit)) {
      options.unit = unit;
      options.expiry = args[++i];
    } else {
      return Wrong(errors::kSyntax);
    }
  }
  if (options.unit.has_value() ? options.persist : options.only_unexpiring) {
    return Wrong(errors::kSyntax);
  }
  if (options.lower.value_or(std::numeric_limits<int64_t>::min()) >
      options.upper.value_or(std::numeric_limits<int64_t>::max())) {
    return Wrong(errors::kBounds);
  }
  return options;
}

// The value after the increment, within the bounds; nullopt: it is not made.
std::optional<int64_t> Incremented(int64_t value, const IncrexOptions& options) {
  const Int128 lower = options.lower.value_or(std::numeric_limits<int64_t>::min());
  const Int128 upper = options.upper.value_or(std::numeric_limits<int64_t>::max());
  const Int128 sum = Int128{value} + options.by.value_or(1);
  if (!options.saturate && (sum < lower || sum > upper)) return std::nullopt;
  return static_cast<int64_t>(std::clamp(sum, lower, upper));
}

Reply Pair(int64_t value, int64_t increment) {
  return Reply::Array({Reply::Integer(value), Reply::Integer(increment)});
}

// When the key expires afterwards. Errors: as ParseIncrex.
Result<WallTime> ExpiryAfter(const IncrexOptions& options, WallTime before, WallTime now) {
  if (options.persist) return kNever;
  if (!options.unit.has_value()) return before;
  const Result<WallTime> given =
      ParseExpiry(options.expiry, *options.unit, now, "increx", ExpiryRange::kPositive);
  if (!given.ok()) return given;
  return options.only_unexpiring && before != kNever ? before : given.value();
}

}  // namespace

void Increx(WriteBatch& batch, WriteItem& item) {
  const Result<IncrexOptions> options = ParseIncrex(item.args.views());
  const auto fail = [&](std::string text) { item.reply = Reply::Failure(std::move(text)); };
  if (!options.ok()) return fail(options.error().message);
  const cache::Value* old = batch.Find(0);
  int64_t value = 0;
  if (old != nullptr && !ParseInteger(old->bytes.view(), &value)) {
    return fail(std::string(errors::kNotInteger));
  }
  const Result<WallTime> expires_at =
      ExpiryAfter(options.value(), old == nullptr ? kNever : old->expires_at, batch.now());
  if (!expires_at.ok()) return fail(expires_at.error().message);
  const std::optional<int64_t> after = Incremented(value, options.value());
  if (!after.has_value()) {
    item.reply = Pair(value, 0);
    return;
  }
  int64_t increment = 0;
  if (__builtin_sub_overflow(*after, value, &increment))
    return fail(std::string(errors::kOverflow));
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), *after).ptr;
  batch.Put(0, Bytes::Copy({text.data(), static_cast<size_t>(end - text.data())}),
            expires_at.value());
  item.reply = Pair(*after, increment);
}

}  // namespace weir::gateway::commands
