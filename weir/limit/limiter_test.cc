// Goal: policies decide together, all or nothing; the refusal says who, what and when; a set of
// policies is replaced without losing a token.
// Method: scripted requests at chosen times; the exact reply text; threads that are admitted while
// the set is replaced, whose total is compared with the burst.
#include "weir/limit/limiter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
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

// A limiter and the view of the thread that uses it.
class Rig {
 public:
  explicit Rig(std::vector<Policy> policies, size_t bytes = size_t{1} << 20) {
    Result<std::unique_ptr<Limiter>> limiter =
        Limiter::Create(std::move(policies), {.bytes = bytes, .seed = 42});
    EXPECT_TRUE(limiter.ok()) << limiter.error().message;
    limiter_ = std::move(limiter).value();
    limiter_->Follow(&view_);
  }

  Decision Admit(const Request& request, MonoTime now) {
    return limiter_->Admit(&view_, request, now);
  }
  void Refund(const Request& request, MonoTime now) { limiter_->Refund(&view_, request, now); }
  void Settle(const Request& request, std::chrono::nanoseconds took, MonoTime now) {
    limiter_->Settle(&view_, request, took, now);
  }
  PolicyCounters Counters(size_t policy) {
    limiter_->Follow(&view_);
    return limiter_->Counters(view_.policies(), policy);
  }
  // The reply to a request that was just refused.
  std::string Text(const Decision& decision) const {
    std::array<char, kThrottledTextMax> buffer;
    return std::string(FormatThrottled(decision, view_.policies(), buffer));
  }
  Limiter& limiter() { return *limiter_; }

 private:
  std::unique_ptr<Limiter> limiter_;
  Limiter::View view_;
};

Request From(uint8_t client, std::string_view key = "k") {
  return {.client = Address::FromV4({10, 0, 0, client}), .key = key};
}

TEST(LimiterTest, ARequestCostsWhatItsPolicySaysAndAShadowRefusesNothing) {
  Policy dear = Make("dear", Per::kClient, {10, 1s, 10});
  dear.request_cost = 4;
  Policy shadow = Make("shadow", Per::kClient, {1, 1s, 1});
  shadow.enforced_percent = 0;
  Rig rig({dear, shadow});
  const Request request{.client = Address::FromV4({10, 0, 0, 1})};
  EXPECT_TRUE(rig.Admit(request, kStart).allowed());
  EXPECT_TRUE(rig.Admit(request, kStart).allowed());
  const Decision refused = rig.Admit(request, kStart);
  EXPECT_EQ(refused.policy, 0u);
  EXPECT_EQ(refused.retry_after, 200ms);
  EXPECT_EQ(rig.Counters(0).denied, 1u);
  EXPECT_EQ(rig.Counters(0).near, 0u);
  EXPECT_EQ(rig.Counters(1).allowed, 1u);
  EXPECT_EQ(rig.Counters(1).near, 1u);
  EXPECT_EQ(rig.Counters(1).shadowed, 1u);
  EXPECT_EQ(rig.Counters(1).denied, 0u);
}

TEST(LimiterTest, EnforcedPercentIsOfBuckets) {
  Policy half = Make("half", Per::kClient, {1, 1h, 1});
  half.enforced_percent = 30;
  Rig rig({half});
  size_t refused = 0;
  for (uint8_t high = 0; high < 40; ++high) {
    for (uint8_t low = 0; low < 250; ++low) {
      const Request request{.client = Address::FromV4({10, 0, high, low})};
      rig.Admit(request, kStart);
      const bool first = rig.Admit(request, kStart).allowed();
      EXPECT_EQ(rig.Admit(request, kStart).allowed(), first);
      refused += first ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 2800u);
  EXPECT_LT(refused, 3200u);
}

TEST(LimiterTest, WithoutPoliciesEverythingPasses) {
  Rig limiter({});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.Admit(From(1), kStart).allowed());
  EXPECT_TRUE(limiter.limiter().unlimited());
}

TEST(LimiterTest, EachClientHasItsOwnLimit) {
  Rig limiter({Make("per-client", Per::kClient, {10, 1s, 3})});
  for (uint8_t client = 1; client <= 200; ++client) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.Admit(From(client), kStart).allowed());
    EXPECT_FALSE(limiter.Admit(From(client), kStart).allowed());
  }
  const PolicyCounters counters = limiter.Counters(0);
  EXPECT_EQ(counters.allowed, 600U);
  EXPECT_EQ(counters.denied, 200U);
  EXPECT_EQ(limiter.limiter().Table().used_slots, 200U);
  EXPECT_EQ(limiter.limiter().Table().evicted_live, 0U);
}

