// TokenBucket: one rate limit as exact integer arithmetic; a bucket is one atomic word.
//
// A bucket holds `burst` tokens when full and gains `count` tokens every `period`, evenly. A
// request of weight `cost` takes `cost` tokens, or takes nothing and is told when to come back. A
// BucketRule is the arithmetic and does not change; a BucketState is one bucket under that rule, so
// one rule serves millions of buckets (bucket_table.h); a TokenBucket is a rule with one bucket.
// When not to use: to make a request wait. Nothing sleeps here, the caller does what `retry_after`
// says.
//
// How it counts: in units of 2^-k token. What a token costs is exact, and the units that have
// flowed by `now` are floor(now * rate), in 128 bits, taken anew from `now` each time and never
// added up: so nothing drifts, from one token a day to 10^11 a second. A state is the number of
// units that will have flowed when the bucket is full again (GCRA's theoretical arrival time, in
// tokens). k is the largest for which ten years of the rate fit 61 bits, so a unit is less than
// what flows in a nanosecond; in every window the tokens taken are at most
// burst + rate * (window + 1 ns), and burst + rate * window where a nanosecond is whole units.
//
// Threads: BucketRule is immutable, a BucketState is a value, TokenBucket is thread-safe.
// Errors: Create answers kInvalid for a rule outside the limits below, naming the limit.
// Cost: a decision is four multiplications, about 3 ns; a refusal adds one 128-bit division.
// Source: GCRA as in ITU-T I.371; the vocabulary of CL.THROTTLE, whose vectors the test reproduces.
#pragma once

#include <algorithm>
#include <atomic>
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

  bool operator==(const Rate&) const = default;
};

// Whether a rate is within the limits below; kInvalid says which one it is not.
Result<Ok> CheckRate(const Rate& rate);

inline constexpr std::chrono::nanoseconds kDay = std::chrono::hours(24);
inline constexpr std::chrono::nanoseconds kPeriodMax = 365 * kDay;
// The slowest rate is one token in so long, the fastest so many in a nanosecond.
inline constexpr std::chrono::nanoseconds kTokenIntervalMax = kDay;
inline constexpr uint64_t kTokensPerNsMax = 100;
// The longest time in which an empty bucket may become full.
inline constexpr std::chrono::nanoseconds kFillTimeMax = 10 * 365 * kDay;
// The latest `now`, 73 years after the start of the clock.
inline constexpr MonoTime kNowMax{int64_t{1} << 61};

// Positions are numbers of units modulo 2^63; a holder may use the bit above for itself.
inline constexpr int kUnitBits = 63;
inline constexpr uint64_t kUnitMask = (uint64_t{1} << kUnitBits) - 1;
inline constexpr uint64_t kBurstUnitsMax = uint64_t{1} << 61;

// The default is a full bucket. Meaningful only to the rule that made it.
struct BucketState {
  uint64_t full_at = 0;  // 0: full since ever.
  auto operator<=>(const BucketState&) const = default;
};

// How many units have flowed since the start of the clock: floor(now * units / period), exactly.
// A multiplication by the reciprocal estimates the quotient, at most a little too low, and the
// remainder tells; it is small, so it is right although its two terms may have wrapped around.
struct UnitClock {
  uint64_t units = 0;  // In every `period` nanoseconds.
  uint64_t period = 0;
  uint64_t multiplier = 0;  // floor(units / period * 2^shift), 2^63 or more.
  uint8_t shift = 0;

  // Requires: 0 <= now <= kNowMax.
  uint64_t At(MonoTime now) const { return static_cast<uint64_t>(Begun(now)) & kUnitMask; }
  // The shortest wait after `now` in which `more` units flow.
  std::chrono::nanoseconds Until(uint64_t more, MonoTime now) const {
    const Uint128 ns = ((Begun(now) + more) * period + units - 1) / units;
    return std::chrono::nanoseconds(static_cast<int64_t>(ns) - now.ns);
  }

 private:
  Uint128 Begun(MonoTime now) const {
    assert(now.ns >= 0);
    assert(now <= kNowMax);
    const auto ns = static_cast<uint64_t>(now.ns);
    Uint128 begun = (static_cast<Uint128>(ns) * multiplier) >> shift;
    while (ns * units - static_cast<uint64_t>(begun) * period >= period) [[unlikely]]++ begun;
    return begun;
  }
};

// How many units a bucket lacks when `flowed` have flowed. A bucket that nobody touched while 2^62
// units flowed (1.4 years at 10^11 a second, 20 years up to 10^9) is taken for empty.
inline uint64_t Missing(BucketState state, uint64_t flowed) {
  if (state.full_at == 0) return 0;
  const auto distance = static_cast<int64_t>((state.full_at - flowed) << 1) >> 1;
  return distance > 0 ? static_cast<uint64_t>(distance) : 0;
}

