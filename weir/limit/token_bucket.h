// TokenBucket: one rate limit as exact integer arithmetic; the state of a bucket is one word.
//
// A bucket holds `burst` tokens when full and gains `count` tokens every `period`, evenly. A
// request of weight `cost` takes `cost` tokens, or takes nothing and is told when to come back. A
// TokenBucket is the rule and does not change; a BucketState is one bucket under that rule, so one
// rule serves millions of buckets. When not to use: to make a request wait. Nothing sleeps here,
// the caller does what `retry_after` says.
//
// How it counts: a rule measures time in ticks of its own, of a quarter to a third of a nanosecond,
// so chosen that a token is a whole number of ticks. A state is the tick at which the bucket will
// be full again (the theoretical arrival time of GCRA); taking a token moves it one token further.
// Only `now` is ever rounded, down to a tick, and never the state, so nothing accumulates: after
// any number of decisions the bucket is less than one tick from the exact one. In every window the
// tokens taken are at most burst + rate * (window + 1 ns), and at most burst + rate * window where
// count / period in lowest terms has a count of 4 or less (a token of 1/4, 1/2, 1/3 or 1 x whole
// nanoseconds).
//
// Threads: TokenBucket is immutable, so thread-safe; a BucketState is single-owner.
// Errors: Create answers kInvalid for a rule outside the limits below, naming the limit.
// Cost: a decision is four multiplications, a few ns; a refusal adds one 128-bit division.
// Source: GCRA as in ITU-T I.371; the vocabulary of CL.THROTTLE, whose vectors the test reproduces.
#pragma once

#include <cassert>
#include <chrono>
#include <cstdint>

#include "weir/base/random.h"
#include "weir/base/result.h"
#include "weir/base/time.h"

namespace weir::limit {

// `count` tokens every `period`, and at most `burst` of them saved up.
struct Rate {
  uint64_t count = 0;
  std::chrono::nanoseconds period{0};
  uint64_t burst = 0;
};

inline constexpr std::chrono::nanoseconds kDay = std::chrono::hours(24);
// The longest period, and the slowest and fastest rates: one token a day and one a nanosecond.
inline constexpr std::chrono::nanoseconds kPeriodMax = 365 * kDay;
inline constexpr std::chrono::nanoseconds kTokenIntervalMax = kDay;
inline constexpr std::chrono::nanoseconds kTokenIntervalMin{1};
// The longest time in which an empty bucket may become full.
inline constexpr std::chrono::nanoseconds kFillTimeMax = 10 * 365 * kDay;
// The latest `now`, 73 years after the start of the clock.
inline constexpr MonoTime kNowMax{int64_t{1} << 61};

// The default is a full bucket. Meaningful only to the rule that made it.
struct BucketState {
  uint64_t full_at_tick = 0;
  auto operator<=>(const BucketState&) const = default;
};

enum class Verdict : uint8_t {
  kAllowed,  // The cost was, or would be, taken.
  kLater,    // Too few tokens now; retry_after says when there will be enough.
  kNever,    // The cost is above the burst: waiting cannot help.
};

struct Outcome {
  Verdict verdict = Verdict::kAllowed;
  uint64_t remaining = 0;  // Whole tokens left after this request.
  // The shortest wait after which the same request passes if nobody else takes tokens: positive
  // for kLater, nanoseconds::max() for kNever, 0 for kAllowed.
  std::chrono::nanoseconds retry_after{0};
  std::chrono::nanoseconds reset_after{0};  // When the bucket will be full if nothing is taken.

  bool allowed() const { return verdict == Verdict::kAllowed; }
};

class TokenBucket {
 public:
  static Result<TokenBucket> Create(const Rate& rate);

  // Takes `cost` tokens from `state` if it has them, else leaves it as it is. A cost of 0 always
  // passes. Requires: 0 <= now <= kNowMax. A `now` that stands still or falls back admits no more
  // than the burst.
  Outcome Take(BucketState* state, MonoTime now, uint64_t cost = 1) const {
    const Verdict verdict = Decide(*state, now, cost, state);
    return Describe(verdict, *state, now, cost);
  }

  // What Take would answer; `state` is a copy.
  Outcome Peek(BucketState state, MonoTime now, uint64_t cost = 1) const {
    return Take(&state, now, cost);
  }

  // The decision alone, for callers with several buckets: writes the state after taking `cost` to
  // `*after` when allowed, and nothing otherwise. `after` may point to the state itself.
  Verdict Decide(BucketState state, MonoTime now, uint64_t cost, BucketState* after) const {
    if (cost > rate_.burst) [[unlikely]]
      return Verdict::kNever;
    const uint64_t now_tick = TickAt(now);
    const uint64_t full_at =
        (state.full_at_tick > now_tick ? state.full_at_tick : now_tick) + cost * ticks_per_token_;
    if (full_at - now_tick > burst_ticks_ && cost > 0) return Verdict::kLater;
    after->full_at_tick = full_at;
    return Verdict::kAllowed;
  }

  // Gives back `cost` tokens that Take took. What time has refilled meanwhile is not given twice.
  void Refund(BucketState* state, uint64_t cost) const;

  // How long after `now` the bucket will have `cost` tokens. Requires: cost <= rate().burst.
  std::chrono::nanoseconds RetryAfter(BucketState state, MonoTime now, uint64_t cost) const;

  // A full bucket behaves as BucketState() does and need not be remembered.
  bool IsFull(BucketState state, MonoTime now) const { return state.full_at_tick <= TickAt(now); }

  const Rate& rate() const { return rate_; }

 private:
  TokenBucket() = default;

  // The ticks begun by `now`: floor(now * (whole_ticks_ + fraction_ticks_ / period_)), exactly.
  // reciprocal_ estimates the quotient at most one too low; the remainder tells. The remainder is
  // below 2 * period_, so it is right although its two terms may have wrapped around.
  uint64_t TickAt(MonoTime now) const {
    assert(now.ns >= 0);
    assert(now <= kNowMax);
    const uint64_t ns = static_cast<uint64_t>(now.ns);
    uint64_t part = static_cast<uint64_t>((static_cast<Uint128>(ns) * reciprocal_) >> 64);
    if (ns * fraction_ticks_ - part * period_ >= period_) ++part;
    return ns * whole_ticks_ + part;
  }

  // The outcome of `verdict`, which left the bucket in `state`.
  Outcome Describe(Verdict verdict, BucketState state, MonoTime now, uint64_t cost) const;

  // The wait until `tick` has begun, 0 when it has.
  std::chrono::nanoseconds Until(uint64_t tick, MonoTime now) const;

  Rate rate_;
  uint64_t ticks_per_token_ = 0;
  uint64_t burst_ticks_ = 0;
  uint64_t whole_ticks_ = 0;  // A nanosecond is whole_ticks_ + fraction_ticks_ / period_ ticks.
  uint64_t fraction_ticks_ = 0;
  uint64_t period_ = 0;      // In nanoseconds, with count / period in lowest terms.
  uint64_t reciprocal_ = 0;  // floor(2^64 * fraction_ticks_ / period_)
};

}  // namespace weir::limit