TEST(LimiterTest, ARefusedRequestIsChargedToNoPolicy) {
  Rig limiter(
      {Make("all", Per::kPrefix, {1, 1s, 10}), Make("per-client", Per::kClient, {1, 1s, 2})});
  for (int i = 0; i < 100; ++i) limiter.Admit(From(1), kStart);
  // Client 1 took 2 of the 10; its 98 refusals took nothing.
  uint64_t others = 0;
  for (uint8_t client = 2; client <= 100; ++client) {
    others += limiter.Admit(From(client), kStart).allowed() ? 1 : 0;
  }
  EXPECT_EQ(others, 8U);
  EXPECT_EQ(limiter.Counters(0).allowed, 10U);
  EXPECT_EQ(limiter.Counters(1).denied, 98U);
  EXPECT_EQ(limiter.Counters(0).denied, 91U);
}

TEST(LimiterTest, OfSeveralRefusalsTheLongestWaitIsNamedAndSuffices) {
  Rig limiter({Make("fast", Per::kClient, {10, 1s, 1}), Make("slow", Per::kPrefix, {1, 1min, 1})});
  ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());
  const Decision decision = limiter.Admit(From(1), kStart);
  EXPECT_EQ(decision.policy, 1U);
  EXPECT_EQ(decision.retry_after, 1min);
  EXPECT_TRUE(limiter.Admit(From(1), kStart + 1min).allowed());
}

TEST(LimiterTest, TheReplySaysWhenWhoAndWhy) {
  Rig limiter({Make("tenant:acme/write", Per::kClient, {500, 1s, 1})});
  ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());
  EXPECT_EQ(limiter.Text(limiter.Admit(From(1), kStart)),
            "THROTTLED retry_after_ms=2 policy=tenant:acme/write limit=500/1s scope=client "
            "reason=quota");
}

TEST(LimiterTest, TheWaitInTheReplyIsRoundedUpAndNeverZero) {
  Rig limiter({Make("p", Per::kUser, {1'000'000, 1s, 1})});
  ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());
  const Decision decision = limiter.Admit(From(1), kStart);
  EXPECT_EQ(decision.retry_after, 1us);
  EXPECT_EQ(limiter.Text(decision),
            "THROTTLED retry_after_ms=1 policy=p limit=1000000/1s scope=user reason=quota");
}

TEST(LimiterTest, ACostAboveTheBurstSaysThatItCanNeverPass) {
  Rig limiter({Make("bytes", Per::kKey, {1000, 1min, 500}, Unit::kBytes),
               Make("requests", Per::kClient, {1, 1h, 1})});
  Request request = From(1);
  request.bytes = 500;
  ASSERT_TRUE(limiter.Admit(request, kStart).allowed());
  request.bytes = 501;
  // "requests" refuses too, for an hour, but never is longer.
  EXPECT_EQ(limiter.Text(limiter.Admit(request, kStart)),
            "THROTTLED retry_after_ms=-1 policy=bytes limit=1000B/1m scope=key "
            "reason=cost_above_burst");
}

TEST(LimiterTest, TheLongestPossibleReplyFits) {
  Policy policy = Make(std::string(kPolicyNameBytesMax, 'n'), Per::kText,
                       {uint64_t(kPeriodMax.count()) - 1, kPeriodMax - 1ns, 1}, Unit::kBytes);
  policy.subject = "{user}" + std::string(SubjectTemplate::kBytesMax - 6, 't');
  Rig limiter({policy});
  Decision decision{.verdict = Verdict::kLater, .retry_after = std::chrono::nanoseconds::max()};
  EXPECT_LT(limiter.Text(decision).size(), kThrottledTextMax);
  decision.verdict = Verdict::kNever;
  EXPECT_LT(limiter.Text(decision).size(), kThrottledTextMax);
}

