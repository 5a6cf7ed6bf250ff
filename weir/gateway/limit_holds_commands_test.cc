// Goal: what LIMIT.RESERVE and LIMIT.ACQUIRE hold is settled once, by who holds it, and in time.
// Method: scripts of commands and replies over a whole gateway whose clock is moved by hand.
#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;

class LimitHoldsTest : public testing::Test {
 protected:
  std::string Do(const Words& words) { return rig_.Do(client_, words); }
  // What stands last in an array of replies: a reservation, a lease.
  static std::string LastOf(const std::string& reply) {
    const size_t blank = reply.rfind(' ');
    return reply.substr(blank + 1, reply.size() - blank - 2);
  }
  std::string Reserve(const std::string& cost) {
    return LastOf(
        Do({"LIMIT.RESERVE", "llm", "RATE", "100/h", "COST", cost, "RATE", "10/h", "TTL", "5000"}));
  }
  std::string Left(const std::string& words) {
    return Do({"LIMIT.PEEK", "llm", "RATE", "100/h", "COST", words});
  }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};

TEST_F(LimitHoldsTest, WhatWasEstimatedIsSettled) {
  const std::string reply = Do({"LIMIT.RESERVE", "k", "RATE", "10/h", "COST", "4"});
  EXPECT_EQ(reply.substr(0, reply.rfind(' ')), "[:1 :6 :0 :1440000 :0");
  EXPECT_EQ(LastOf(reply).size(), 16u);
  EXPECT_EQ(Do({"LIMIT.RESERVE", "k", "RATE", "10/h", "COST", "7"}),
            "[:0 :6 :360000 :1440000 :1 (nil)]");
  EXPECT_EQ(Do({"LIMIT.COMMIT", "other", LastOf(reply)}),
            "-ERR this key has no such reservation: it was settled, or its time is up");
  EXPECT_EQ(Do({"LIMIT.COMMIT", "k", LastOf(reply)}), "+OK");
  EXPECT_EQ(Do({"LIMIT.PEEK", "k", "RATE", "10/h"}), "[:1 :6 :0 :1440000 :0]");
  EXPECT_EQ(Do({"LIMIT.CANCEL", "k", LastOf(reply)}),
            "-ERR this key has no such reservation: it was settled, or its time is up");
}

TEST_F(LimitHoldsTest, LessComesBackAndMoreIsOwed) {
  const std::string less = Reserve("40");
  EXPECT_EQ(Do({"LIMIT.COMMIT", "llm", less, "1"}),
            "-ERR the reservation has 2 limits; give as many costs, or none");
  EXPECT_EQ(Do({"LIMIT.COMMIT", "llm", less, "10", "1"}), "+OK");
  EXPECT_EQ(Left("1"), "[:1 :90 :0 :360000 :0]");
  EXPECT_EQ(Do({"LIMIT.COMMIT", "llm", Reserve("50"), "110", "0"}), "+OK");
  EXPECT_EQ(Left("1"), "[:0 :0 :756000 :4320000 :1]");
}

TEST_F(LimitHoldsTest, ACancelledOneTookNothingAndAForgottenOneAll) {
  EXPECT_EQ(Do({"LIMIT.CANCEL", "llm", Reserve("40")}), "+OK");
  EXPECT_EQ(Left("1"), "[:1 :100 :0 :0 :0]");
  const std::string forgotten = Reserve("100");
  rig_.Pass(5s);
  EXPECT_EQ(Do({"LIMIT.CANCEL", "llm", forgotten}),
            "-ERR this key has no such reservation: it was settled, or its time is up");
  EXPECT_EQ(Left("1"), "[:0 :0 :31000 :3595000 :1]");
}

