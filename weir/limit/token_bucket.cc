#include "weir/limit/token_bucket.h"

#include <algorithm>
#include <numeric>

namespace weir::limit {
namespace {

// A nanosecond is at most this many ticks. With 4, a state never overflows: see the assertion.
constexpr uint64_t kTicksPerNsMax = 4;
static_assert(kTicksPerNsMax * (static_cast<Uint128>(kNowMax.ns) + kFillTimeMax.count() * 2) <
                  ~uint64_t{0},
              "the tick at which a bucket is full, one burst ahead, fits a word");

Error Invalid(const char* message) {
  return Error{ErrorCode::kInvalid, message};
}

}  // namespace

Result<TokenBucket> TokenBucket::Create(const Rate& rate) {
  if (rate.count == 0) return Invalid("the rate's count is 0; give at least 1");
  if (rate.burst == 0) return Invalid("the burst is 0, so nothing could pass; give at least 1");
  if (rate.period.count() <= 0) return Invalid("the rate's period must be above 0");
  if (rate.period > kPeriodMax) return Invalid("the rate's period is above 365 days");
  const uint64_t period = static_cast<uint64_t>(rate.period.count());
  if (rate.count > period / static_cast<uint64_t>(kTokenIntervalMin.count())) {
    return Invalid("the rate is above 10^9 a second");
  }
  if (static_cast<Uint128>(rate.count) * static_cast<uint64_t>(kTokenIntervalMax.count()) <
      period) {
    return Invalid("the rate is below 1 a day");
  }
  if (static_cast<Uint128>(rate.burst) * period >
      static_cast<Uint128>(rate.count) * static_cast<uint64_t>(kFillTimeMax.count())) {
    return Invalid("the burst takes more than 10 years to fill at this rate; lower it");
  }

  TokenBucket bucket;
  bucket.rate_ = rate;
  const uint64_t divisor = std::gcd(rate.count, period);
  const uint64_t count = rate.count / divisor;
  bucket.period_ = period / divisor;
  // Up to a count of 4 a nanosecond is a whole number of ticks too, and nothing is rounded at all.
  bucket.ticks_per_token_ = count <= kTicksPerNsMax ? bucket.period_ * (kTicksPerNsMax / count)
                                                    : kTicksPerNsMax * bucket.period_ / count;
  bucket.burst_ticks_ = rate.burst * bucket.ticks_per_token_;
  const uint64_t ticks_per_period = count * bucket.ticks_per_token_;
  assert(ticks_per_period <= kTicksPerNsMax * bucket.period_);
  bucket.whole_ticks_ = ticks_per_period / bucket.period_;
  bucket.fraction_ticks_ = ticks_per_period % bucket.period_;
  bucket.reciprocal_ =
      static_cast<uint64_t>((static_cast<Uint128>(bucket.fraction_ticks_) << 64) / bucket.period_);
  return bucket;
}

Outcome TokenBucket::Describe(Verdict verdict, BucketState state, MonoTime now,
                              uint64_t cost) const {
  Outcome outcome{.verdict = verdict};
  if (verdict == Verdict::kLater) outcome.retry_after = RetryAfter(state, now, cost);
  if (verdict == Verdict::kNever) outcome.retry_after = std::chrono::nanoseconds::max();
  const uint64_t now_tick = TickAt(now);
  const uint64_t missing = state.full_at_tick - std::min(state.full_at_tick, now_tick);
  outcome.remaining = (burst_ticks_ - std::min(missing, burst_ticks_)) / ticks_per_token_;
  outcome.reset_after = Until(state.full_at_tick, now);
  return outcome;
}

void TokenBucket::Refund(BucketState* state, uint64_t cost) const {
  const uint64_t ticks = std::min(cost, rate_.burst) * ticks_per_token_;
  state->full_at_tick -= std::min(state->full_at_tick, ticks);
}

std::chrono::nanoseconds TokenBucket::RetryAfter(BucketState state, MonoTime now,
                                                 uint64_t cost) const {
  assert(cost <= rate_.burst);
  const uint64_t full_at = state.full_at_tick + cost * ticks_per_token_;
  return Until(full_at - std::min(full_at, burst_ticks_), now);
}

std::chrono::nanoseconds TokenBucket::Until(uint64_t tick, MonoTime now) const {
  const uint64_t ticks_per_period = whole_ticks_ * period_ + fraction_ticks_;
  const Uint128 ns =
      (static_cast<Uint128>(tick) * period_ + ticks_per_period - 1) / ticks_per_period;
  const MonoTime begins{static_cast<int64_t>(ns)};
  return begins > now ? begins - now : std::chrono::nanoseconds(0);
}

}  // namespace weir::limit
