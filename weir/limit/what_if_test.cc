// Goal: what a policy would have refused is what the limiter does refuse, exactly where all is in
// the journal, and nearly where a sample is. Method: the same random requests to a limiter with the
// policy and to a journal without.
#include "weir/limit/what_if.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/limit/limiter.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

struct Traffic {
  uint64_t clients = 50;
  uint64_t keys = 50;
  int64_t requests = 20'000;
  std::chrono::nanoseconds apart = 1ms;
  int unevenness = 3;  // 1: all are as busy.
};

struct Both {
  WhatIfReport report;
  uint64_t requests = 0;
  uint64_t denied = 0;
};

Address ClientAt(uint64_t index) {
  return Address::FromV4({10, 0, static_cast<uint8_t>(index >> 8), static_cast<uint8_t>(index)});
}

Both Ask(const Policy& policy, const Traffic& traffic, size_t journal_bytes, uint64_t seed) {
  auto limiter = Limiter::Create({policy}, {.bytes = size_t{8} << 20, .seed = seed}).value();
  Limiter::View view;
  Journal journal(journal_bytes);
  Random random(seed);
  Both both;
  MonoTime now{1'000'000'000};
  for (int64_t i = 0; i < traffic.requests; ++i) {
    const auto pick = [&](uint64_t count) {
      uint64_t least = count;
      for (int at = 0; at < traffic.unevenness; ++at) least = std::min(least, random.Below(count));
      return least;
    };
    const std::string key = "key:" + std::to_string(pick(traffic.keys));
    const Address client = ClientAt(pick(traffic.clients));
    const Request request{.user = random.OneIn(3) ? "app" : "batch",
                          .client = client,
                          .key = key,
                          .command = random.OneIn(2) ? CommandClass::kRead : CommandClass::kWrite,
                          .bytes = random.Below(100)};
    limiter->Follow(&view);
    both.requests += view.policies().Match(request).count;
    both.denied += limiter->Admit(&view, request, now).allowed() ? 0 : 1;
    journal.Note({random.Next(), ClientHash(client, seed), SeededHash(key, seed)}, request, now);
    now = now + traffic.apart;
  }
  both.report = WhatIf({policy}, SampleFor(policy, journal, now)).value();
  return both;
}

TEST(WhatIf, OfAWholeJournalItIsExact) {
  const Policy policies[] = {
      {.name = "text", .per = Per::kText, .subject = "{user}/{key}", .rate = {10, 1s, 10}},
      {.name = "a", .per = Per::kClient, .rate = {10, 1s, 10}},
      {.name = "b", .per = Per::kKey, .rate = {5, 1s, 20}, .request_cost = 3},
      {.name = "c", .key_prefix = "key:1", .per = Per::kPrefix, .rate = {50, 1s, 1}},
      {.name = "d", .user = "app", .per = Per::kUser, .unit = Unit::kBytes, .rate = {3000, 1s, 90}},
      {.name = "e", .command = CommandClass::kWrite, .per = Per::kClient, .rate = {1, 1min, 2}}};
  for (const Policy& policy : policies) {
    for (uint64_t seed = 1; seed < 4; ++seed) {
      const Both both = Ask(policy, {}, size_t{64} << 20, seed);
      EXPECT_EQ(both.report.requests, both.requests) << policy.name;
      EXPECT_EQ(both.report.denied, both.denied) << policy.name;
      EXPECT_GT(both.denied, 0u) << policy.name;
      EXPECT_EQ(both.report.one_in, 1u);
      EXPECT_EQ(both.report.sample, "requests");
    }
  }
}

TEST(WhatIf, OfASampleItIsNear) {
  struct Case {
    Policy policy;
    std::string_view sample;
  };
  const Case cases[] = {{{.name = "a", .per = Per::kClient, .rate = {2, 1s, 5}}, "clients"},
                        {{.name = "b", .per = Per::kKey, .rate = {2, 1s, 5}}, "keys"},
                        {{.name = "c", .per = Per::kPrefix, .rate = {5000, 1s, 5000}}, "requests"},
                        {{.name = "d", .per = Per::kUser, .rate = {3000, 1s, 1000}}, "requests"}};
  for (const Case& each : cases) {
    const Both both =
        Ask(each.policy,
            {.clients = 4000, .keys = 4000, .requests = 300'000, .apart = 100us, .unevenness = 1},
            size_t{4} << 20, 7);
    EXPECT_EQ(both.report.sample, each.sample);
    EXPECT_GT(both.report.one_in, 1u);
    const auto near = [](uint64_t estimate, uint64_t truth) {
      return static_cast<double>(estimate) / static_cast<double>(truth);
    };
    EXPECT_NEAR(near(both.report.requests, both.requests), 1, 0.15) << each.sample;
    EXPECT_NEAR(near(both.report.denied, both.denied), 1, 0.15) << each.sample;
  }
}

// One of a few clients alone is more than a sample holds, so the sample of clients lacks it.
TEST(WhatIf, AFewBusyClientsAreNotOverlooked) {
  const Policy policy{.name = "p", .per = Per::kClient, .rate = {500, 1h, 500}};
  const Both both = Ask(policy, {.clients = 2, .requests = 200'000, .apart = 10ms, .unevenness = 1},
                        size_t{1} << 20, 1);
  EXPECT_EQ(both.report.sample, "requests");
  EXPECT_GT(both.report.denied, both.denied * 3 / 4);
  EXPECT_LT(both.report.denied, both.denied * 5 / 4);
}

TEST(WhatIf, ThoseWhoWouldBeRefusedMostAreNamed) {
  const Both both =
      Ask({.name = "a", .per = Per::kClient, .rate = {1, 1s, 1}}, {}, size_t{8} << 20, 3);
  ASSERT_EQ(both.report.top.size(), WhatIfReport::kTop);
  EXPECT_EQ(both.report.top[0].key.substr(0, 5), "10.0.");
  for (size_t i = 1; i < both.report.top.size(); ++i) {
    EXPECT_GE(both.report.top[i - 1].count, both.report.top[i].count);
  }
  EXPECT_GT(both.report.buckets, 40u);
}

TEST(WhatIf, AllRatesOfThePolicyDecide) {
  Journal journal(size_t{1} << 20);
  for (int64_t i = 0; i < 10; ++i) {
    journal.Note({}, {.key = "k"}, MonoTime{1} + i * 1s);
  }
  const Policy second{.name = "a", .per = Per::kPrefix, .rate = {1, 1s, 1}};
  Policy hour = second;
  hour.rate = {4, 1h, 4};
  hour.window = 1;
  const WhatIfSample sample = SampleFor(second, journal, MonoTime{1} + 10s);
  EXPECT_EQ(WhatIf({second}, sample).value().denied, 0u);
  const WhatIfReport report = WhatIf({second, hour}, sample).value();
  EXPECT_EQ(report.requests, 10u);
  EXPECT_EQ(report.denied, 6u);
}

TEST(WhatIf, WhatItCannotTellItSays) {
  const WhatIfSample nothing{.name = "requests"};
  const auto error = [&](const Policy& policy) {
    return WhatIf({policy}, nothing).error().message;
  };
  EXPECT_EQ(
      error({.name = "n", .rate = {1, 1s, 1}, .only_named = true}),
      "limit policy 'n' concerns no request of its own accord, and those that name it are not "
      "noted");
  const std::string_view cut = "of users 24 bytes are noted and of keys 32; the policy names more";
  EXPECT_EQ(error({.name = "n", .user = std::string(25, 'u'), .rate = {1, 1s, 1}}), cut);
  EXPECT_EQ(error({.name = "n", .key_prefix = std::string(33, 'k'), .rate = {1, 1s, 1}}), cut);
  EXPECT_FALSE(WhatIf({{.name = "n", .rate = {0, 1s, 1}}}, nothing).ok());
  const WhatIfReport empty = WhatIf({{.name = "n", .rate = {1, 1s, 1}}}, nothing).value();
  EXPECT_EQ(empty.requests + empty.denied + empty.buckets, 0u);
}

}  // namespace
}  // namespace weir::limit
