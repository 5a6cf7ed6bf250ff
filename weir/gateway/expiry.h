// Expiry arguments: EX, PX, EXAT, PXAT and the number after them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "weir/base/result.h"
#include "weir/base/time.h"

namespace weir::gateway {

enum class ExpiryUnit : uint8_t { kSeconds, kMilliseconds, kSecondsAt, kMillisecondsAt };
enum class ExpiryRange : uint8_t {
  kPositive,  // Zero and less are errors, as for SET.
  kAny,       // Zero and less mean at once, as for EXPIRE.
};

// Reads EX, PX, EXAT or PXAT. Returns false for any other word.
bool ParseExpiryUnit(std::string_view word, std::optional<ExpiryUnit>* unit);

// Whether ParseExpiry with kPositive succeeds for any `now`.
bool IsPositiveExpiry(std::string_view number, ExpiryUnit unit);

// Returns the moment that `number` names. Errors: kInvalid, with the whole reply as message.
Result<WallTime> ParseExpiry(std::string_view number, ExpiryUnit unit, WallTime now,
                             std::string_view command, ExpiryRange range);

}  // namespace weir::gateway
