// Goal: a decision about named limits charges all or none, in tokens that never run fast, whatever
// is refunded or settled meanwhile.
// Method: scripted decisions at chosen times; random histories of decisions and refunds under
// several limits, held against a sum over every window.
#include "weir/limit/named_limits.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{5'000'000'000};

class NamedLimitsTest : public testing::Test {
 protected:
  NamedOutcomes Do(Ask ask, std::vector<NamedLimit> limits, MonoTime now = kStart) {
    Result<NamedOutcomes> outcomes = DecideNamed(*limiter_, &view_, limits, ask, now);
    EXPECT_TRUE(outcomes.ok()) << outcomes.error().message;
    return outcomes.value();
  }
  std::string Failure(std::vector<NamedLimit> limits) {
    const Result<NamedOutcomes> outcomes =
        DecideNamed(*limiter_, &view_, limits, Ask::kTake, kStart);
    return outcomes.ok() ? "none" : outcomes.error().message;
  }
  Limiter& limiter() { return *limiter_; }

 private:
  static std::unique_ptr<Limiter> Create() {
    Policy shared{.name = "shared", .per = Per::kPrefix, .rate = {10, 1s, 10}};
    Policy client{.name = "client", .per = Per::kClient, .rate = {1, 1s, 1}};
    Policy key{.name = "key", .key_prefix = "user:", .per = Per::kKey, .rate = {1, 1s, 2}};
    Policy paced{.name = "paced", .per = Per::kKey, .rate = {2, 1s, 2}, .only_named = true};
    Policy hourly = paced;
    hourly.rate = {5, 1h, 5};
    hourly.window = 1;
    std::vector<Policy> policies{shared, client, key, paced, hourly};
    for (uint8_t window = 0; window < 3; ++window) {
      policies.push_back(paced);
      policies.back().name = "three";
      policies.back().window = window;
    }
    return Limiter::Create(std::move(policies), {.seed = 42}).value();
  }
  std::unique_ptr<Limiter> limiter_ = Create();
  Limiter::View view_;
};

TEST_F(NamedLimitsTest, ThePolicysRatesDecideAsOneLimit) {
  const NamedLimit paced{.key = "k", .policy = "paced"};
  const NamedLimit other{.key = "o", .rate = {1, 1h, 9}};
  NamedOutcomes outcomes = Do(Ask::kTake, {other, paced});
  EXPECT_EQ(outcomes.count, 2u);
  EXPECT_EQ(outcomes.each[1].remaining, 1u);
  EXPECT_EQ(outcomes.each[1].window, 0u);
  EXPECT_EQ(outcomes.each[1].reset_after, 720s);
  Do(Ask::kTake, {other, paced});
  outcomes = Do(Ask::kTake, {other, paced});
  EXPECT_FALSE(outcomes.allowed);
  EXPECT_EQ(outcomes.decisive, 1u);
  EXPECT_EQ(outcomes.each[1].retry_after, 500ms);
  for (int i = 1; i < 4; ++i) {
    EXPECT_TRUE(Do(Ask::kTake, {other, paced}, kStart + i * 1s).allowed);
  }
  outcomes = Do(Ask::kTake, {other, paced}, kStart + 4s);
  EXPECT_FALSE(outcomes.allowed);
  EXPECT_EQ(outcomes.each[1].window, 1u);
  EXPECT_EQ(outcomes.each[1].remaining, 0u);
  EXPECT_EQ(outcomes.each[1].retry_after, 716s);
  EXPECT_EQ(outcomes.each[0].remaining, 4u);  // Nothing was taken by those refused.
  // Given back to all of them.
  outcomes = Do(Ask::kReturn, {paced}, kStart + 4s);
  EXPECT_EQ(outcomes.each[0].remaining, 1u);
}

