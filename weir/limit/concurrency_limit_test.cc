// Goal: the limit is what a database can do at once: nothing idles, and next to nothing waits.
// Method: a database of some servers in simulated time, kept as full as the limit allows or less,
// with service times that are even, random, or change; and random answers for the bounds.
#include "weir/limit/concurrency_limit.h"

#include <algorithm>
#include <functional>
#include <queue>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "weir/base/random.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr MonoTime kStart{1'000'000'000'000};

// Serves one request at a time with each server, in the order in which they came.
class Servers {
 public:
  explicit Servers(size_t count) : free_at_(count, kStart) {}

  // Returns when a request that comes at `now` is answered.
  MonoTime Serve(MonoTime now, nanoseconds service) {
    const auto first = std::min_element(free_at_.begin(), free_at_.end());
    *first = std::max(now, *first) + service;
    return *first;
  }

 private:
  std::vector<MonoTime> free_at_;
};

struct Load {
  size_t servers = 1;
  size_t asked_most = SIZE_MAX;  // Under way at once, whatever the limit.
  std::function<nanoseconds(MonoTime)> service;
};

struct Outcome {
  double per_server_second = 0;  // Busy part of the servers' time, of even service.
  nanoseconds mean{0};           // Of answers in the second half.
};

// Keeps `limit` full for `time`.
Outcome KeepFull(ConcurrencyLimit& limit, const Load& load, MonoTime from, nanoseconds time) {
  struct Call {
    MonoTime began;
    MonoTime ends;
    bool operator>(const Call& other) const { return ends > other.ends; }
  };
  Servers servers(load.servers);
  std::priority_queue<Call, std::vector<Call>, std::greater<>> calls;
  nanoseconds busy{0};
  nanoseconds sum{0};
  int64_t answers = 0;
  MonoTime now = from;
  while (now < from + time) {
    while (calls.size() < std::min(limit.limit(), load.asked_most)) {
      const nanoseconds service = load.service(now);
      busy += service;
      calls.push({now, servers.Serve(now, service)});
    }
    if (calls.size() >= limit.limit()) limit.OnLimited(calls.size());
    const Call call = calls.top();
    calls.pop();
    now = call.ends;
    limit.OnAnswer(call.began, now, 1);
    if (now - from < time / 2) continue;
    sum += now - call.began;
    ++answers;
  }
  return {static_cast<double>(busy.count()) /
              (static_cast<double>(load.servers) * static_cast<double>(time.count())),
          sum / std::max<int64_t>(answers, 1)};
}

auto Even(nanoseconds service) {
  return [service](MonoTime) { return service; };
}

TEST(ConcurrencyLimitTest, FindsWhatADatabaseDoesAtOnceWithoutMakingItWait) {
  for (const size_t servers : {2U, 4U, 16U, 64U}) {
    for (const nanoseconds service : {nanoseconds(3ms), nanoseconds(20ms)}) {
      ConcurrencyLimit limit({});
      const Outcome outcome =
          KeepFull(limit, {servers, SIZE_MAX, Even(service)}, kStart, 3000 * service);
      EXPECT_GE(outcome.per_server_second, 0.99) << servers;
      EXPECT_GE(limit.limit(), servers);
      EXPECT_LE(outcome.mean, service * 2) << servers;
    }
  }
}

TEST(ConcurrencyLimitTest, DoesSoWithRandomServiceTimes) {
  Random random(7);
  const auto service = [&random](MonoTime) {
    return nanoseconds(1ms) + nanoseconds(random.Below(8'000'000));
  };
  ConcurrencyLimit limit({});
  const Outcome outcome = KeepFull(limit, {16, SIZE_MAX, service}, kStart, 60s);
  EXPECT_GE(outcome.per_server_second, 0.93);
  EXPECT_LE(outcome.mean, 10ms);
}

TEST(ConcurrencyLimitTest, AnswersWithinQuickNeverShrinkIt) {
  ConcurrencyLimit limit({});
  KeepFull(limit, {2, SIZE_MAX, Even(1us)}, kStart, 100ms);
  EXPECT_GE(limit.limit(), 1000U);
}

TEST(ConcurrencyLimitTest, ADatabaseThatBecomesSlowerIsNotTakenForAFullOne) {
  ConcurrencyLimit limit({});
  KeepFull(limit, {16, SIZE_MAX, Even(3ms)}, kStart, 10s);
  const Outcome outcome = KeepFull(limit, {16, SIZE_MAX, Even(30ms)}, kStart + 10s, 20s);
  EXPECT_GE(outcome.per_server_second, 0.95);
  EXPECT_LE(outcome.mean, 60ms);
  EXPECT_GE(limit.base(), 25ms);
}

TEST(ConcurrencyLimitTest, OneThatBecomesQuickerIsGivenMore) {
  ConcurrencyLimit limit({});
  KeepFull(limit, {16, SIZE_MAX, Even(30ms)}, kStart, 10s);
  KeepFull(limit, {16, SIZE_MAX, Even(3ms)}, kStart + 10s, 10s);
  EXPECT_LE(limit.base(), 4ms);
  EXPECT_GE(limit.limit(), 16U);
}

TEST(ConcurrencyLimitTest, ALastingOverloadDoesNotBecomeTheNormalState) {
  ConcurrencyLimit limit({});
  const Outcome outcome = KeepFull(limit, {4, SIZE_MAX, Even(5ms)}, kStart, 600s);
  EXPECT_LE(outcome.mean, 9ms);
  EXPECT_LE(limit.base(), 6ms);
}

TEST(ConcurrencyLimitTest, WhatItDoesNotHoldBackLeavesItAsItIs) {
  ConcurrencyLimit limit({});
  KeepFull(limit, {4, 2, Even(50ms)}, kStart, 20s);
  EXPECT_EQ(limit.limit(), ConcurrencyLimit::Options().first);
  EXPECT_EQ(limit.share(), limit.limit());
}

TEST(ConcurrencyLimitTest, ABoundLimitIsDividedOverSeveralCalls) {
  ConcurrencyLimit limit({});
  EXPECT_EQ(limit.share(), limit.limit()) << "quick, as far as anybody knows";
  KeepFull(limit, {64, SIZE_MAX, Even(20ms)}, kStart, 20s);
  EXPECT_GE(limit.share() * 8, limit.limit());
  EXPECT_LE((limit.share() - 1) * 8, limit.limit());
}

RC_GTEST_PROP(ConcurrencyLimitProperty, StaysWithinItsBounds, ()) {
  const auto least = *rc::gen::inRange<size_t>(1, 10);
  const auto first = least + *rc::gen::inRange<size_t>(0, 100);
  const auto most = first + *rc::gen::inRange<size_t>(0, 1000);
  ConcurrencyLimit limit({least, first, most, 2ms});
  MonoTime now = kStart;
  for (int i = 0; i < 2000; ++i) {
    now.ns += *rc::gen::inRange<int64_t>(0, 50'000'000);
    if (*rc::gen::inRange(0, 2) == 0) limit.OnLimited(*rc::gen::inRange<size_t>(0, 2000));
    const nanoseconds took(*rc::gen::inRange<int64_t>(0, 1'000'000'000));
    limit.OnAnswer({now.ns - took.count()}, now, *rc::gen::inRange<size_t>(1, 64));
    RC_ASSERT(limit.limit() * 2 >= least);
    RC_ASSERT(limit.limit() <= most);
    RC_ASSERT(limit.share() >= 1U);
    RC_ASSERT(limit.share() <= limit.limit());
  }
}

}  // namespace
}  // namespace weir::limit
