// Goal: bits are counted, found and set where Redis numbers them.
// Method: against one bit at a time, over ranges drawn by chance.
#include "weir/gateway/commands/bits.h"

#include <string>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::gateway::commands {
namespace {

std::string DrawValue(Random& random) {
  std::string value(1 + random.Below(70), '\0');
  // Long runs of equal bytes, so that whole words are skipped.
  char byte = '\0';
  for (char& c : value) {
    if (random.OneIn(12)) byte = static_cast<char>(random.Next());
    if (random.OneIn(12)) byte = random.OneIn(2) ? '\0' : '\xff';
    c = byte;
  }
  return value;
}

TEST(Bits, CountAndFindAgreeWithLookingAtEachBit) {
  Random random(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::string value = DrawValue(random);
    const uint64_t first = random.Below(value.size() * 8);
    const uint64_t last = first + random.Below(value.size() * 8 - first);
    const bool bit = random.OneIn(2);
    uint64_t count = 0;
    std::optional<uint64_t> found;
    for (uint64_t at = first; at <= last; ++at) {
      count += BitAt(value, at) ? 1 : 0;
      if (BitAt(value, at) == bit && !found.has_value()) found = at;
    }
    ASSERT_EQ(CountBits(value, first, last), count);
    ASSERT_EQ(FindBit(value, bit, first, last), found);
  }
}

TEST(Bits, AFieldReadsBackAndTouchesNothingElse) {
  Random random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string value = DrawValue(random) + std::string(8, 'x');
    const std::string before = value;
    BitField field;
    field.is_signed = random.OneIn(2);
    field.bits = static_cast<uint32_t>(1 + random.Below(field.is_signed ? 64 : 63));
    field.offset = random.Below(value.size() * 8 - field.bits + 1);
    const auto number = static_cast<int64_t>(random.Next());
    WriteField(value.data(), field, number);
    const uint32_t unused = 64 - field.bits;
    const auto low = static_cast<uint64_t>(number) << unused;
    ASSERT_EQ(ReadField(value, field), field.is_signed ? static_cast<int64_t>(low) >> unused
                                                       : static_cast<int64_t>(low >> unused));
    WriteField(value.data(), field, ReadField(before, field));
    ASSERT_EQ(value, before);
  }
}

TEST(Bits, BeyondTheEndThereAreZeros) {
  EXPECT_FALSE(BitAt("\xff", 8));
  EXPECT_FALSE(BitAt("", 0));
  EXPECT_EQ(ReadField("\xff", {.offset = 4, .bits = 8, .is_signed = false}), 0xf0);
  EXPECT_EQ(ReadField("\xff", {.offset = 4, .bits = 8, .is_signed = true}), -16);
  EXPECT_EQ(ReadField("", {.offset = uint64_t{1} << 40, .bits = 64, .is_signed = true}), 0);
}

}  // namespace
}  // namespace weir::gateway::commands
