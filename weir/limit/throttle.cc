#include "weir/limit/throttle.h"

#include <algorithm>
#include <limits>

namespace weir::limit {
namespace {

using std::chrono::nanoseconds;

Error Invalid(const char* message) {
  return Error{ErrorCode::kInvalid, message};
}

// The tokens that are left when so much time is missing, in whole microseconds as redis-cell does
// where a token takes that long.
uint64_t Remaining(const ThrottleLimit& limit, nanoseconds missing) {
  const nanoseconds left = limit.interval() * static_cast<int64_t>(limit.capacity()) - missing;
  if (left.count() <= 0) return 0;
  constexpr int64_t kMicrosecond = 1000;
  const int64_t unit = limit.interval().count() >= kMicrosecond ? kMicrosecond : 1;
  return static_cast<uint64_t>((left.count() / unit) / (limit.interval().count() / unit));
}

}  // namespace

Result<ThrottleLimit> ThrottleLimit::Create(int64_t max_burst, int64_t count,
                                            std::chrono::seconds period) {
  if (max_burst < 0) return Invalid("max_burst must not be negative");
  if (count <= 0 || period.count() <= 0) return Invalid("Zero rates are not supported");
  // In seconds, since the nanoseconds of a longer one may not fit.
  if (period > std::chrono::duration_cast<std::chrono::seconds>(kFillTimeMax)) {
    return Invalid("the period is above 10 years");
  }
  ThrottleLimit limit;
  limit.interval_ = nanoseconds(period) / count;
  if (limit.interval_.count() == 0) return Invalid("the rate is above 10^9 a second");
  // Compared by division: the product may not fit.
  if (max_burst >= kFillTimeMax / limit.interval_) {
    return Invalid("the burst takes more than 10 years to fill at this rate");
  }
  limit.capacity_ = static_cast<uint64_t>(max_burst) + 1;
  return limit;
}

Throttled Throttle(Limiter& limiter, std::string_view key, const ThrottleLimit& limit,
                   int64_t quantity, MonoTime now) {
  const nanoseconds burst = limit.interval() * static_cast<int64_t>(limit.capacity());
  const auto cost_of = [&](int64_t tokens) {
    return limit.interval() * std::min(tokens, static_cast<int64_t>(limit.capacity()) + 1);
  };
  if (quantity < 0) {
    const int64_t back = -std::max(quantity, -std::numeric_limits<int64_t>::max());
    const Charge refund = limiter.TimeCharge(key, cost_of(back), burst, now);
    Refund({&refund, 1}, now);
    quantity = 0;
  }
  const Charge charge = limiter.TimeCharge(key, cost_of(quantity), burst, now);
  Part part;
  Decide({&charge, 1}, now, {}, {&part, 1});
  Throttled throttled{.verdict = part.verdict, .reset_after = part.ResetAfter(charge, now)};
  throttled.remaining = Remaining(limit, throttled.reset_after);
  if (part.verdict == Verdict::kLater) throttled.retry_after = part.RetryAfter(charge, now);
  return throttled;
}

int64_t ThrottleSeconds(nanoseconds duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  return std::chrono::ceil<std::chrono::seconds>(whole).count();
}

}  // namespace weir::limit
