// Goal: a bucket decides exactly: the published CL.THROTTLE vectors, the window bound, no drift.
// Method: golden vectors; a naive model in rational numbers fed with the same requests; brute force
// over all windows; horizons of 10^9 decisions computed with large costs.
#include "weir/limit/token_bucket.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace weir::limit {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

BucketRule MustCreate(const Rate& rate) {
  Result<BucketRule> bucket = BucketRule::Create(rate);
  EXPECT_TRUE(bucket.ok()) << bucket.error().message;
  return bucket.value();
}

__extension__ using Int128 = __int128;

MonoTime At(nanoseconds since_start) {
  return {since_start.count()};
}

int64_t Ms(nanoseconds duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

struct ThrottleRow {
  int64_t at_ms;
  uint64_t quantity;
  int limited;
  uint64_t remaining;
  int64_t reset_ms;
  int64_t retry_ms;  // -1: allowed, or can never pass.
};

void ExpectRow(const ThrottleRow& row, const Outcome& outcome) {
  SCOPED_TRACE("t=" + std::to_string(row.at_ms) + " quantity=" + std::to_string(row.quantity));
  EXPECT_EQ(outcome.allowed() ? 0 : 1, row.limited);
  EXPECT_EQ(outcome.remaining, row.remaining);
  EXPECT_EQ(outcome.reset_after, std::chrono::milliseconds(row.reset_ms));
  const bool waits = outcome.verdict == Verdict::kLater;
  EXPECT_EQ(waits ? Ms(outcome.retry_after) : -1, row.retry_ms);
}

// redis-cell's own unit test: max_burst 4, which is a burst of 5, at one a second.
TEST(BucketRuleTest, ReproducesTheThrottleVectors) {
  const ThrottleRow rows[] = {
      {0, 6, 1, 5, 0, -1},       {0, 1, 0, 4, 1000, -1},    {0, 1, 0, 3, 2000, -1},
      {0, 1, 0, 2, 3000, -1},    {0, 1, 0, 1, 4000, -1},    {0, 1, 0, 0, 5000, -1},
      {0, 1, 1, 0, 5000, 1000},  {3000, 1, 0, 2, 3000, -1}, {3100, 1, 0, 1, 3900, -1},
      {4000, 1, 0, 1, 4000, -1}, {8000, 1, 0, 4, 1000, -1}, {9500, 1, 0, 4, 1000, -1},
      {9500, 0, 0, 4, 1000, -1}, {9500, 2, 0, 2, 3000, -1}, {9500, 5, 1, 2, 3000, 3000},
  };
  const BucketRule bucket = MustCreate({.count = 1, .period = 1s, .burst = 5});
  BucketState state;
  for (const ThrottleRow& row : rows) {
    ExpectRow(row, bucket.Take(&state, At(std::chrono::milliseconds(row.at_ms)), row.quantity));
  }
}

TEST(BucketRuleTest, ReproducesTheThrottleExamplesOfTheManual) {
  BucketState state;
  const BucketRule user = MustCreate({.count = 30, .period = 60s, .burst = 16});
  ExpectRow({0, 1, 0, 15, 2000, -1}, user.Take(&state, At(0s)));

  BucketState strict_state;
  const BucketRule strict = MustCreate({.count = 1, .period = 2s, .burst = 1});
  ExpectRow({0, 1, 0, 0, 2000, -1}, strict.Take(&strict_state, At(0s)));
  ExpectRow({0, 1, 1, 0, 2000, 2000}, strict.Take(&strict_state, At(0s)));
}

TEST(BucketRuleTest, ARefusalAlwaysNamesAWaitAndTheWaitSuffices) {
  for (const uint64_t count :
       {uint64_t{1}, uint64_t{7}, uint64_t{1000}, uint64_t{999'999'937}, uint64_t{1'000'000'000}}) {
    const BucketRule bucket = MustCreate({.count = count, .period = 1s, .burst = 3});
    BucketState state;
    MonoTime now = At(123'456'789ns);
    ASSERT_TRUE(bucket.Take(&state, now, 3).allowed());
    for (uint64_t cost = 1; cost <= 3; ++cost) {
      const Outcome refused = bucket.Take(&state, now, cost);
      ASSERT_EQ(refused.verdict, Verdict::kLater);
      ASSERT_GT(refused.retry_after, 0ns);
      EXPECT_EQ(bucket.Peek(state, now + (refused.retry_after - 1ns), cost).verdict,
                Verdict::kLater);
      now = now + refused.retry_after;
      EXPECT_TRUE(bucket.Take(&state, now, cost).allowed());
    }
  }
}

TEST(BucketRuleTest, ACostAboveTheBurstIsRefusedAtOnceAndTakesNothing) {
  const BucketRule bucket = MustCreate({.count = 10, .period = 1s, .burst = 4});
  BucketState state;
  const Outcome outcome = bucket.Take(&state, At(1s), 5);
  EXPECT_EQ(outcome.verdict, Verdict::kNever);
  EXPECT_EQ(outcome.remaining, 4U);
  EXPECT_EQ(bucket.Take(&state, At(1s), std::numeric_limits<uint64_t>::max()).verdict,
            Verdict::kNever);
  EXPECT_TRUE(bucket.Take(&state, At(1s), 4).allowed());
}

TEST(BucketRuleTest, AClockThatStandsStillAdmitsExactlyTheBurst) {
  const BucketRule bucket = MustCreate({.count = 1'000'000'000, .period = 1s, .burst = 1000});
  BucketState state;
  uint64_t admitted = 0;
  for (int i = 0; i < 5000; ++i) admitted += bucket.Take(&state, At(77ns)).allowed() ? 1 : 0;
  EXPECT_EQ(admitted, 1000U);
}

TEST(BucketRuleTest, AClockThatFallsBackAdmitsNothingMore) {
  const BucketRule bucket = MustCreate({.count = 10, .period = 1s, .burst = 2});
  BucketState state;
  ASSERT_TRUE(bucket.Take(&state, At(100s), 2).allowed());
  const Outcome outcome = bucket.Take(&state, At(50s));
  EXPECT_EQ(outcome.verdict, Verdict::kLater);
  EXPECT_EQ(outcome.remaining, 0U);
}

TEST(BucketRuleTest, NothingWrapsAtTheEndOfTime) {
  const Rate rates[] = {{1'000'000'000, 1s, 10'000'000},
                        {999'999'937, 1s, 10'000'000},
                        {1, kDay, 3650},
                        {365, kPeriodMax, 3650},
                        {uint64_t(kPeriodMax.count()), kPeriodMax, uint64_t(kPeriodMax.count())},
                        {99'999'999'977, 1s, kBurstUnitsMax},
                        {100'000'000'000, 1s, kBurstUnitsMax}};
  for (const Rate& rate : rates) {
    const BucketRule bucket = MustCreate(rate);
    BucketState state;
    EXPECT_TRUE(bucket.Take(&state, kNowMax, rate.burst).allowed());
    const Outcome refused = bucket.Take(&state, kNowMax);
    EXPECT_EQ(refused.verdict, Verdict::kLater);
    EXPECT_EQ(refused.remaining, 0U);
    EXPECT_GT(refused.retry_after, 0ns);
    EXPECT_LE(refused.reset_after, kFillTimeMax);
  }
}

TEST(BucketRuleTest, RefundGivesBackWhatWasTakenAndNeverMoreThanFull) {
  const BucketRule bucket = MustCreate({.count = 7, .period = 1s, .burst = 9});
  BucketState state;
  const MonoTime now = At(1000s);
  bucket.Take(&state, now, 5);
  const BucketState before = state;
  bucket.Take(&state, now, 4);
  bucket.Refund(&state, now, 4);
  EXPECT_EQ(state, before);
  bucket.Refund(&state, now, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(bucket.Peek(state, now, 0).remaining, 9U);
  EXPECT_TRUE(bucket.IsFull(state, now));
  EXPECT_EQ(bucket.Take(&state, now, 10).verdict, Verdict::kNever);
}

TEST(BucketRuleTest, RatesOutsideTheLimitsAreRefused) {
  const auto ok = [](const Rate& rate) { return BucketRule::Create(rate).ok(); };
  EXPECT_FALSE(ok({0, 1s, 1}));
  EXPECT_FALSE(ok({1, 1s, 0}));
  EXPECT_FALSE(ok({1, 0s, 1}));
  EXPECT_FALSE(ok({1, -1s, 1}));
  EXPECT_TRUE(ok({100, 1ns, 1}));
  EXPECT_FALSE(ok({101, 1ns, 1}));
  EXPECT_TRUE(ok({100'000'000'000, 1s, 1}));
  EXPECT_FALSE(ok({100'000'000'001, 1s, 1}));
  EXPECT_TRUE(ok({100, 1ns, kBurstUnitsMax}));
  EXPECT_FALSE(ok({100, 1ns, kBurstUnitsMax + 1}));
  EXPECT_TRUE(ok({1, kDay, 1}));
  EXPECT_FALSE(ok({1, kDay + 1ns, 1}));
  EXPECT_TRUE(ok({365, kPeriodMax, 1}));
  EXPECT_FALSE(ok({365, kPeriodMax + 1ns, 1}));
  EXPECT_TRUE(ok({1, kDay, 3650}));
  EXPECT_FALSE(ok({1, kDay, 3651}));
  EXPECT_FALSE(ok({1, 1s, std::numeric_limits<uint64_t>::max()}));
}

// Takes 10^6 tokens a thousand times, each as soon as it may, which moves the state as 10^9 single
// decisions do, and compares the time of the last one with the exact rational time. The burst is
// twice that, so that the bucket is never full in between and nothing is lost for that reason.
TEST(BucketRuleTest, TenToTheNinthTokensDriftByLessThanANanosecond) {
  for (const uint64_t count :
       {uint64_t{3}, uint64_t{7}, uint64_t{999}, uint64_t{1'000'003}, uint64_t{600'000'001},
        uint64_t{999'999'937}, uint64_t{99'999'999'977}}) {
    constexpr uint64_t kCost = 1'000'000;
    constexpr uint64_t kPeriodNs = 1'000'000'000;
    const BucketRule bucket = MustCreate({.count = count, .period = 1s, .burst = 2 * kCost});
    const MonoTime start = At(5'555'555'555ns);
    BucketState state;
    MonoTime now = start;
    ASSERT_TRUE(bucket.Take(&state, now, 2 * kCost).allowed());
    for (int i = 0; i < 1000; ++i) {
      now = now + bucket.Take(&state, now, kCost).retry_after;
      ASSERT_TRUE(bucket.Take(&state, now, kCost).allowed());
    }
    const int64_t exact_ns = static_cast<int64_t>((1000 * kCost * kPeriodNs + count - 1) / count);
    EXPECT_LE(std::abs((now - start).count() - exact_ns), 1) << count;
  }
}

// A bucket in exact rational numbers: tokens in units of 1 / period_ns. It is charged with what the
// real bucket admitted, so that both always speak of the same history.
class ExactBucket {
 public:
  explicit ExactBucket(const Rate& rate) : rate_(rate), tokens_(Scaled(rate.burst)) {}

  void AdvanceTo(MonoTime now) {
    tokens_ += static_cast<Int128>(rate_.count) * (now.ns - now_.ns);
    tokens_ = std::min(tokens_, Scaled(rate_.burst));
    now_ = now;
  }
  void Charge(uint64_t cost) { tokens_ -= Scaled(cost); }
  Int128 tokens() const { return tokens_; }
  Int128 Scaled(uint64_t tokens) const {
    return static_cast<Int128>(tokens) * rate_.period.count();
  }
  // The tokens of one nanosecond, by which `now` may be rounded.
  Int128 Tolerance() const { return static_cast<Int128>(rate_.count); }

 private:
  Rate rate_;
  Int128 tokens_;
  MonoTime now_;
};

Rate AnyRate() {
  const uint64_t count = *rc::gen::inRange<uint64_t>(1, 2000);
  const auto period = *rc::gen::inRange<int64_t>(static_cast<int64_t>(count), 20'000'000);
  return {count, nanoseconds(period), *rc::gen::inRange<uint64_t>(1, 50)};
}

RC_GTEST_PROP(BucketRuleProperty, DecidesAsTheRationalModelWithinANanosecond, ()) {
  const Rate rate = AnyRate();
  const BucketRule bucket = MustCreate(rate);
  const int64_t step_max = 3 * rate.period.count() / static_cast<int64_t>(rate.count) + 2;
  ExactBucket model(rate);
  BucketState state;
  MonoTime now = At(nanoseconds(*rc::gen::inRange<int64_t>(0, int64_t{1} << 50)));
  for (int i = 0; i < 200; ++i) {
    now.ns += *rc::gen::inRange<int64_t>(0, step_max);
    const uint64_t cost = *rc::gen::inRange<uint64_t>(0, rate.burst + 2);
    model.AdvanceTo(now);
    const Outcome peeked = bucket.Peek(state, now, cost);
    const Outcome taken = bucket.Take(&state, now, cost);
    RC_ASSERT(peeked.verdict == taken.verdict);
    RC_ASSERT((taken.verdict == Verdict::kNever) == (cost > rate.burst));
    if (taken.allowed()) {
      model.Charge(cost);
      RC_ASSERT(model.tokens() > -model.Tolerance());
    } else if (taken.verdict == Verdict::kLater) {
      RC_ASSERT(model.tokens() < model.Scaled(cost) + model.Tolerance());
    }
    const Int128 remaining = model.Scaled(taken.remaining);
    RC_ASSERT(remaining < model.tokens() + model.Tolerance());
    RC_ASSERT(remaining > model.tokens() - model.Scaled(1) - model.Tolerance());
  }
}

struct Admission {
  MonoTime at;
  uint64_t cost;
};

// Requests of random cost at random times, those that pass.
std::vector<Admission> Admissions(const BucketRule& bucket) {
  std::vector<Admission> admissions;
  BucketState state;
  MonoTime now = At(nanoseconds(*rc::gen::inRange<int64_t>(0, int64_t{1} << 50)));
  const Rate& rate = bucket.rate();
  const int64_t step_max = 2 * rate.period.count() / static_cast<int64_t>(rate.count) + 2;
  for (int i = 0; i < 120; ++i) {
    now.ns += *rc::gen::inRange<int64_t>(0, step_max);
    const uint64_t cost = *rc::gen::inRange<uint64_t>(1, rate.burst + 1);
    if (bucket.Take(&state, now, cost).allowed()) admissions.push_back({now, cost});
  }
  return admissions;
}

// Whether in every window the tokens taken are at most burst + rate * (window + slack).
bool BoundHolds(const Rate& rate, const std::vector<Admission>& admissions, int64_t slack_ns) {
  for (size_t first = 0; first < admissions.size(); ++first) {
    Uint128 taken = 0;
    for (size_t last = first; last < admissions.size(); ++last) {
      taken += admissions[last].cost;
      const uint64_t window =
          static_cast<uint64_t>((admissions[last].at - admissions[first].at).count() + slack_ns);
      const uint64_t period = static_cast<uint64_t>(rate.period.count());
      if (taken * period >
          static_cast<Uint128>(rate.burst) * period + static_cast<Uint128>(rate.count) * window) {
        return false;
      }
    }
  }
  return true;
}

RC_GTEST_PROP(BucketRuleProperty, NoWindowAdmitsMoreThanBurstAndRate, ()) {
  const Rate rate = AnyRate();
  RC_ASSERT(BoundHolds(rate, Admissions(MustCreate(rate)), 1));
}

RC_GTEST_PROP(BucketRuleProperty, NoWindowAdmitsMoreAtAllWhereANanosecondIsWholeUnits, ()) {
  const Rate rate{*rc::gen::inRange<uint64_t>(1, 8),
                  nanoseconds(int64_t{1} << *rc::gen::inRange(7, 20)),
                  *rc::gen::inRange<uint64_t>(1, 50)};
  const UnitClock clock = MustCreate(rate).clock();
  RC_ASSERT(clock.units % clock.period == 0U);
  RC_ASSERT(BoundHolds(rate, Admissions(MustCreate(rate)), 0));
}

// A day of one token, decided every nanosecond around the moment when it must come.
TEST(BucketRuleTest, OneADayComesAtItsNanosecond) {
  const BucketRule bucket = MustCreate({.count = 1, .period = kDay, .burst = 1});
  BucketState state;
  MonoTime now = At(1'234'567'891ns);
  for (int day = 0; day < 3000; ++day) {
    ASSERT_TRUE(bucket.Take(&state, now).allowed());
    now = now + kDay;
    ASSERT_EQ(bucket.Peek(state, now + -2ns).verdict, Verdict::kLater);
  }
  EXPECT_EQ(bucket.Peek(state, now).verdict, Verdict::kAllowed);
}

// A wrapped position is as good as any other: years of the fastest rate pass it several times.
TEST(BucketRuleTest, PositionsMayWrapAround) {
  const BucketRule bucket = MustCreate({.count = 100, .period = 1ns, .burst = 1000});
  BucketState state;
  const nanoseconds half_turn(int64_t{1} << 55);
  MonoTime now = At(1ns);
  for (int turn = 0; turn < 60; ++turn) {
    ASSERT_TRUE(bucket.Take(&state, now, 1000).allowed());
    ASSERT_EQ(bucket.Take(&state, now, 1).retry_after, 1ns);
    ASSERT_EQ(bucket.Peek(state, now + 9ns, 1000).verdict, Verdict::kLater);
    ASSERT_TRUE(bucket.Peek(state, now + 10ns, 1000).allowed());
    now = now + half_turn;
  }
}

RC_GTEST_PROP(TokenBucketProperty, DecidesAsItsRule, ()) {
  const BucketRule rule = MustCreate(AnyRate());
  TokenBucket bucket(rule);
  BucketState state;
  MonoTime now = At(1s);
  for (int i = 0; i < 200; ++i) {
    now.ns += *rc::gen::inRange<int64_t>(0, 2 * rule.rate().period.count());
    const uint64_t cost = *rc::gen::inRange<uint64_t>(0, rule.rate().burst + 1);
    RC_ASSERT(bucket.TimeUntil(now, cost) == rule.RetryAfter(state, now, cost));
    const bool allowed = bucket.Take(now, cost).allowed();
    RC_ASSERT(allowed == rule.Take(&state, now, cost).allowed());
    if (!allowed || *rc::gen::inRange(0, 4) != 0) continue;
    bucket.Refund(now, cost);
    rule.Refund(&state, now, cost);
  }
}

// Threads take from one bucket with a frozen clock; some give back what they took. What is left in
// the end is the burst without what was kept, to the token.
TEST(TokenBucketTest, ThreadsTogetherAreAdmittedToTheToken) {
  constexpr uint64_t kBurst = 100'000;
  TokenBucket bucket(MustCreate({.count = 1, .period = 10min, .burst = kBurst}));
  const MonoTime now = At(77s);
  std::atomic<uint64_t> kept{0};
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      Random random(thread);
      uint64_t own = 0;
      for (int i = 0; i < 20'000; ++i) {
        const uint64_t cost = 1 + random.Below(4);
        if (!bucket.Take(now, cost).allowed()) continue;
        if (random.OneIn(3)) {
          bucket.Refund(now, cost);
        } else {
          own += cost;
        }
      }
      kept += own;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bucket.Peek(now, 0).remaining, kBurst - kept);
  while (bucket.Take(now).allowed()) ++kept;
  EXPECT_EQ(kept, kBurst);
}

}  // namespace
}  // namespace weir::limit
