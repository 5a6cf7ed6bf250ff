// Goal: what is sent is what was asked for, byte for byte. Method: encoded text by eye.
#include "cmd/weir/bench/requests.h"

#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

KeyNumbers From(uint64_t number) {
  KeyNumbers keys({.kind = KeyNumbers::Kind::kSequential, .count = 100'000}, 1);
  keys.StartAt(number);
  return keys;
}

TEST(RequestTemplateTest, KeysAndDataTakeTheirPlaces) {
  const auto request = RequestTemplate::Parse("mset __key__ __data__ {t}__key__ x", "key:", "vv");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().name(), "MSET");
  std::string sent = "before";
  KeyNumbers keys = From(98'765);
  request.value().Append(&keys, &sent);
  EXPECT_EQ(sent,
            "before*5\r\n$4\r\nmset\r\n$16\r\nkey:000000098765\r\n$2\r\nvv\r\n"
            "$19\r\n{t}key:000000098766\r\n$1\r\nx\r\n");
}

TEST(RequestTemplateTest, ACommandNeedsNoKey) {
  const auto request = RequestTemplate::Parse("PING", "key:", "");
  ASSERT_TRUE(request.ok());
  std::string sent;
  KeyNumbers keys = From(0);
  request.value().Append(&keys, &sent);
  EXPECT_EQ(sent, "*1\r\n$4\r\nPING\r\n");
}

TEST(ParseMixTest, NamesAndCommandsHaveWeights) {
  const auto mix = ParseMix("get:9,GETEX __key__ EX 60:2,ping", "k", "v");
  ASSERT_TRUE(mix.ok()) << mix.error().message;
  ASSERT_EQ(mix.value().size(), 3U);
  EXPECT_EQ(mix.value()[0].request.name(), "GET");
  EXPECT_EQ(mix.value()[0].weight, 9U);
  EXPECT_EQ(mix.value()[1].request.name(), "GETEX");
  EXPECT_EQ(mix.value()[1].weight, 2U);
  EXPECT_EQ(mix.value()[2].weight, 1U);
}

TEST(ParseMixTest, WhatCannotBeReadIsRefusedWithWhatToWrite) {
  for (const char* const mix : {"", ",", "get:", "get:0", "get:x", "gett", ":1", "get:1e9"}) {
    const auto parsed = ParseMix(mix, "k", "v");
    ASSERT_FALSE(parsed.ok()) << mix;
    EXPECT_NE(parsed.error().message.find("write"), std::string::npos) << parsed.error().message;
  }
}

}  // namespace
}  // namespace weir::cmd
