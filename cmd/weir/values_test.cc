// Goal: values read as documented and show as text that reads back.
// Method: tables of examples at and past each limit; a property over random values.
#include "cmd/weir/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace weir::cmd {
namespace {

using ::testing::HasSubstr;

template <typename T>
std::optional<T> Read(std::string_view text) {
  T value{};
  return ReadValue(text, value).empty() ? std::optional(value) : std::nullopt;
}

TEST(Values, SizesAreBinaryInEitherSpelling) {
  for (const char* text : {"256mb", "256MiB", "256MB", "262144kb", "268435456", "268435456b"}) {
    ASSERT_TRUE(Read<ByteSize>(text)) << text;
    EXPECT_EQ(Read<ByteSize>(text)->bytes, 268435456u) << text;
  }
  EXPECT_EQ(Read<ByteSize>("1tb")->bytes, uint64_t{1} << 40);
  for (const char* text : {"", "mb", "1k", "1m", "-1mb", "1.5gb", "1 mb", "1mb ", "8388608tb",
                           "99999999999999999999", "1bb"}) {
    EXPECT_FALSE(Read<ByteSize>(text)) << text;
  }
  EXPECT_TRUE(Read<ByteSize>("8388607tb"));
}

TEST(Values, DurationsNeedAUnit) {
  EXPECT_EQ(*Read<Duration>("500ms"), Duration(500));
  EXPECT_EQ(*Read<Duration>("5s"), Duration(5000));
  EXPECT_EQ(*Read<Duration>("10m"), Duration(600'000));
  EXPECT_EQ(*Read<Duration>("1h"), Duration(3'600'000));
  EXPECT_EQ(*Read<Duration>("7d"), Duration(604'800'000));
  EXPECT_EQ(*Read<Duration>("0"), Duration(0));
  EXPECT_EQ(*Read<Duration>("none"), kUnbounded);
  for (const char* text : {"", "5", "s", "-5s", "5 s", "5w", "1.5s", "9223372036854775807ms"}) {
    EXPECT_FALSE(Read<Duration>(text)) << text;
  }
}

TEST(Values, RatesNameAnAmountAndAPeriod) {
  EXPECT_EQ(*Read<Rate>("1000/s"), (Rate{{1000, false}, Duration(1000)}));
  EXPECT_EQ(*Read<Rate>("500/10s"), (Rate{{500, false}, Duration(10'000)}));
  EXPECT_EQ(*Read<Rate>("60/m"), (Rate{{60, false}, Duration(60'000)}));
  EXPECT_EQ(*Read<Rate>("10mb/s"), (Rate{{uint64_t{10} << 20, true}, Duration(1000)}));
  EXPECT_TRUE(Read<Rate>("400/365d"));
  for (const char* text : {"1000", "1000/", "/s", "1000/x", "0/s", "1/0s", "1/none", "1/0", "-1/s",
                           "1/s/s", "400/366d"}) {
    EXPECT_FALSE(Read<Rate>(text)) << text;
  }
}

TEST(Values, EndpointsAreAddressLiteralsWithAPort) {
  EXPECT_EQ(*Read<Endpoint>("127.0.0.1:6390"), (Endpoint{"127.0.0.1", 6390}));
  EXPECT_EQ(*Read<Endpoint>("localhost:1"), (Endpoint{"127.0.0.1", 1}));
  EXPECT_EQ(*Read<Endpoint>("[0:0::1]:65535"), (Endpoint{"::1", 65535}));
  for (const char* text : {"", ":1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:6390",
                           "[127.0.0.1]:1", "[::1]", "example.com:1", "127.1:1", "127.0.0.1:+1"}) {
    EXPECT_FALSE(Read<Endpoint>(text)) << text;
  }
}

TEST(Values, OnlyThisMachinesOwnAddressesAreLoopback) {
  for (const char* text : {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1"}) {
    EXPECT_TRUE(IsLoopback(*Read<Endpoint>(text))) << text;
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "128.0.0.1:1", "10.0.0.1:1", "[::2]:1"}) {
    EXPECT_FALSE(IsLoopback(*Read<Endpoint>(text))) << text;
  }
}

TEST(Values, NetworksHaveNoBitsPastTheirPrefix) {
  EXPECT_EQ(*Read<Network>("10.0.0.0/8"), (Network{"10.0.0.0", 8}));
  EXPECT_EQ(*Read<Network>("10.128.0.0/9"), (Network{"10.128.0.0", 9}));
  EXPECT_EQ(*Read<Network>("192.0.2.7"), (Network{"192.0.2.7", 32}));
  EXPECT_EQ(*Read<Network>("0.0.0.0/0"), (Network{"0.0.0.0", 0}));
  EXPECT_EQ(*Read<Network>("2001:db8::/32"), (Network{"2001:db8::", 32}));
  for (const char* text : {"", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "10.0.0.0/-1"}) {
    EXPECT_FALSE(Read<Network>(text)) << text;
  }
  Network network;
  EXPECT_THAT(ReadValue("10.1.2.3/9", network), HasSubstr("write 10.0.0.0/9"));
}

TEST(Values, WhatIsShownReadsBack) {
  EXPECT_TRUE(rc::check([](uint32_t number, uint8_t shift, bool sized, uint16_t port) {
    const uint64_t wide = uint64_t{number} << (shift % 31);
    RC_ASSERT(*Read<ByteSize>(ShowValue(ByteSize{wide})) == ByteSize{wide});
    const Amount amount{wide, sized};
    RC_ASSERT(*Read<Amount>(ShowValue(amount)) == amount);
    const Duration duration(static_cast<int64_t>(wide));
    RC_ASSERT(*Read<Duration>(ShowValue(duration)) == duration);
    const Rate rate{{wide + 1, sized}, Duration(number % 31'536'000'000 + 1)};
    RC_ASSERT(*Read<Rate>(ShowValue(rate)) == rate);
    const Endpoint endpoint{sized ? "::1" : "127.0.0.1", port};
    RC_ASSERT(*Read<Endpoint>(ShowValue(endpoint)) == endpoint);
    const auto integer = static_cast<int64_t>(wide) - (int64_t{1} << 40);
    RC_ASSERT(*Read<int64_t>(ShowValue(integer)) == integer);
  }));
}

TEST(Values, SlipsOfTheFingersAreRecognised) {
  const std::vector<std::string_view> words = {"server", "cache", "limit", "ttl"};
  EXPECT_EQ(NearestWord("caceh", words), "cache");
  EXPECT_EQ(NearestWord("limits", words), "limit");
  EXPECT_EQ(NearestWord("serv", words), "server");
  EXPECT_EQ(NearestWord("database", words), "");
  EXPECT_EQ(NearestWord("", words), "");
}

}  // namespace
}  // namespace weir::cmd
