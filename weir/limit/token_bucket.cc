#include "weir/limit/token_bucket.h"

namespace weir::limit {
namespace {

Error Invalid(const char* message) {
  return Error{ErrorCode::kInvalid, message};
}

// The largest k for which 2^k times the tokens of kFillTimeMax are at most kBurstUnitsMax.
uint8_t FractionBits(const Rate& rate) {
  const Uint128 tokens =
      static_cast<Uint128>(rate.count) * static_cast<uint64_t>(kFillTimeMax.count());
  const Uint128 room =
      static_cast<Uint128>(kBurstUnitsMax) * static_cast<uint64_t>(rate.period.count());
  uint8_t bits = 0;
  while (tokens <= room >> (bits + 1)) ++bits;
  return bits;
}

UnitClock ClockOf(uint64_t units, uint64_t period) {
  UnitClock clock{.units = units, .period = period, .multiplier = units / period};
  uint64_t rest = units % period;
  assert(period <= kUnitMask);
  while (clock.multiplier >> 63 == 0) {
    rest *= 2;
    clock.multiplier = clock.multiplier * 2 + (rest >= period ? 1 : 0);
    if (rest >= period) rest -= period;
    ++clock.shift;
  }
  return clock;
}

}  // namespace

Result<Ok> CheckRate(const Rate& rate) {
  if (rate.count == 0) return Invalid("the rate's count is 0; give at least 1");
  if (rate.burst == 0) return Invalid("the burst is 0, so nothing could pass; give at least 1");
  if (rate.period.count() <= 0) return Invalid("the rate's period must be above 0");
  if (rate.period > kPeriodMax) return Invalid("the rate's period is above 365 days");
  const auto period = static_cast<Uint128>(rate.period.count());
  if (rate.count > period * kTokensPerNsMax) return Invalid("the rate is above 10^11 a second");
  if (static_cast<Uint128>(rate.count) * static_cast<uint64_t>(kTokenIntervalMax.count()) <
      period) {
    return Invalid("the rate is below 1 a day");
  }
  if (rate.burst * period >
      static_cast<Uint128>(rate.count) * static_cast<uint64_t>(kFillTimeMax.count())) {
    return Invalid("the burst takes more than 10 years to fill at this rate; lower it");
  }
  if (rate.burst > kBurstUnitsMax) return Invalid("the burst is above 2^61");
  return Ok();
}

Result<BucketRule> BucketRule::Create(const Rate& rate) {
  if (const Result<Ok> checked = CheckRate(rate); !checked.ok()) return checked.error();
  BucketRule rule;
  rule.rate_ = rate;
  rule.fraction_bits_ = FractionBits(rate);
  rule.clock_ =
      ClockOf(rate.count << rule.fraction_bits_, static_cast<uint64_t>(rate.period.count()));
  return rule;
}

Outcome BucketRule::Describe(Verdict verdict, BucketState state, MonoTime now,
                             uint64_t cost) const {
  Outcome outcome{.verdict = verdict};
  if (verdict == Verdict::kLater) outcome.retry_after = RetryAfter(state, now, cost);
  if (verdict == Verdict::kNever) outcome.retry_after = std::chrono::nanoseconds::max();
  const uint64_t missing = Missing(state, clock_.At(now));
  outcome.remaining = (burst_units() - std::min(missing, burst_units())) >> fraction_bits_;
  if (missing > 0) outcome.reset_after = clock_.Until(missing, now);
  return outcome;
}

void BucketRule::Refund(BucketState* state, MonoTime now, uint64_t cost) const {
  const uint64_t flowed = clock_.At(now);
  const uint64_t missing = Missing(*state, flowed);
  *state = StateOf(missing - std::min(missing, Units(std::min(cost, rate_.burst))), flowed);
}

std::chrono::nanoseconds BucketRule::RetryAfter(BucketState state, MonoTime now,
                                                uint64_t cost) const {
  assert(cost <= rate_.burst);
  const uint64_t missing = Missing(state, clock_.At(now)) + Units(cost);
  if (missing <= burst_units()) return std::chrono::nanoseconds(0);
  return clock_.Until(missing - burst_units(), now);
}

}  // namespace weir::limit