TEST_F(NamedLimitsTest, AsManyRatesAsMayDecideTogetherAndNotOneMore) {
  const std::string keys[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  std::vector<NamedLimit> limits;
  for (const std::string& key : keys) limits.push_back({.key = key, .policy = "paced"});
  EXPECT_TRUE(Do(Ask::kTake, limits).allowed);
  static_assert(2 * std::size(keys) == kNamedRatesMax);
  for (NamedLimit& limit : limits) limit.policy = "three";
  limits.resize(6);
  EXPECT_EQ(Failure(limits), "at most 16 rates decide together");
  limits.resize(5);
  EXPECT_TRUE(Do(Ask::kTake, limits).allowed);
}

TEST_F(NamedLimitsTest, AllAreChargedOrNone) {
  const NamedLimit wide{.key = "tenant", .rate = {100, 1s, 100}};
  const NamedLimit narrow{.key = "user", .rate = {1, 1s, 1}};
  NamedOutcomes first = Do(Ask::kTake, {wide, narrow});
  EXPECT_TRUE(first.allowed);
  EXPECT_EQ(first.each[0].remaining, 99u);
  EXPECT_EQ(first.each[1].remaining, 0u);
  EXPECT_EQ(first.each[1].reset_after, 1s);
  const NamedOutcomes second = Do(Ask::kTake, {wide, narrow}, kStart + 250ms);
  EXPECT_FALSE(second.allowed);
  EXPECT_EQ(second.decisive, 1u);
  EXPECT_EQ(second.each[1].retry_after, 750ms);
  EXPECT_EQ(Do(Ask::kPeek, {wide}).each[0].remaining, 99u);
}

TEST_F(NamedLimitsTest, WindowsOfOneKeyAreToldApartByTheirOrder) {
  const NamedLimit second{.key = "k", .rate = {10, 1s, 10}, .window = 0};
  const NamedLimit hour{.key = "k", .rate = {12, 1h, 12}, .window = 1};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Do(Ask::kTake, {second, hour}).allowed);
  EXPECT_EQ(Do(Ask::kTake, {second, hour}).decisive, 0u);
  EXPECT_TRUE(Do(Ask::kTake, {second, hour}, kStart + 1s).allowed);
  EXPECT_TRUE(Do(Ask::kTake, {second, hour}, kStart + 1s).allowed);
  EXPECT_EQ(Do(Ask::kTake, {second, hour}, kStart + 1s).decisive, 1u);
}

TEST_F(NamedLimitsTest, APolicyIsTheSameWhoeverAsks) {
  const Request request{.client = Address::FromV4({10, 0, 0, 7}), .key = "x"};
  Limiter::View view;
  EXPECT_TRUE(limiter().Admit(&view, request, kStart).allowed());
  EXPECT_FALSE(Do(Ask::kTake, {{.key = "10.0.0.7", .policy = "client"}}).allowed);
  EXPECT_TRUE(Do(Ask::kTake, {{.key = "10.0.0.8", .policy = "client"}}).allowed);
  EXPECT_EQ(Do(Ask::kPeek, {{.key = "any", .policy = "shared", .cost = 0}}).each[0].remaining, 9u);
  const auto now = limiter().Counters(view.policies(), 1);
  EXPECT_EQ(now.allowed, 2u);
  EXPECT_EQ(now.denied, 1u);
}

TEST_F(NamedLimitsTest, WhatIsTakenAnywayIsOwed) {
  const NamedLimit limit{.key = "k", .rate = {10, 1s, 10}, .cost = 15};
  EXPECT_EQ(Do(Ask::kTake, {limit}).each[0].verdict, Verdict::kNever);
  const NamedOutcomes owed = Do(Ask::kExact, {limit});
  EXPECT_TRUE(owed.allowed);
  EXPECT_EQ(owed.each[0].remaining, 0u);
  NamedLimit one = limit;
  one.cost = 1;
  EXPECT_EQ(Do(Ask::kTake, {one}).each[0].retry_after, 100ms);
  EXPECT_EQ(Do(Ask::kReturn, {limit}).each[0].remaining, 10u);
}

TEST_F(NamedLimitsTest, ARateMayBeSlowAndALimitMayRefuseNothing) {
  const NamedLimit month{.key = "k", .rate = {1, 720h, 1}};
  EXPECT_TRUE(Do(Ask::kTake, {month}).allowed);
  EXPECT_EQ(Do(Ask::kTake, {month}).each[0].retry_after, 720h);
  NamedLimit shadow = month;
  shadow.binding = false;
  const NamedOutcomes outcomes = Do(Ask::kTake, {shadow, {.key = "j", .rate = {1, 1s, 1}}});
  EXPECT_TRUE(outcomes.allowed);
  EXPECT_FALSE(outcomes.each[0].allowed());
  EXPECT_EQ(outcomes.each[1].remaining, 0u);
}