TEST(LimiterTest, BytesAreChargedAsBytesAndAnEmptyRequestIsFree) {
  Rig limiter({Make("bytes", Per::kClient, {100, 1s, 100}, Unit::kBytes)});
  Request request = From(1);
  request.bytes = 60;
  EXPECT_TRUE(limiter.Admit(request, kStart).allowed());
  EXPECT_EQ(limiter.Admit(request, kStart).retry_after, 200ms);
  request.bytes = 40;
  EXPECT_TRUE(limiter.Admit(request, kStart).allowed());
  request.bytes = 0;
  EXPECT_TRUE(limiter.Admit(request, kStart).allowed());
}

TEST(LimiterTest, TimeIsTakenAfterwardsToTheNanosecondAndWhatIsOwedIsWaitedFor) {
  Rig rig({Make("time", Per::kClient, {1000, 1s, 10}, Unit::kDatabaseTime),
           Make("requests", Per::kClient, {1, 1s, 100})});
  EXPECT_TRUE(rig.Admit(From(1), kStart).allowed());
  rig.Settle(From(1), 2'500'001ns, kStart);
  EXPECT_TRUE(rig.Admit(From(1), kStart).allowed());
  rig.Settle(From(1), 7'499'000ns, kStart);
  EXPECT_TRUE(rig.Admit(From(1), kStart).allowed());
  rig.Settle(From(1), 1s, kStart);  // Of which a burst is taken: 10 ms.
  const Decision refused = rig.Admit(From(1), kStart);
  EXPECT_EQ(refused.policy, 0u);
  EXPECT_GT(refused.retry_after, 9'999'000ns);
  EXPECT_LT(refused.retry_after, 9'999'010ns);
  EXPECT_FALSE(rig.Admit(From(1), kStart + (refused.retry_after - 1ns)).allowed());
  EXPECT_TRUE(rig.Admit(From(1), kStart + refused.retry_after).allowed());
  EXPECT_TRUE(rig.Admit(From(2), kStart).allowed());
  EXPECT_EQ(rig.Counters(1).allowed, 5u);
}

TEST(LimiterTest, RefundGivesBackUnderEveryPolicy) {
  Rig limiter({Make("a", Per::kClient, {1, 1s, 1}), Make("b", Per::kPrefix, {1, 1s, 1})});
  ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());
  limiter.Refund(From(1), kStart);
  EXPECT_TRUE(limiter.Admit(From(1), kStart).allowed());
  EXPECT_FALSE(limiter.Admit(From(1), kStart).allowed());
}

TEST(LimiterTest, TooLittleMemoryIsRefused) {
  EXPECT_TRUE(Limiter::Create({}, {.bytes = BucketTable::kBytesMin}).ok());
  EXPECT_FALSE(Limiter::Create({}, {.bytes = BucketTable::kBytesMin - 1}).ok());
}

TEST(LimiterTest, AReplacedSetKeepsTheTokensThatWereTaken) {
  Rig limiter({Make("keeps", Per::kClient, {1, 1h, 10}), Make("goes", Per::kPrefix, {1, 1h, 5})});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());

  // More burst is there at once; what was taken stays taken.
  ASSERT_TRUE(
      limiter.limiter().SetPolicies({Make("keeps", Per::kClient, {1, 1min, 12})}, kStart).ok());
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(limiter.Admit(From(1), kStart).allowed());
  const Decision refused = limiter.Admit(From(1), kStart);
  EXPECT_EQ(refused.retry_after, 1min);
  EXPECT_EQ(limiter.Counters(0).allowed, 12U);

  // Less burst: no emptier than empty.
  ASSERT_TRUE(
      limiter.limiter().SetPolicies({Make("keeps", Per::kClient, {1, 1min, 2})}, kStart).ok());
  EXPECT_EQ(limiter.Admit(From(1), kStart).retry_after, 1min);

  // What was away comes back full.
  ASSERT_TRUE(limiter.limiter().SetPolicies({}, kStart).ok());
  EXPECT_TRUE(limiter.limiter().unlimited());
  ASSERT_TRUE(
      limiter.limiter().SetPolicies({Make("keeps", Per::kClient, {1, 1min, 2})}, kStart).ok());
  EXPECT_TRUE(limiter.Admit(From(1), kStart).allowed());
}

TEST(LimiterTest, ASetThatCannotBeLeavesTheOneInForce) {
  Rig limiter({Make("p", Per::kPrefix, {1, 1h, 1})});
  ASSERT_TRUE(limiter.Admit(From(1), kStart).allowed());
  EXPECT_FALSE(limiter.limiter().SetPolicies({Make("", Per::kPrefix, {1, 1h, 1})}, kStart).ok());
  EXPECT_FALSE(limiter.Admit(From(1), kStart).allowed());
}