inline BucketState StateOf(uint64_t missing, uint64_t flowed) {
  if (missing == 0) return {};
  const uint64_t full_at = (flowed + missing) & kUnitMask;
  return {full_at == 0 ? 1 : full_at};
}

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

class BucketRule {
 public:
  static Result<BucketRule> Create(const Rate& rate);

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

  // The decision alone: writes the state after taking `cost` to `*after` when allowed, and nothing
  // otherwise. `after` may point to the state itself.
  Verdict Decide(BucketState state, MonoTime now, uint64_t cost, BucketState* after) const {
    if (cost > rate_.burst) [[unlikely]]
      return Verdict::kNever;
    const uint64_t flowed = clock_.At(now);
    const uint64_t missing = Missing(state, flowed) + Units(cost);
    if (missing > burst_units() && cost > 0) return Verdict::kLater;
    *after = StateOf(missing, flowed);
    return Verdict::kAllowed;
  }

  // The outcome of `verdict` about `cost`, which left the bucket in `state`.
  Outcome Describe(Verdict verdict, BucketState state, MonoTime now, uint64_t cost) const;

  // Gives back `cost` tokens that Take took. What time has refilled meanwhile is not given twice.
  void Refund(BucketState* state, MonoTime now, uint64_t cost) const;

  // How long after `now` the bucket will have `cost` tokens. Requires: cost <= rate().burst.
  std::chrono::nanoseconds RetryAfter(BucketState state, MonoTime now, uint64_t cost) const;

  // A full bucket behaves as BucketState() does and need not be remembered.
  bool IsFull(BucketState state, MonoTime now) const { return Missing(state, clock_.At(now)) == 0; }

  const Rate& rate() const { return rate_; }
  const UnitClock& clock() const { return clock_; }
  // Requires: tokens <= rate().burst.
  uint64_t Units(uint64_t tokens) const { return tokens << fraction_bits_; }
  // Of a duration, where a token is a millisecond: rounded up, and at most the burst.
  uint64_t MillisecondUnits(std::chrono::nanoseconds duration) const {
    const auto ns = static_cast<Uint128>(std::max<int64_t>(duration.count(), 0));
    const Uint128 units = ((ns << fraction_bits_) + 999'999) / 1'000'000;
    return static_cast<uint64_t>(std::min<Uint128>(units, burst_units()));
  }
  uint64_t burst_units() const { return rate_.burst << fraction_bits_; }
  uint8_t fraction_bits() const { return fraction_bits_; }

 private:
  BucketRule() = default;

  Rate rate_;
  UnitClock clock_;
  uint8_t fraction_bits_ = 0;  // A token is 2^fraction_bits_ units.
};

// One bucket that any number of threads take from. Cost: one compare-and-swap.
class TokenBucket {
 public:
  explicit TokenBucket(const BucketRule& rule) : rule_(rule) {}
  TokenBucket(const TokenBucket&) = delete;
  TokenBucket& operator=(const TokenBucket&) = delete;

  // As BucketRule::Take.
  Outcome Take(MonoTime now, uint64_t cost = 1) {
    BucketState state{full_at_.load(std::memory_order_relaxed)};
    for (;;) {
      BucketState after = state;
      const Verdict verdict = rule_.Decide(state, now, cost, &after);
      if (after == state || Replace(&state, after))
        return rule_.Describe(verdict, after, now, cost);
    }
  }
  Outcome Peek(MonoTime now, uint64_t cost = 1) const {
    return rule_.Peek({full_at_.load(std::memory_order_relaxed)}, now, cost);
  }
  // As BucketRule::Refund. Requires: at most once for each cost taken.
  void Refund(MonoTime now, uint64_t cost) {
    BucketState state{full_at_.load(std::memory_order_relaxed)};
    for (;;) {
      BucketState after = state;
      rule_.Refund(&after, now, cost);
      if (after == state || Replace(&state, after)) return;
    }
  }
  // How long after `now` the bucket will have `cost` tokens if nobody takes any. Requires: cost <=
  // rule().rate().burst.
  std::chrono::nanoseconds TimeUntil(MonoTime now, uint64_t cost) const {
    return rule_.RetryAfter({full_at_.load(std::memory_order_relaxed)}, now, cost);
  }

  const BucketRule& rule() const { return rule_; }

 private:
  bool Replace(BucketState* expected, BucketState after) {
    return full_at_.compare_exchange_weak(expected->full_at, after.full_at,
                                          std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  const BucketRule rule_;
  std::atomic<uint64_t> full_at_{0};
};

}  // namespace weir::limit
