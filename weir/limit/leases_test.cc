// Goal: never more leases of a key than it may have, and a place comes free when its lease ends.
// Method: scripted calls at chosen times; random histories held against a list of leases.
#include "weir/limit/leases.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1'000'000'000};

Leases::Acquired Take(Leases& leases, std::string_view key, const Leases::Wish& wish,
                      MonoTime now) {
  const Result<Leases::Acquired> acquired = leases.Acquire(key, wish, now);
  EXPECT_TRUE(acquired.ok());
  return acquired.value();
}

TEST(Leases, APlaceComesFreeByReleaseOrByTime) {
  Leases leases(1);
  EXPECT_TRUE(Take(leases, "k", {.most = 2, .ttl = 10s, .lease = 1}, kStart).acquired);
  EXPECT_TRUE(Take(leases, "k", {.most = 2, .ttl = 30s, .lease = 2}, kStart).acquired);
  const Leases::Acquired third =
      Take(leases, "k", {.most = 2, .ttl = 10s, .lease = 3}, kStart + 4s);
  EXPECT_FALSE(third.acquired);
  EXPECT_EQ(third.in_use, 2u);
  EXPECT_EQ(third.retry_after, 6s);
  // Fewer may now: as many must end.
  EXPECT_EQ(Take(leases, "k", {.most = 1, .ttl = 1s, .lease = 4}, kStart + 4s).retry_after, 26s);
  EXPECT_TRUE(leases.Release("k", 2, kStart + 5s));
  EXPECT_FALSE(leases.Release("k", 2, kStart + 5s));
  EXPECT_TRUE(Take(leases, "k", {.most = 2, .ttl = 60s, .lease = 5}, kStart + 5s).acquired);
  EXPECT_TRUE(Take(leases, "k", {.most = 2, .ttl = 60s, .lease = 6}, kStart + 10s).acquired);
  EXPECT_EQ(leases.InUse("k", kStart + 10s), 2u);
  EXPECT_EQ(leases.InUse("other", kStart + 10s), 0u);
}

TEST(Leases, ARefusalLooksAtFewLeasesHoweverManyMustEnd) {
  Leases leases(1);
  const size_t held = Leases::kEndsCountedMax + 10;
  for (uint64_t lease = 1; lease <= held; ++lease) {
    Take(leases, "k", {.most = held, .ttl = lease * 1s, .lease = lease}, kStart);
  }
  const auto wait = [&](uint64_t most) {
    const Leases::Acquired refused =
        Take(leases, "k", {.most = most, .ttl = 1s, .lease = held + 1}, kStart);
    EXPECT_FALSE(refused.acquired);
    return refused.retry_after;
  };
  EXPECT_EQ(wait(held), 1s);
  EXPECT_EQ(wait(11), Leases::kEndsCountedMax * 1s) << "exact while so many must end";
  EXPECT_EQ(wait(1), Leases::kEndsCountedMax * 1s) << "and too early beyond";
}

TEST(Leases, ALeaseIsRenewedByWhoHoldsItAndInTime) {
  Leases leases(1);
  Take(leases, "k", {.ttl = 10s, .lease = 1}, kStart);
  EXPECT_FALSE(leases.Renew("other", 1, 10s, kStart));
  EXPECT_FALSE(leases.Renew("k", 2, 10s, kStart));
  EXPECT_TRUE(leases.Renew("k", 1, 10s, kStart + 9s));
  EXPECT_EQ(leases.InUse("k", kStart + 18s), 1u);
  EXPECT_FALSE(leases.Renew("k", 1, 10s, kStart + 19s));
  EXPECT_FALSE(leases.Release("k", 1, kStart + 19s));
  EXPECT_EQ(leases.InUse("k", kStart + 19s), 0u);
  EXPECT_EQ(leases.size(), 0u);
}

TEST(Leases, AllKeysTogetherAreBounded) {
  Leases leases(1);
  for (uint64_t lease = 0; lease < kLeasesMax; ++lease) {
    Take(leases, std::to_string(lease), {.ttl = 10s, .lease = lease}, kStart);
  }
  const Leases::Wish more{.ttl = 10s, .lease = kLeasesMax};
  EXPECT_EQ(leases.Acquire("k", more, kStart).error().code, ErrorCode::kOverloaded);
  EXPECT_TRUE(Take(leases, "k", more, kStart + 10s).acquired);
}

RC_GTEST_PROP(Leases, TheyAreThoseOfAList, ()) {
  struct Held {
    std::string key;
    uint64_t lease;
    MonoTime ends_at;
  };
  Leases leases(1);
  std::vector<Held> list;
  MonoTime now = kStart;
  for (uint64_t step = 1; step < 200; ++step) {
    now.ns += *rc::gen::inRange<int64_t>(0, 2'000'000'000);
    std::erase_if(list, [&](const Held& held) { return held.ends_at <= now; });
    const std::string key(1, *rc::gen::inRange('a', 'd'));
    const auto in_use = static_cast<uint64_t>(
        std::count_if(list.begin(), list.end(), [&](const Held& h) { return h.key == key; }));
    const uint64_t number = *rc::gen::inRange<uint64_t>(1, step + 1);
    const auto named = std::find_if(list.begin(), list.end(), [&](const Held& held) {
      return held.lease == number && held.key == key;
    });
    const auto ttl = std::chrono::milliseconds(*rc::gen::inRange(1, 10'000));
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        RC_ASSERT(leases.Release(key, number, now) == (named != list.end()));
        if (named != list.end()) list.erase(named);
        break;
      case 1:
        RC_ASSERT(leases.Renew(key, number, ttl, now) == (named != list.end()));
        if (named != list.end()) named->ends_at = now + ttl;
        break;
      default: {
        const uint64_t most = *rc::gen::inRange<uint64_t>(1, 5);
        const auto acquired = leases.Acquire(key, {most, ttl, step}, now).value();
        RC_ASSERT(acquired.acquired == (in_use < most));
        if (acquired.acquired) list.push_back({key, step, now + ttl});
      }
    }
    const auto left = static_cast<uint64_t>(
        std::count_if(list.begin(), list.end(), [&](const Held& h) { return h.key == key; }));
    RC_ASSERT(leases.InUse(key, now) == left);
  }
}

}  // namespace
}  // namespace weir::limit
