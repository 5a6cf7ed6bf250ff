// Goal: what LIMIT.RESERVE and LIMIT.ACQUIRE hold is settled once, by who holds it, and in time.
// Method: scripts of commands and replies over a whole gateway whose clock is moved by hand.
#include <gtest/gtest.h>

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
