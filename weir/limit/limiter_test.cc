// Goal: policies decide together, all or nothing; the refusal says who, what and when; stripes may
// be driven by many threads.
// Method: scripted requests at chosen times; the exact reply text; threads under one lock a stripe,
// whose total is compared with the rate.
#include "weir/limit/limiter.h"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "weir/base/random.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{5'000'000'000};

Policy Make(std::string name, Per per, Rate rate, Unit unit = Unit::kRequests) {
  Policy policy;
  policy.name = std::move(name);
  policy.per = per;
  policy.unit = unit;
  policy.rate = rate;
  return policy;
}

Limiter MustCreate(std::vector<Policy> policies, Limiter::Options options = {}) {
  Result<PolicySet> set = PolicySet::Create(std::move(policies), 42);
  EXPECT_TRUE(set.ok()) << set.error().message;
  Result<Limiter> limiter = Limiter::Create(std::move(set).value(), options);
  EXPECT_TRUE(limiter.ok()) << limiter.error().message;
  return std::move(limiter).value();
}

std::string Text(const Limiter& limiter, const Decision& decision) {
  std::array<char, kThrottledTextMax> buffer;
  return std::string(FormatThrottled(decision, limiter.policies(), buffer));
}

Request From(uint8_t client, std::string_view key = "k") {
  return {.client = Address::FromV4({10, 0, 0, client}), .key = key};
}

TEST(LimiterTest, WithoutPoliciesEverythingPasses) {
  Limiter limiter = MustCreate({});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.Admit(From(1), kStart).allowed());
  EXPECT_EQ(limiter.MakePlan(From(1)).stripes(), 0U);
}

TEST(LimiterTest, EachClientHasItsOwnLimit) {
  Limiter limiter = MustCreate({Make("per-client", Per::kClient, {10, 1s, 3})});
  for (uint8_t client = 1; client <= 200; ++client) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.Admit(From(client), kStart).allowed());
    EXPECT_FALSE(limiter.Admit(From(client), kStart).allowed());
  }
  const PolicyCounters counters = limiter.Counters(0, 0);
  EXPECT_EQ(counters.allowed, 600U);
  EXPECT_EQ(counters.denied, 200U);
  EXPECT_EQ(counters.used_slots, 200U);
  EXPECT_EQ(counters.evicted_live, 0U);
}

TEST(LimiterTest, ARefusedRequestIsChargedToNoPolicy) {
  Limiter limiter = MustCreate(
      {Make("all", Per::kPrefix, {1, 1s, 10}), Make("per-client", Per::kClient, {1, 1s, 2})});
  for (int i = 0; i < 100; ++i) limiter.Admit(From(1), kStart);
  // Client 1 took 2 of the 10; its 98 refusals took nothing.
  uint64_t others = 0;
  for (uint8_t client = 2; client <= 100; ++client) {
    others += limiter.Admit(From(client), kStart).allowed() ? 1 : 0;
  }
  EXPECT_EQ(others, 8U);
  EXPECT_EQ(limiter.Counters(0, 0).allowed, 10U);
  EXPECT_EQ(limiter.Counters(1, 0).denied, 98U);
  EXPECT_EQ(limiter.Counters(0, 0).denied, 91U);
}

TEST(LimiterTest, OfSeveralRefusalsTheLongestWaitIsNamedAndSuffices) {
  Limiter limiter = MustCreate(
      {Make("fast", Per::kClient, {10, 1s, 1}), Make("slow", Per::kPrefix, {1, 1min, 1})});
  ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());
  const Decision decision = limiter.Admit(From(1), kStart);
  EXPECT_EQ(decision.policy, 1U);
  EXPECT_EQ(decision.retry_after, 1min);
  EXPECT_TRUE(limiter.Admit(From(1), kStart + 1min).allowed());
}

TEST(LimiterTest, TheReplySaysWhenWhoAndWhy) {
  Limiter limiter = MustCreate({Make("tenant:acme/write", Per::kClient, {500, 1s, 1})});
  ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());
  EXPECT_EQ(Text(limiter, limiter.Admit(From(1), kStart)),
            "THROTTLED retry_after_ms=2 policy=tenant:acme/write limit=500/1s scope=client "
            "reason=quota");
}

