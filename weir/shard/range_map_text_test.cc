// Goal: a map survives being written and read, and nothing but a written map is read. Method:
// random maps there and back; every single-byte change of a text; hand-made texts with a right
// checksum that break one rule each.
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "weir/base/checked_text_rig.h"
#include "weir/shard/range_map.h"

namespace weir::shard {
namespace {

using checked_text::EveryDamageOf;
using checked_text::Sealed;

std::string MessageOf(const std::string& text) {
  return checked_text::MessageOf<RangeMap>(text);
}

// Golden: the text is stored with the data, so every release must read it.
TEST(RangeMapTextTest, TheTextNeverChanges) {
  RangeMap map = RangeMap::Even(2).value();
  ASSERT_TRUE(map.Split({uint64_t{0xc0} << 56}));
  ASSERT_TRUE(map.Assign({uint64_t{0xc0} << 56}, ShardId{0xffffffff}));
  const std::string text =
      "weir-range-map 1\n"
      "epoch 2\n"
      "0000000000000000 0\n"
      "8000000000000000 1\n"
      "c000000000000000 4294967295\n";
  EXPECT_EQ(map.ToText(), Sealed(text));
  EXPECT_EQ(RangeMap::FromText(Sealed(text)).value(), map);
}

RC_GTEST_PROP(RangeMapTextProperty, AMapIsReadAsItWasWritten, ()) {
  RangeMap map = RangeMap::Even(*rc::gen::inRange<uint32_t>(1, 9)).value();
  for (const uint64_t unit : *rc::gen::arbitrary<std::vector<uint64_t>>()) {
    const Position at{unit * kPositionUnit};
    if (map.Split(at)) RC_ASSERT(map.Assign(at, ShardId{*rc::gen::arbitrary<uint32_t>()}).ok());
  }
  RC_ASSERT(RangeMap::FromText(map.ToText()).value() == map);
}

TEST(RangeMapTextTest, EveryChangedByteIsNoticed) {
  const std::string text = RangeMap::Even(3).value().ToText();
  ASSERT_EQ(MessageOf(text), "read");
  for (const std::string& damaged : EveryDamageOf(text)) {
    EXPECT_NE(MessageOf(damaged), "read") << damaged;
  }
  EXPECT_NE(MessageOf(text + "\n"), "read");
}

TEST(RangeMapTextTest, ARightChecksumDoesNotExcuseABrokenMap) {
  const std::string head = "weir-range-map 1\nepoch 0\n";
  const std::string zero = "0000000000000000 0\n";
  ASSERT_EQ(MessageOf(Sealed(head + zero)), "read");
  EXPECT_EQ(MessageOf(Sealed(head)), "range map: the first range does not begin at 0");
  EXPECT_EQ(MessageOf(Sealed(head + "0000000001000000 0\n")),
            "range map: the first range does not begin at 0");
  EXPECT_EQ(MessageOf(Sealed(head + zero + "0000000000ffffff 0\n")),
            "range map: 0000000000ffffff cuts a tag");
  EXPECT_EQ(MessageOf(Sealed(head + zero + zero)), "range map: 0000000000000000 out of order");
  EXPECT_EQ(MessageOf(Sealed("weir-range-map 2\nepoch 0\n" + zero)),
            "range map: does not begin with 'weir-range-map 1': damaged, or of a newer release");
}

TEST(RangeMapTextTest, EachMapHasOneSpelling) {
  const std::string head = "weir-range-map 1\nepoch 0\n";
  for (const char* body : {"0 0\n", "0000000000000000 00\n", "0000000000000000  0\n",
                           "0000000000000000 0\r\n", "0000000000000000 -0\n"}) {
    EXPECT_NE(MessageOf(Sealed(head + body)), "read") << body;
  }
  for (const char* epoch : {"00", "+0", "18446744073709551616", "", "-1"}) {
    const std::string text = "weir-range-map 1\nepoch " + std::string(epoch) + "\n";
    EXPECT_NE(MessageOf(Sealed(text + "0000000000000000 0\n")), "read") << epoch;
  }
  EXPECT_NE(MessageOf(Sealed(head + "0000000000000000 4294967296\n")), "read");
}

TEST(RangeMapTextTest, TextsEndAtTheLimits) {
  RangeMap map = RangeMap::Even(1).value();
  for (uint64_t i = 1; i < RangeMap::kMaxRanges; ++i) {
    const Position at{~uint64_t{0} / RangeMap::kMaxRanges * i / kPositionUnit * kPositionUnit};
    ASSERT_TRUE(map.Split(at));
  }
  const std::string text = map.ToText();
  EXPECT_LE(text.size(), RangeMap::kMaxTextBytes);
  EXPECT_EQ(RangeMap::FromText(text).value(), map);

  const std::string body = text.substr(0, text.find("checksum"));
  EXPECT_EQ(MessageOf(Sealed(body + "ffffffffff000000 0\n")), "range map: too many ranges");
  EXPECT_EQ(MessageOf(std::string(RangeMap::kMaxTextBytes + 1, '0')),
            "range map: longer than any map");
  EXPECT_NE(MessageOf(std::string(RangeMap::kMaxTextBytes, '0')), "range map: longer than any map");
}

}  // namespace
}  // namespace weir::shard