TEST(LimiterTest, APlanFromBeforeAReplacementDoesNothing) {
  Rig limiter({Make("p", Per::kPrefix, {1, 1h, 2})});
  Limiter::View view;
  const Plan plan = limiter.limiter().MakePlan(&view, From(1), kStart);
  ASSERT_TRUE(limiter.limiter().SetPolicies({Make("p", Per::kPrefix, {1, 1h, 1})}, kStart).ok());
  EXPECT_FALSE(limiter.limiter().Admit(view, plan).has_value());
  EXPECT_TRUE(limiter.Admit(From(1), kStart).allowed());
}

// Threads are admitted while the set is replaced again and again by one whose rate differs, so that
// every bucket is brought over each time: of each the burst is taken, to the token.
TEST(LimiterTest, ReplacingTheSetUnderThreadsLosesNoToken) {
  constexpr uint8_t kClients = 16;
  constexpr uint64_t kBurst = 2000;
  Rig limiter({Make("p", Per::kClient, {1, 24h, kBurst})});
  std::atomic<uint64_t> admitted{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&limiter, &admitted, t] {
      Limiter::View view;
      Random random(t);
      for (int i = 0; i < 30'000; ++i) {
        const Request request = From(static_cast<uint8_t>(random.Below(kClients)));
        admitted += limiter.limiter().Admit(&view, request, kStart).allowed() ? 1 : 0;
      }
    });
  }
  for (int64_t i = 1; i <= 300; ++i) {
    const std::chrono::nanoseconds period = 24h - std::chrono::seconds(i);
    EXPECT_TRUE(
        limiter.limiter().SetPolicies({Make("p", Per::kClient, {1, period, kBurst})}, kStart).ok());
  }
  for (std::thread& thread : threads) thread.join();
  for (uint8_t client = 0; client < kClients; ++client) {
    while (limiter.Admit(From(client), kStart).allowed()) ++admitted;
  }
  EXPECT_EQ(admitted, kClients * kBurst);
}

// A table fills up, so that newcomers move others between their two groups, while a replacement
// goes from group to group: none is overlooked, which would forget what was taken.
TEST(LimiterTest, ReplacingTheSetWhileTheTableFillsForgetsNoBucket) {
  constexpr size_t kKeys = 4096;
  constexpr uint32_t kTries = 4;
  constexpr uint32_t kBurst = 1;
  for (uint64_t round = 0; round < 40; ++round) {
    Rig limiter({Make("p", Per::kKey, {1, 24h, kBurst})}, size_t{64} << 10);
    std::vector<std::atomic<uint32_t>> admitted(kKeys);
    std::atomic<int> working{2};
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        Limiter::View view;
        Random random(2 * round + t);
        for (size_t i = 0; i < kTries * kKeys; ++i) {
          const size_t key = random.Below(kKeys);
          const std::string name = std::to_string(key);
          if (limiter.limiter().Admit(&view, From(1, name), kStart).allowed()) ++admitted[key];
        }
        --working;
      });
    }
    for (int64_t i = 1; working > 0; ++i) {
      const Rate rate{1, 24h - std::chrono::seconds(i % 1000), kBurst};
      EXPECT_TRUE(limiter.limiter().SetPolicies({Make("p", Per::kKey, rate)}, kStart).ok());
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::atomic<uint32_t>& times : admitted) ASSERT_LE(times, kBurst);
  }
}

// Two policies against two plain maps of buckets, decided by hand.
RC_GTEST_PROP(LimiterProperty, DecidesAsSeparateBucketsThatAgree, ()) {
  const Rate per_client{*rc::gen::inRange<uint64_t>(1, 30), 1s, *rc::gen::inRange<uint64_t>(1, 9)};
  const Rate per_key{*rc::gen::inRange<uint64_t>(1, 30), 1s, *rc::gen::inRange<uint64_t>(1, 9)};
  Rig limiter({Make("client", Per::kClient, per_client), Make("key", Per::kKey, per_key)});
  const BucketRule client_rule = BucketRule::Create(per_client).value();
  const BucketRule key_rule = BucketRule::Create(per_key).value();
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