TEST(LimiterTest, TheWaitInTheReplyIsRoundedUpAndNeverZero) {
  Limiter limiter = MustCreate({Make("p", Per::kUser, {1'000'000, 1s, 1})});
  ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());
  const Decision decision = limiter.Admit(From(1), kStart);
  EXPECT_EQ(decision.retry_after, 1us);
  EXPECT_EQ(Text(limiter, decision),
            "THROTTLED retry_after_ms=1 policy=p limit=1000000/1s scope=user reason=quota");
}

TEST(LimiterTest, ACostAboveTheBurstSaysThatItCanNeverPass) {
  Limiter limiter = MustCreate({Make("bytes", Per::kKey, {1000, 1min, 500}, Unit::kBytes),
                                Make("requests", Per::kClient, {1, 1h, 1})});
  Request request = From(1);
  request.bytes = 500;
  ASSERT_TRUE(limiter.Admit(request, kStart).allowed());
  request.bytes = 501;
  // "requests" refuses too, for an hour, but never is longer.
  EXPECT_EQ(Text(limiter, limiter.Admit(request, kStart)),
            "THROTTLED retry_after_ms=-1 policy=bytes limit=1000B/1m scope=key "
            "reason=cost_above_burst");
}

TEST(LimiterTest, TheLongestPossibleReplyFits) {
  Limiter limiter =
      MustCreate({Make(std::string(kPolicyNameBytesMax, 'n'), Per::kClient,
                       {uint64_t(kPeriodMax.count()) - 1, kPeriodMax - 1ns, 1}, Unit::kBytes)});
  Decision decision{.verdict = Verdict::kLater, .retry_after = std::chrono::nanoseconds::max()};
  EXPECT_LT(Text(limiter, decision).size(), kThrottledTextMax);
  decision.verdict = Verdict::kNever;
  EXPECT_LT(Text(limiter, decision).size(), kThrottledTextMax);
}

TEST(LimiterTest, BytesAreChargedAsBytesAndAnEmptyRequestIsFree) {
  Limiter limiter = MustCreate({Make("bytes", Per::kClient, {100, 1s, 100}, Unit::kBytes)});
  Request request = From(1);
  request.bytes = 60;
  EXPECT_TRUE(limiter.Admit(request, kStart).allowed());
  EXPECT_EQ(limiter.Admit(request, kStart).retry_after, 200ms);
  request.bytes = 40;
  EXPECT_TRUE(limiter.Admit(request, kStart).allowed());
  request.bytes = 0;
  EXPECT_TRUE(limiter.Admit(request, kStart).allowed());
}

TEST(LimiterTest, RefundGivesBackUnderEveryPolicy) {
  Limiter limiter =
      MustCreate({Make("a", Per::kClient, {1, 1s, 1}), Make("b", Per::kPrefix, {1, 1s, 1})});
  const Plan plan = limiter.MakePlan(From(1));
  ASSERT_TRUE(limiter.Admit(plan, kStart).allowed());
  limiter.Refund(plan);
  EXPECT_TRUE(limiter.Admit(plan, kStart).allowed());
  EXPECT_FALSE(limiter.Admit(plan, kStart).allowed());
}

TEST(LimiterTest, MemoryIsDividedAndTooLittleIsRefused) {
  const std::vector<Policy> policies = {Make("a", Per::kClient, {1, 1s, 1}),
                                        Make("b", Per::kKey, {1, 1s, 1}),
                                        Make("c", Per::kPrefix, {1, 1s, 1})};
  const size_t bytes_min = 3 * 4 * BucketTable::kBytesMin;
  const auto create = [&](Limiter::Options options) {
    return Limiter::Create(PolicySet::Create(policies, 1).value(), options);
  };
  EXPECT_TRUE(create({.bytes = bytes_min, .stripes = 4}).ok());
  EXPECT_FALSE(create({.bytes = bytes_min - 1, .stripes = 4}).ok());
  EXPECT_TRUE(create({.stripes = kStripesMax}).ok());
  EXPECT_FALSE(create({.stripes = 2 * kStripesMax}).ok());
  EXPECT_FALSE(create({.stripes = 3}).ok());
  EXPECT_FALSE(create({.stripes = 0}).ok());

  const Limiter limiter = create({.bytes = 1 << 20, .stripes = 4}).value();
  size_t slots = 0;
  for (size_t policy = 0; policy < 3; ++policy) {
    for (size_t stripe = 0; stripe < 4; ++stripe) slots += limiter.Counters(policy, stripe).slots;
  }
  EXPECT_LE(slots * 16, size_t{1} << 20);
  EXPECT_GE(slots * 16, (size_t{1} << 20) * 95 / 100);
  EXPECT_EQ(limiter.Counters(2, 0).slots, BucketTable::kGroupSlots);
}