TEST_F(NamedLimitsTest, ErrorsSayWhatIsWrong) {
  const NamedLimit good{.key = "k", .rate = {1, 1s, 1}};
  EXPECT_EQ(Failure({good, good}), "two of these limits have the same bucket");
  EXPECT_EQ(Failure({{.key = "k", .policy = "none"}}), "there is no limit policy 'none'");
  EXPECT_EQ(Failure({{.key = "k", .policy = "client"}}),
            "limit policy 'client' has a bucket for each client; give an IP address");
  EXPECT_EQ(Failure({{.key = "k", .policy = "key"}}),
            "limit policy 'key' is for keys that begin with 'user:'");
  EXPECT_EQ(Failure({{.key = "k", .rate = {10'000'001, 1s, 1}}}),
            "the rate is above 10^7 a second; a [[limit]] counts it exactly");
  EXPECT_EQ(Failure({{.key = "k", .rate = {0, 1s, 1}}}), "the rate's count is 0; give at least 1");
  EXPECT_EQ(Failure({{.key = "k", .rate = {1, 366 * kDay, 1}}}),
            "the rate's period is above 365 days");
  EXPECT_EQ(Failure({{.key = "k", .rate = {1, 365 * kDay, 30}}}),
            "the burst takes more than 10 years to fill at this rate; lower it");
}

struct Taken {
  MonoTime at;
  uint64_t cost;
};

// What stands of each decision that was allowed and not given back, in every window.
bool BoundHolds(const std::vector<Taken>& taken, const Rate& rate) {
  for (size_t first = 0; first < taken.size(); ++first) {
    uint64_t sum = 0;
    for (size_t last = first; last < taken.size(); ++last) {
      sum += taken[last].cost;
      const auto window = static_cast<uint64_t>((taken[last].at - taken[first].at).count());
      if (Uint128{sum} * static_cast<uint64_t>(rate.period.count()) >
          Uint128{rate.burst} * static_cast<uint64_t>(rate.period.count()) +
              Uint128{window} * rate.count) {
        return false;
      }
    }
  }
  return true;
}

RC_GTEST_PROP(NamedLimits, NoWindowHoldsMoreThanBurstAndRate, ()) {
  const auto limiter = Limiter::Create({}, {.seed = 1}).value();
  Limiter::View view;
  std::array<Rate, 2> rates;
  for (Rate& rate : rates) {
    rate = {*rc::gen::inRange<uint64_t>(1, 5000),
            std::chrono::nanoseconds(*rc::gen::inRange<int64_t>(1'000'000, 3'000'000'000)),
            *rc::gen::inRange<uint64_t>(1, 20)};
  }
  std::array<std::vector<Taken>, 2> taken;
  MonoTime now = kStart;
  for (int step = 0; step < 60; ++step) {
    now.ns += *rc::gen::inRange<int64_t>(0, 400'000'000);
    std::array<NamedLimit, 2> limits{
        {{.key = "k", .rate = rates[0], .window = 0, .cost = *rc::gen::inRange<uint64_t>(1, 6)},
         {.key = "k", .rate = rates[1], .window = 1, .cost = *rc::gen::inRange<uint64_t>(1, 6)}}};
    const NamedOutcomes outcomes = DecideNamed(*limiter, &view, limits, Ask::kTake, now).value();
    if (!outcomes.allowed) continue;
    // One in four is given back at once: as if it had never been.
    if (*rc::gen::inRange(0, 4) == 0) {
      RC_ASSERT(DecideNamed(*limiter, &view, limits, Ask::kReturn, now).ok());
      continue;
    }
    for (size_t i = 0; i < 2; ++i) taken[i].push_back({now, limits[i].cost});
  }
  for (size_t i = 0; i < 2; ++i) RC_ASSERT(BoundHolds(taken[i], rates[i]));
}

RC_GTEST_PROP(NamedLimits, WhatIsReturnedCanBeTakenAgainAndNoMore, ()) {
  const auto limiter = Limiter::Create({}, {.seed = 1}).value();
  Limiter::View view;
  const Rate rate{1, 1h, 50};
  uint64_t held = 0;
  for (int step = 0; step < 80; ++step) {
    const NamedLimit limit{.key = "k", .rate = rate, .cost = *rc::gen::inRange<uint64_t>(1, 30)};
    if (*rc::gen::arbitrary<bool>()) {
      const auto outcomes = DecideNamed(*limiter, &view, {&limit, 1}, Ask::kTake, kStart).value();
      RC_ASSERT(outcomes.allowed == (held + limit.cost <= rate.burst));
      if (outcomes.allowed) held += limit.cost;
    } else {
      RC_ASSERT(DecideNamed(*limiter, &view, {&limit, 1}, Ask::kReturn, kStart).ok());
      held -= std::min(held, limit.cost);
    }
    NamedLimit look = limit;
    look.cost = 0;
    const auto seen = DecideNamed(*limiter, &view, {&look, 1}, Ask::kPeek, kStart).value();
    RC_ASSERT(seen.each[0].remaining == rate.burst - held);
  }
}

}  // namespace
}  // namespace weir::limit
