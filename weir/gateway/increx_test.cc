// Goal: INCREX counts within its bounds, and sets an expiry as its words say.
// Method: scripts of commands and replies over a whole gateway whose clock is moved by hand.
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;

class IncrexTest : public testing::Test {
 protected:
  std::string Do(const Words& words) { return rig_.Do(client_, words); }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};

TEST_F(IncrexTest, ItCountsUpToItsBound) {
  EXPECT_EQ(Do({"INCREX", "k"}), "[:1 :1]");
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "5"}), "[:6 :5]");
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "5", "UBOUND", "10"}), "[:6 :0]");
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "5", "UBOUND", "10", "SATURATE"}), "[:10 :4]");
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "-20", "LBOUND", "0"}), "[:10 :0]");
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "-20", "LBOUND", "0", "SATURATE"}), "[:0 :-10]");
  Do({"SET", "k", "9223372036854775800"});
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "100"}), "[:9223372036854775800 :0]");
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "100", "SATURATE"}), "[:9223372036854775807 :7]");
  EXPECT_EQ(Do({"INCREX", "k", "UBOUND", "-9223372036854775808", "SATURATE"}),
            "-ERR increment or decrement would overflow");
}

TEST_F(IncrexTest, AWindowBeginsWithItsFirstRequestAndEndsInTime) {
  const Words one = {"INCREX", "w", "UBOUND", "2", "EX", "60", "ENX"};
  EXPECT_EQ(Do(one), "[:1 :1]");
  rig_.Pass(30s);
  EXPECT_EQ(Do(one), "[:2 :1]");
  EXPECT_EQ(Do(one), "[:2 :0]");
  EXPECT_EQ(Do({"TTL", "w"}), ":30");
  rig_.Pass(31s);
  EXPECT_EQ(Do(one), "[:1 :1]");
  EXPECT_EQ(Do({"TTL", "w"}), ":60");
}

TEST_F(IncrexTest, TheExpiryIsKeptReplacedOrRemoved) {
  Do({"SET", "k", "1", "EX", "100"});
  EXPECT_EQ(Do({"INCREX", "k"}), "[:2 :1]");
  EXPECT_EQ(Do({"TTL", "k"}), ":100");
  EXPECT_EQ(Do({"INCREX", "k", "PX", "5000"}), "[:3 :1]");
  EXPECT_EQ(Do({"TTL", "k"}), ":5");
  EXPECT_EQ(Do({"INCREX", "k", "PERSIST"}), "[:4 :1]");
  EXPECT_EQ(Do({"TTL", "k"}), ":-1");
  EXPECT_EQ(Do({"INCREX", "k", "UBOUND", "4", "EX", "9"}), "[:4 :0]");
  EXPECT_EQ(Do({"TTL", "k"}), ":-1");
}

TEST_F(IncrexTest, FloatsAreCountedAsFarAsTheirBound) {
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "1.5"}), "[1.5 1.5]");
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "0.25", "UBOUND", "1.75"}), "[1.75 0.25]");
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "1e-2", "UBOUND", "1.75"}), "[1.75 0]");
  EXPECT_EQ(Do({"INCREX", "k", "UBOUND", "2.5", "BYFLOAT", "1", "SATURATE"}), "[2.5 0.75]");
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "-9", "LBOUND", "-1.5", "SATURATE"}), "[-1.5 -4]");
  EXPECT_EQ(Do({"GET", "k"}), "-1.5");
  EXPECT_EQ(Do({"INCREX", "k"}), "-ERR value is not an integer or out of range");
  Do({"SET", "k", "3"});
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "0.5", "EX", "9"}), "[3.5 0.5]");
  EXPECT_EQ(Do({"TTL", "k"}), ":9");
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "1", "UBOUND", "1.5"}),
            "-ERR value is not an integer or out of range");
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "x"}), "-ERR value is not a valid float");
}

TEST_F(IncrexTest, InfinityIsABoundAndNoNumberToCountWith) {
  Do({"SET", "k", "3.5"});
  const std::string increment = "-ERR BYFLOAT increment cannot be Infinity";
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "inf"}), increment);
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "-inf", "SATURATE"}), increment);
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "1", "LBOUND", "-inf", "UBOUND", "inf"}), "[4.5 1]");
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "1", "LBOUND", "inf", "UBOUND", "inf"}), "[4.5 0]");
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "1", "LBOUND", "inf", "UBOUND", "inf", "SATURATE"}),
            "-ERR increment would produce NaN or Infinity");
  EXPECT_EQ(Do({"GET", "k"}), "4.5");
  Do({"SET", "k", "-inf"});
  const std::string value = "-ERR value cannot be Infinity";
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "1"}), value);
  EXPECT_EQ(Do({"INCREX", "k", "BYFLOAT", "1", "LBOUND", "0", "SATURATE"}), value);
}

TEST_F(IncrexTest, FloatsAreDoublesInResp3AndIntegersStayIntegers) {
  Do({"HELLO", "3"});
  EXPECT_EQ(Do({"INCREX", "k"}), "[:1 :1]");
  rig_.Send(client_, {"INCREX", "k", "BYFLOAT", "0.1"});
  rig_.RunAll();
  EXPECT_EQ(rig_.client(client_).Bytes(), "*2\r\n,1.1\r\n,0.1\r\n");
  EXPECT_EQ(Do({"GET", "k"}), "1.1");
  Do({"HELLO", "2"});
  rig_.Send(client_, {"INCREX", "k", "BYFLOAT", "0.1"});
  rig_.RunAll();
  EXPECT_EQ(rig_.client(client_).Bytes(), "*2\r\n$3\r\n1.2\r\n$3\r\n0.1\r\n");
}

TEST_F(IncrexTest, OddWordsAreAnErrorAndNothingElse) {
  const std::string syntax = "-ERR syntax error";
  const std::string number = "-ERR value is not an integer or out of range";
  for (const Words& words :
       {Words{"BYINT"}, Words{"NONE"}, Words{"ENX"}, Words{"PERSIST", "ENX"},
        Words{"PERSIST", "EX", "1"}, Words{"EX", "1", "PX", "1"}, Words{"BYINT", "1", "BYINT", "1"},
        Words{"BYFLOAT", "1.5", "BYINT", "1"}, Words{"BYFLOAT", "1", "BYFLOAT", "1"},
        Words{"BYFLOAT"}, Words{"EX"}}) {
    Words call = {"INCREX", "k"};
    call.insert(call.end(), words.begin(), words.end());
    EXPECT_EQ(Do(call), syntax) << words[0];
  }
  EXPECT_EQ(Do({"INCREX", "k", "BYINT", "x"}), number);
  EXPECT_EQ(Do({"INCREX", "k", "EX", "0"}), "-ERR invalid expire time in 'increx' command");
  EXPECT_EQ(Do({"INCREX", "k", "LBOUND", "2", "UBOUND", "1"}),
            "-ERR LBOUND must not be above UBOUND");
  EXPECT_EQ(Do({"EXISTS", "k"}), ":0");
  Do({"SET", "k", "text"});
  EXPECT_EQ(Do({"INCREX", "k"}), number);
}

}  // namespace
}  // namespace weir::gateway