// The stripes a plan names are enough: threads that hold only those admit exactly the burst of each
// bucket together. (The thread sanitizer checks that nothing else is written.)
TEST(LimiterTest, StripesMayBeDrivenByManyThreads) {
  constexpr size_t kStripes = 8;
  constexpr int kThreads = 4;
  constexpr uint8_t kClients = 16;
  Limiter limiter = MustCreate(
      {Make("per-client", Per::kClient, {1, 1h, 50}), Make("per-key", Per::kKey, {1, 1h, 100})},
      {.bytes = 1 << 20, .stripes = kStripes});
  std::array<std::mutex, kStripes> locks;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&limiter, &locks, t] {
      Random random(static_cast<uint64_t>(t));
      for (int i = 0; i < 5000; ++i) {
        const uint8_t client = static_cast<uint8_t>(random.Below(kClients));
        const std::string key = "key" + std::to_string(random.Below(kClients));
        const Plan plan = limiter.MakePlan(From(client, key));
        std::deque<std::unique_lock<std::mutex>> held;
        for (size_t stripe = 0; stripe < kStripes; ++stripe) {
          if ((plan.stripes() >> stripe & 1) != 0) held.emplace_back(locks[stripe]);
        }
        limiter.Admit(plan, kStart);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t allowed = 0;
  uint64_t denied = 0;
  for (size_t stripe = 0; stripe < kStripes; ++stripe) {
    allowed += limiter.Counters(0, stripe).allowed;
    denied += limiter.Counters(0, stripe).denied + limiter.Counters(1, stripe).denied;
  }
  EXPECT_EQ(allowed, kClients * 50U);
  EXPECT_EQ(allowed + denied, kThreads * 5000U);
}

// Two policies against two plain maps of buckets, decided by hand.
RC_GTEST_PROP(LimiterProperty, DecidesAsSeparateBucketsThatAgree, ()) {
  const Rate per_client{*rc::gen::inRange<uint64_t>(1, 30), 1s, *rc::gen::inRange<uint64_t>(1, 9)};
  const Rate per_key{*rc::gen::inRange<uint64_t>(1, 30), 1s, *rc::gen::inRange<uint64_t>(1, 9)};
  Limiter limiter =
      MustCreate({Make("client", Per::kClient, per_client), Make("key", Per::kKey, per_key)},
                 {.bytes = 1 << 16, .stripes = 4});
  const TokenBucket client_rule = TokenBucket::Create(per_client).value();
  const TokenBucket key_rule = TokenBucket::Create(per_key).value();
  std::array<BucketState, 8> clients;
  std::array<BucketState, 8> keys;
  Random random(*rc::gen::arbitrary<uint64_t>());
  MonoTime now = kStart;
  for (int i = 0; i < 500; ++i) {
    now = now + std::chrono::microseconds(random.Below(50'000));
    const size_t client = random.Below(clients.size());
    const size_t key = random.Below(keys.size());
    const std::string key_name = std::to_string(key);
    const Decision decision = limiter.Admit(From(static_cast<uint8_t>(client), key_name), now);
    const Outcome by_client = client_rule.Peek(clients[client], now);
    const Outcome by_key = key_rule.Peek(keys[key], now);
    RC_ASSERT(decision.allowed() == (by_client.allowed() && by_key.allowed()));
    RC_ASSERT(decision.retry_after == std::max(by_client.retry_after, by_key.retry_after));
    if (!decision.allowed()) continue;
    client_rule.Take(&clients[client], now);
    key_rule.Take(&keys[key], now);
  }
}

}  // namespace
}  // namespace weir::limit
