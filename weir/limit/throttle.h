// Throttle: a limit that each request brings along, counted as redis-cell's CL.THROTTLE counts it.
//
// A bucket counts time: a token is a whole number of nanoseconds, the period divided by the count
// and rounded down. So a position means the same under every limit, and a key may be asked with
// another limit at any time. When not to use: for rates whose tokens are nanoseconds apart, such as
// bytes (300 MB a second come out 11 % too high); a policy counts those exactly.
//
// Threads: thread-safe. Errors: Create answers kInvalid, with what a client should hear.
// Cost: a decision, and some divisions.
// Source: redis-cell 0.5, its test's vectors; retry_after is never 0 while limited, unlike there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/limit/limiter.h"

namespace weir::limit {

class ThrottleLimit {
 public:
  // At most `max_burst` + 1 tokens saved up, `count` more in every `period`.
  static Result<ThrottleLimit> Create(int64_t max_burst, int64_t count,
                                      std::chrono::seconds period);

  std::chrono::nanoseconds interval() const { return interval_; }  // Between two tokens.
  uint64_t capacity() const { return capacity_; }

 private:
  ThrottleLimit() = default;

  std::chrono::nanoseconds interval_{0};
  uint64_t capacity_ = 0;
};

struct Throttled {
  Verdict verdict = Verdict::kAllowed;
  uint64_t remaining = 0;
  std::chrono::nanoseconds retry_after{0};  // Positive for kLater, else 0.
  std::chrono::nanoseconds reset_after{0};
};

// Takes `quantity` tokens from the bucket that `key` names, or none. 0 asks only; a negative one
// gives tokens back, and always passes.
Throttled Throttle(Limiter& limiter, std::string_view key, const ThrottleLimit& limit,
                   int64_t quantity, MonoTime now);

// As redis-cell rounds: up, but for what is below a millisecond.
int64_t ThrottleSeconds(std::chrono::nanoseconds duration);

}  // namespace weir::limit