TEST_F(LimitHoldsTest, NumbersThatWereSeenSayNothingOfOthers) {
  const auto acquire = [&] {
    const std::string reply = Do({"LIMIT.ACQUIRE", "job", "MAX", "9", "TTL", "1000"});
    return std::stoull(LastOf(reply), nullptr, 16);
  };
  // What Random makes of a seed, and the way back from there.
  const auto mix = [](uint64_t seed) { return Random(seed).Next(); };
  const auto seed_of = [](uint64_t z) {
    z = (z ^ (z >> 31) ^ (z >> 62)) * 0x319642b2d24d8ec3U;
    z = (z ^ (z >> 27) ^ (z >> 54)) * 0x96de1b173f119089U;
    return (z ^ (z >> 30) ^ (z >> 60)) - 0x9e3779b97f4a7c15U;
  };
  ASSERT_EQ(seed_of(mix(12345)), 12345u);
  const uint64_t first = acquire();
  const uint64_t second = acquire();
  EXPECT_NE(first, second);
  EXPECT_NE(mix(seed_of(first) + 1), second);
}

TEST_F(LimitHoldsTest, WhatPassedInShadowForNothingGivesNothingBack) {
  GatewayRig::Options options;
  options.policies = {{.name = "new",
                       .per = limit::Per::kKey,
                       .rate = {10, 1h, 10},
                       .only_named = true,
                       .enforced_percent = 0}};
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  const auto reserve = [&] {
    return LastOf(rig.Do(client, {"LIMIT.RESERVE", "k", "POLICY", "new", "COST", "8"}));
  };
  const auto peek = [&] { return rig.Do(client, {"LIMIT.PEEK", "k", "POLICY", "new"}); };
  EXPECT_EQ(rig.Do(client, {"LIMIT.CANCEL", "k", reserve()}), "+OK");
  EXPECT_EQ(peek(), "[:1 :10 :0 :0 :0]");
  reserve();
  EXPECT_EQ(rig.Do(client, {"LIMIT.CANCEL", "k", reserve()}), "+OK");
  EXPECT_EQ(peek(), "[:1 :2 :0 :2880000 :0]");
  EXPECT_EQ(rig.Do(client, {"LIMIT.COMMIT", "k", reserve(), "3"}), "+OK");
  EXPECT_EQ(rig.Do(client, {"LIMIT.COMMIT", "k", reserve(), "10"}), "+OK");
  EXPECT_EQ(peek(), "[:1 :2 :0 :2880000 :0]");
}

// All reservations together hold so many bytes, whoever makes them.
TEST_F(LimitHoldsTest, OneReservationTooManyTakesNothingAndSaysWhenToComeBack) {
  const auto key = [](size_t i) {
    const std::string number = std::to_string(i);
    return number + std::string(LimitHolds::kKeyBytesMax - number.size(), 'k');
  };
  std::string last;
  std::string reply;
  size_t made = 0;
  for (;; ++made) {
    reply = Do({"LIMIT.RESERVE", key(made), "RATE", "3/h", "TTL", "60000"});
    if (reply.front() != '[') break;
    last = LastOf(reply);
    ASSERT_LT(made, LimitHolds::kReservationsMax);
  }
  EXPECT_LT(made * LimitHolds::kKeyBytesMax, LimitHolds::kReservedBytesMax);
  EXPECT_GT(made * LimitHolds::kKeyBytesMax, LimitHolds::kReservedBytesMax * 9 / 10);
  EXPECT_EQ(reply, "-OVERLOADED retry_after_ms=100 reason=limit : " + std::to_string(made) +
                       " reservations are open; settle some first");
  EXPECT_EQ(Do({"LIMIT.PEEK", key(made), "RATE", "3/h"}), "[:1 :3 :0 :0 :0]");
  EXPECT_EQ(Do({"LIMIT.CANCEL", key(made - 1), last}), "+OK");
  EXPECT_EQ(Do({"LIMIT.RESERVE", key(made), "RATE", "3/h"}).front(), '[');
  EXPECT_EQ(Do({"LIMIT.RESERVE", key(made + 1), "RATE", "3/h"}).front(), '-');
  rig_.Pass(61s);
  EXPECT_EQ(Do({"LIMIT.RESERVE", key(made + 1), "RATE", "3/h"}).front(), '[');
}

