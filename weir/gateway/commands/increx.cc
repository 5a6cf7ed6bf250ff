// INCREX: a number within bounds, whose expiry may be set once: a counter for each window.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/number.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/expiry.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

__extension__ using Int128 = __int128;

using Word = std::optional<std::string_view>;

// What follows the key. nullopt: not given.
struct IncrexOptions {
  Word by_integer;
  Word by_float;
  Word lower;
  Word upper;
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
    Word* number = SameWord(word, "byint")     ? &options.by_integer
                   : SameWord(word, "byfloat") ? &options.by_float
                   : SameWord(word, "lbound")  ? &options.lower
                   : SameWord(word, "ubound")  ? &options.upper
                                               : nullptr;
    if (number != nullptr && !number->has_value() && i + 1 < args.size()) {
      *number = args[++i];
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
  const bool both = options.by_integer.has_value() && options.by_float.has_value();
  if (both || (options.unit.has_value() ? options.persist : options.only_unexpiring)) {
    return Wrong(errors::kSyntax);
  }
  return options;
}

// How both kinds of numbers are read and shown.
struct Integers {
  using Number = int64_t;
  using Sum = Int128;
  static constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  static constexpr std::string_view kNotOne = errors::kNotInteger;
  static constexpr std::string_view kOutOfRange = errors::kOverflow;

  static std::optional<int64_t> Read(std::string_view text) {
    int64_t number = 0;
    return ParseInteger(text, &number) ? std::optional(number) : std::nullopt;
  }
  static std::string Show(int64_t number) { return std::to_string(number); }
  static Reply Answer(int64_t number) { return Reply::Integer(number); }
  static bool Fits(Int128 number) { return number >= kLeast && number <= kMost; }
  static bool IsFinite(int64_t) { return true; }
};

struct Floats {
  using Number = long double;
  using Sum = long double;
  static constexpr long double kLeast = std::numeric_limits<long double>::lowest();
  static constexpr long double kMost = std::numeric_limits<long double>::max();
  static constexpr std::string_view kNotOne = errors::kNotFloat;
  static constexpr std::string_view kOutOfRange = errors::kNanOrInfinity;

  static std::optional<long double> Read(std::string_view text) { return ParseFloat(text); }
  static std::string Show(long double number) { return FormatFloat(number); }
  static Reply Answer(long double number) { return Reply::Double(FormatFloat(number)); }
  static bool Fits(long double number) { return std::isfinite(number); }
  static bool IsFinite(long double number) { return std::isfinite(number); }
};

// What the key holds afterwards, nullopt: what it did; and the reply.
struct Incremented {
  std::optional<std::string> value;
  Reply reply;
};

// Errors: as ParseIncrex.
template <typename Kind>
Result<Incremented> Increment(const cache::Value* old, const Word& by,
                              const IncrexOptions& options) {
  using Number = typename Kind::Number;
  using Sum = typename Kind::Sum;
  const auto read = [](const Word& word, Number otherwise) {
    return word.has_value() ? Kind::Read(*word) : std::optional(otherwise);
  };
  const std::optional<Number> more = read(by, 1);
  const std::optional<Number> lower = read(options.lower, Kind::kLeast);
  const std::optional<Number> upper = read(options.upper, Kind::kMost);
  if (!more || !lower || !upper) return Wrong(Kind::kNotOne);
  if (!Kind::IsFinite(*more)) return Wrong("ERR BYFLOAT increment cannot be Infinity");
  if (*lower > *upper) return Wrong(errors::kBounds);
  const std::optional<Number> value = read(old == nullptr ? Word() : old->bytes.view(), 0);
  if (!value) return Wrong(Kind::kNotOne);
  if (!Kind::IsFinite(*value)) return Wrong("ERR value cannot be Infinity");
  const Sum sum = Sum{*value} + *more;
  if (!options.saturate && (sum < *lower || sum > *upper)) {
    return Incremented{std::nullopt, Reply::Array({Kind::Answer(*value), Kind::Answer(0)})};
  }
  const auto after = static_cast<Number>(std::clamp(sum, Sum{*lower}, Sum{*upper}));
  const Sum increment = Sum{after} - *value;
  if (!Kind::Fits(after) || !Kind::Fits(increment)) return Wrong(Kind::kOutOfRange);
  const Reply answer = Kind::Answer(static_cast<Number>(increment));
  return Incremented{Kind::Show(after), Reply::Array({Kind::Answer(after), answer})};
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
  const Result<IncrexOptions> read = ParseIncrex(item.args.views());
  const auto fail = [&](std::string text) { item.reply = Reply::Failure(std::move(text)); };
  if (!read.ok()) return fail(read.error().message);
  const IncrexOptions& options = read.value();
  const cache::Value* old = batch.Find(0);
  const Result<WallTime> expires_at =
      ExpiryAfter(options, old == nullptr ? kNever : old->expires_at, batch.now());
  if (!expires_at.ok()) return fail(expires_at.error().message);
  const Result<Incremented> after = options.by_float.has_value()
                                        ? Increment<Floats>(old, options.by_float, options)
                                        : Increment<Integers>(old, options.by_integer, options);
  if (!after.ok()) return fail(after.error().message);
  if (after.value().value.has_value()) {
    batch.Put(0, Bytes::Copy(*after.value().value), expires_at.value());
  }
  item.reply = after.value().reply;
}

}  // namespace weir::gateway::commands
