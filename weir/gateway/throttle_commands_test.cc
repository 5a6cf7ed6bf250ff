// Goal: CL.THROTTLE answers as redis-cell does, and odd input is an error and nothing else.
// Method: scripts of commands and replies over a whole gateway whose clock is moved by hand.
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;

class ThrottleTest : public testing::Test {
 protected:
  std::string Do(const Words& words) { return rig_.Do(client_, words); }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};

TEST_F(ThrottleTest, TheExamplesOfTheManual) {
  EXPECT_EQ(Do({"CL.THROTTLE", "user123", "15", "30", "60"}), "[:0 :16 :15 :-1 :2]");
  EXPECT_EQ(Do({"cl.throttle", "strict", "0", "1", "2"}), "[:0 :1 :0 :-1 :2]");
  EXPECT_EQ(Do({"cl.throttle", "strict", "0", "1", "2", "1"}), "[:1 :1 :0 :2 :2]");
  rig_.Pass(2s);
  EXPECT_EQ(Do({"RL.THROTTLE", "strict", "0", "1", "2"}), "[:0 :1 :0 :-1 :2]");
}

TEST_F(ThrottleTest, OnlyWhatCanNeverPassHasNoRetry) {
  EXPECT_EQ(Do({"CL.THROTTLE", "k", "4", "1", "1", "6"}), "[:1 :5 :5 :-1 :0]");
  EXPECT_EQ(Do({"CL.THROTTLE", "fast", "0", "1000", "1"}), "[:0 :1 :0 :-1 :1]");
  EXPECT_EQ(Do({"CL.THROTTLE", "fast", "0", "1000", "1"}), "[:1 :1 :0 :1 :1]");
  EXPECT_EQ(Do({"CL.THROTTLE", "faster", "0", "1000000", "1"}), "[:0 :1 :0 :-1 :0]");
  EXPECT_EQ(Do({"CL.THROTTLE", "faster", "0", "1000000", "1"}), "[:1 :1 :0 :1 :0]");
}

TEST_F(ThrottleTest, GcraSaysPartsOfASecond) {
  EXPECT_EQ(Do({"GCRA", "k", "0", "4", "1"}), "[:0 :1 :0 -1 0.25]");
  EXPECT_EQ(Do({"GCRA", "k", "0", "4", "1", "TOKENS", "1"}), "[:1 :1 :0 0.25 0.25]");
  EXPECT_EQ(Do({"GCRA", "k", "0", "4", "1", "NUM_REQUESTS", "2"}), "[:1 :1 :0 -1 0.25]");
  EXPECT_EQ(Do({"GCRA", "k", "0", "4", "1", "TOKENS"}), "-ERR syntax error");
  EXPECT_EQ(Do({"GCRA", "k", "0", "4", "1", "OTHERS", "1"}), "-ERR syntax error");
}

TEST_F(ThrottleTest, OddInputIsAnErrorAndNothingElse) {
  const std::string not_integer = "-ERR value is not an integer or out of range";
  const std::string arity = "-ERR wrong number of arguments for 'cl.throttle' command";
  EXPECT_EQ(Do({"CL.THROTTLE", "k", "1", "1"}), arity);
  EXPECT_EQ(Do({"cl.throttle", "k", "1", "1", "1", "1", "1"}), arity);
  for (const char* odd : {"", "x", "1.5", "9223372036854775808", "\xff"}) {
    EXPECT_EQ(Do({"CL.THROTTLE", "k", odd, "1", "1"}), not_integer);
    EXPECT_EQ(Do({"CL.THROTTLE", "k", "1", odd, "1"}), not_integer);
    EXPECT_EQ(Do({"CL.THROTTLE", "k", "1", "1", odd}), not_integer);
    EXPECT_EQ(Do({"CL.THROTTLE", "k", "1", "1", "1", odd}), not_integer);
  }
  EXPECT_EQ(Do({"CL.THROTTLE", "k", "1", "0", "1"}), "-ERR Zero rates are not supported");
  EXPECT_EQ(Do({"CL.THROTTLE", "k", "-1", "1", "1"}), "-ERR max_burst must not be negative");
  EXPECT_EQ(Do({"CL.THROTTLE", "k", "1", "1", "1", "-9223372036854775808"}), "[:0 :2 :2 :-1 :0]");
  EXPECT_EQ(Do({"MULTI"}), "+OK");
  EXPECT_EQ(Do({"CL.THROTTLE", "k", "1", "1", "1"}),
            "-ERR Command not allowed inside a transaction");
}

}  // namespace
}  // namespace weir::gateway