TEST_F(LimitHoldsTest, OneLeaseTooManySaysWhenToComeBack) {
  LimitHolds& holds = rig_.gateway().admission().holds();
  for (size_t i = 0; i < limit::kLeasesMax; ++i) {
    ASSERT_TRUE(holds.Acquire(std::to_string(i), 1, 1h, rig_.clock.Mono()).ok());
  }
  EXPECT_EQ(Do({"LIMIT.ACQUIRE", "job", "MAX", "2", "TTL", "1000"}),
            "-OVERLOADED retry_after_ms=100 reason=limit : 131072 leases are held; let some end "
            "first");
}

TEST_F(LimitHoldsTest, PlacesAreLeasedRenewedAndReleased) {
  const auto acquire = [&] { return Do({"LIMIT.ACQUIRE", "job", "MAX", "2", "TTL", "1000"}); };
  const std::string first = LastOf(acquire());
  rig_.Pass(400ms);
  const std::string second = LastOf(acquire());
  EXPECT_EQ(acquire(), "[:0 :2 :600 (nil)]");
  EXPECT_EQ(Do({"LIMIT.ACQUIRE", "job", "MAX", "2", "TTL", "3000", "LEASE", first}),
            "[:1 :2 :0 " + first + "]");
  EXPECT_EQ(acquire(), "[:0 :2 :1000 (nil)]");
  EXPECT_EQ(Do({"LIMIT.RELEASE", "job", second}), ":1");
  EXPECT_EQ(Do({"LIMIT.RELEASE", "job", second}), ":0");
  EXPECT_EQ(Do({"LIMIT.RELEASE", "job", "nonsense"}), ":0");
  EXPECT_EQ(Do({"LIMIT.RELEASE", "other", first}), ":0");
  rig_.Pass(3s);
  EXPECT_EQ(Do({"LIMIT.ACQUIRE", "job", "MAX", "2", "TTL", "3000", "LEASE", first}),
            "[:0 :0 :0 (nil)]");
}

TEST_F(LimitHoldsTest, OddWordsAreAnErrorAndNothingElse) {
  EXPECT_EQ(Do({"LIMIT.ACQUIRE", "k", "MAX", "0", "TTL", "1"}), "-ERR MAX must be from 1 to 10000");
  EXPECT_EQ(Do({"LIMIT.ACQUIRE", "k", "MAX", "1", "TTL", "0"}),
            "-ERR TTL must be from 1 ms to a day");
  EXPECT_EQ(Do({"LIMIT.ACQUIRE", "k", "MAX", "x", "TTL", "1"}),
            "-ERR value is not an integer or out of range");
  EXPECT_EQ(Do({"LIMIT.ACQUIRE", "k", "MAX", "1", "TTL", "1", "LEASE"}), "-ERR syntax error");
  EXPECT_EQ(Do({"LIMIT.ACQUIRE", "k", "MOST", "1", "TTL", "1"}), "-ERR syntax error");
  EXPECT_EQ(Do({"LIMIT.RESERVE", "k", "RATE", "1/s", "TTL"}), "-ERR syntax error");
  EXPECT_EQ(Do({"LIMIT.RESERVE", "k", "RATE", "1/s", "FOR", "1"}),
            "-ERR expected RATE count/period or POLICY name, not 'FOR'");
  EXPECT_EQ(Do({"LIMIT.RESERVE", std::string(5000, 'k'), "RATE", "1/s"}),
            "-ERR the keys of a reservation are longer than 4096 bytes together");
  EXPECT_EQ(Do({"LIMIT.COMMIT", "k", "0123456789abcdef", "-1"}),
            "-ERR BURST and COST must not be negative; LIMIT.REFUND gives tokens back");
}

}  // namespace
}  // namespace weir::gateway
