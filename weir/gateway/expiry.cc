#include "weir/gateway/expiry.h"

#include <limits>
#include <string>

#include "weir/gateway/command.h"
#include "weir/gateway/errors.h"

namespace weir::gateway {
namespace {

// Relative times are added to a wall clock that stays below this for 30 000 years, so that whether
// an argument is in range does not depend on when it is asked.
constexpr int64_t kWallMsMax = int64_t{1} << 50;

bool InRange(int64_t number, ExpiryUnit unit) {
  const bool seconds = unit == ExpiryUnit::kSeconds || unit == ExpiryUnit::kSecondsAt;
  const bool relative = unit == ExpiryUnit::kSeconds || unit == ExpiryUnit::kMilliseconds;
  const int64_t scale = seconds ? 1000 : 1;
  const int64_t room = relative ? kWallMsMax : 0;
  return number <= (std::numeric_limits<int64_t>::max() - 1 - room) / scale &&
         number >= std::numeric_limits<int64_t>::min() / scale;
}

}  // namespace

bool ParseExpiryUnit(std::string_view word, std::optional<ExpiryUnit>* unit) {
  if (SameWord(word, "ex")) {
    *unit = ExpiryUnit::kSeconds;
  } else if (SameWord(word, "px")) {
    *unit = ExpiryUnit::kMilliseconds;
  } else if (SameWord(word, "exat")) {
    *unit = ExpiryUnit::kSecondsAt;
  } else if (SameWord(word, "pxat")) {
    *unit = ExpiryUnit::kMillisecondsAt;
  } else {
    return false;
  }
  return true;
}

bool IsPositiveExpiry(std::string_view number, ExpiryUnit unit) {
  int64_t value = 0;
  return ParseInteger(number, &value) && value > 0 && InRange(value, unit);
}

Result<WallTime> ParseExpiry(std::string_view number, ExpiryUnit unit, WallTime now,
                             std::string_view command, ExpiryRange range) {
  int64_t value = 0;
  if (!ParseInteger(number, &value)) {
    return Error{ErrorCode::kInvalid, std::string(errors::kNotInteger)};
  }
  const bool positive_wanted = range == ExpiryRange::kPositive;
  if ((positive_wanted && value <= 0) || !InRange(value, unit)) {
    return Error{ErrorCode::kInvalid, errors::InvalidExpire(command)};
  }
  const bool seconds = unit == ExpiryUnit::kSeconds || unit == ExpiryUnit::kSecondsAt;
  const bool relative = unit == ExpiryUnit::kSeconds || unit == ExpiryUnit::kMilliseconds;
  const int64_t ms = seconds ? value * 1000 : value;
  return WallTime{relative ? now.ms + ms : ms};
}

}  // namespace weir::gateway
