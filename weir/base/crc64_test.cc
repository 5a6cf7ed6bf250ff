// Goal: the checksum is Redis's, however long the input.
// Method: the published vector; one bit at a time for all lengths around the step.
#include "weir/base/crc64.h"

#include <string>

#include <gtest/gtest.h>

namespace weir {
namespace {

uint64_t BitByBit(std::string_view bytes) {
  uint64_t crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x95ac9329ac4bc9b5ULL : crc >> 1;
    }
  }
  return crc;
}

TEST(Crc64, IsThatOfRedis) {
  EXPECT_EQ(Crc64("123456789"), 0xe9c6d914c4b8d9caULL);
  EXPECT_EQ(Crc64(""), 0U);
}

TEST(Crc64, IsTheSameBitByBit) {
  std::string bytes;
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(Crc64(bytes), BitByBit(bytes)) << i;
    bytes += static_cast<char>(37 * i + 11);
  }
}

}  // namespace
}  // namespace weir
