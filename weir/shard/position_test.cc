// Goal: the position of a key never changes, a tag is never cut, and its keys are spread. Method:
// golden vectors, computed apart from this code (bitwise CRC16, xxHash's own header); then a tag of
// a million keys.
#include "weir/shard/position.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace weir::shard {
namespace {

using namespace std::string_view_literals;

struct Golden {
  std::string_view key;
  uint64_t position;
};

// Disk format: a row whose key does not stay where it was stored is lost.
constexpr Golden kGolden[] = {
    {""sv, 0x0000b41a00d394c2},
    {"a"sv, 0xf21f9b18ca964e1f},
    {"foo"sv, 0xbe5aadb97d7e7d8a},
    {"user:12345"sv, 0x1c23b9b773fee5b3},
    {"{}"sv, 0xee644d2737705c16},
    {"{}user"sv, 0xbe81c24300225fde},
    {"foo{}{bar}"sv, 0x82af060f9935189c},
    {"foo{{bar}}zap"sv, 0x3ebe8d84024093fd},
    {"foo{bar}{zap}"sv, 0x4f17518f21e98f1e},
    {"{user1000}.following"sv, 0x35cec0f226f468a5},
    {"{user1000}.followers"sv, 0x35cec0f226f41abb},
    {"{user1000}"sv, 0x35cec0f226ed0be5},
    {"user1000"sv, 0x35cec0f226c1c874},
    {"open{only"sv, 0x62b747705e1582b8},
    {"\0\xff\r\n"sv, 0x61d5eca509f4d236},
    {"{\0}\xff"sv, 0x0003112f7faaeb21},
};

TEST(PositionTest, PositionsNeverChange) {
  for (const Golden& golden : kGolden) {
    EXPECT_EQ(PositionOf(golden.key).value, golden.position) << golden.key;
  }
  EXPECT_EQ(PositionOf(std::string(1000, 'x')).value, 0x31ef02921d2cba82U);
  std::string binary;  // Longer than a hash block, with every byte, and a tag of 109 bytes.
  for (int i = 0; i < 1000; ++i) binary.push_back(static_cast<char>(i * 7));
  ASSERT_EQ(KeyTag(binary).size(), 109U);
  EXPECT_EQ(PositionOf(binary).value, 0x17f5cb8ea726c830U);
}

TEST(PositionTest, KnownHashesGiveTheSamePosition) {
  for (const Golden& golden : kGolden) {
    const std::string_view tag = KeyTag(golden.key);
    const Position position = PositionFrom(TagSlot(tag), StableHash(tag), StableHash(golden.key));
    EXPECT_EQ(position.value, golden.position) << golden.key;
  }
}

TEST(PositionTest, EachPartHasItsOwnBits) {
  constexpr uint64_t kOnes = ~uint64_t{0};
  EXPECT_EQ(PositionFrom(0, 0, kOnes).value, kPositionUnit - 1);
  EXPECT_EQ(PositionFrom(0, kOnes, 0).value, kPositionsPerSlot - kPositionUnit);
  EXPECT_EQ(PositionFrom(kSlotCount - 1, 0, 0).value, kOnes - kPositionsPerSlot + 1);
  EXPECT_EQ(PositionFrom(kSlotCount - 1, kOnes, kOnes).value, kOnes);
  EXPECT_DEATH(PositionFrom(kSlotCount, 0, 0), "kSlotCount");
}

RC_GTEST_PROP(PositionProperty, AKeyLiesInItsSlotAndBesideItsTag, ()) {
  const auto texts = rc::gen::container<std::string>(rc::gen::element('{', '}', 'a', '\0', '\xff'));
  const std::string key = *texts;
  const std::string_view tag = KeyTag(key);
  const Position position = PositionOf(key);
  RC_ASSERT(position.value / kPositionsPerSlot == TagSlot(tag));
  // A tag with a brace of its own cannot be written between braces again.
  if (tag.empty() || tag.find('}') != std::string_view::npos) return;
  const Position sibling = PositionOf("{" + std::string(tag) + "}" + *texts);
  RC_ASSERT(position.value / kPositionUnit == sibling.value / kPositionUnit);
}

TEST(PositionTest, ATagOfAMillionKeysIsSpreadAndNeverCut) {
  constexpr size_t kKeys = 1'000'000;
  constexpr size_t kParts = 256;
  const uint64_t unit = PositionOf("{tenant}").value / kPositionUnit;
  std::vector<uint64_t> positions;
  std::vector<size_t> parts(kParts, 0);
  for (size_t i = 0; i < kKeys; ++i) {
    positions.push_back(PositionOf("{tenant}:" + std::to_string(i)).value);
    // Every boundary is a multiple of kPositionUnit, so none lies between two of these.
    ASSERT_EQ(positions.back() / kPositionUnit, unit);
    ++parts[positions.back() % kPositionUnit / (kPositionUnit / kParts)];
  }
  // A random function hits 2^24 * (1 - exp(-10^6 / 2^24)) = 970 800 places, deviation below 200.
  std::ranges::sort(positions);
  const auto repeats = std::ranges::unique(positions);
  EXPECT_NEAR(static_cast<double>(kKeys - repeats.size()), 970'800, 1'000);
  // 3906 a part, deviation 62: five deviations.
  for (const size_t part : parts) EXPECT_NEAR(static_cast<double>(part), 3906, 312);
}

}  // namespace
}  // namespace weir::shard
