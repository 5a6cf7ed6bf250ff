// Goal: values are written as Redis writes them, and read however it has written them; no payload
// is read beyond its end or makes more than it may. Method: payloads that redis-server 7.0.15 made;
// values drawn by chance, there and back; each byte of a payload damaged, under a checksum made
// anew.
#include "weir/gateway/commands/serialized.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/crc64.h"
#include "weir/base/random.h"

namespace weir::gateway::commands {
namespace {

constexpr size_t kNoLimit = size_t{1} << 30;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string Repeated(std::string_view piece, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += piece;
  return text;
}

// With the version and the checksum that it should have.
std::string Signed(std::string body) {
  body += std::string("\x0a\x00", 2);
  const uint64_t checksum = Crc64(body);
  body.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  return body;
}

struct Vector {
  std::string value;
  std::string_view hex;
};

const std::vector<Vector> kPlain = {
    {"", "00000a005d9b5c400f7fa2da"},
    {"hello", "000568656c6c6f0a006372df766534200a"},
    {"12345", "00c139300a009d94ea2793fc08b9"},
    {"-1", "00c0ff0a000c937e2485089dc5"},
    {"127", "00c07f0a000db5eb315254c514"},
    {"128", "00c180000a00eb7ab3b510cf4b65"},
    {"-129", "00c17fff0a001760822854808480"},
    {"32768", "00c2008000000a0045d82eedd5bda910"},
    {"2147483647", "00c2ffffff7f0a002c74e59ee02eada1"},
    {"2147483648", "000a323134373438333634380a00e7b129a34c1d76ee"},
    {"9223372036854775807", "0013393232333337323033363835343737353830370a003a657e9481e85f22"},
    {"007", "00033030370a007258e27b4c69bad9"}};

// Which Redis compresses.
const std::vector<Vector> kCompressed = {
    {std::string(63, 'x'), "00c3093f017878e032000178780a0072a017a560edf6e5"},
    {std::string(64, 'y') + "z", "00c3094041017979e0340001797a0a00879356e177bbedab"},
    {std::string(30, 'a'), "00c3091e016161e011000161610a0045737cbb2b647bbb"},
    {Repeated("abc", 100), "00c30e412c0361626361e0ff02e115070162630a00d25733cec044e12b"},
    {Repeated("the quick brown fox ", 20) + "jumps",
     "00c32241951474686520717569636b2062726f776e20666f782074e0ff13e16a17046a756d70730a0042af5002fd6"
     "1"
     "0c93"}};

TEST(Serialized, IsWhatRedisMakes) {
  for (const Vector& vector : kPlain) EXPECT_EQ(Serialized(vector.value), FromHex(vector.hex));
}

TEST(Serialized, WhatRedisMakesIsRead) {
  for (const std::vector<Vector>* vectors : {&kPlain, &kCompressed}) {
    for (const Vector& vector : *vectors) {
      const std::string payload = FromHex(vector.hex);
      ASSERT_TRUE(IsWhole(payload)) << vector.value;
      const Result<Bytes> value = Deserialized(payload, vector.value.size());
      ASSERT_TRUE(value.ok()) << vector.value;
      EXPECT_EQ(value.value().view(), vector.value);
    }
  }
}

TEST(Serialized, OfAnyLengthComesBack) {
  Random random(7);
  for (const size_t size : {1, 62, 63, 64, 65, 16383, 16384, 16385, 70000}) {
    std::string value(size, '\0');
    for (char& c : value) c = static_cast<char>(random.Next());
    const std::string payload = Serialized(value);
    ASSERT_TRUE(IsWhole(payload));
    EXPECT_EQ(Deserialized(payload, size).value().view(), value);
    EXPECT_EQ(Deserialized(payload, size - 1).error().code, ErrorCode::kOverloaded);
  }
}

TEST(Serialized, APayloadWithoutItsChecksumIsNotWhole) {
  std::string payload = FromHex(kPlain[1].hex);
  EXPECT_TRUE(IsWhole(payload));
  for (size_t i = 0; i < payload.size(); ++i) {
    payload[i] ^= 1;
    EXPECT_FALSE(IsWhole(payload)) << i;
    payload[i] ^= 1;
  }
  EXPECT_FALSE(IsWhole(payload.substr(2)));
  EXPECT_FALSE(IsWhole(payload.substr(0, 9)));
  EXPECT_FALSE(IsWhole(""));
}

// The sanitizers see what is read or written out of place.
TEST(Serialized, DamageUnderAGoodChecksumIsAnErrorOrAnotherValue) {
  for (const std::vector<Vector>* vectors : {&kPlain, &kCompressed}) {
    for (const Vector& vector : *vectors) {
      const std::string whole = FromHex(vector.hex);
      const std::string body = whole.substr(0, whole.size() - 10);
      for (size_t at = 0; at < body.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
          std::string damaged = body;
          damaged[at] = static_cast<char>(byte);
          const Result<Bytes> value = Deserialized(Signed(damaged), 1000);
          EXPECT_TRUE(!value.ok() || value.value().size() <= 1000U);
        }
        EXPECT_FALSE(Deserialized(Signed(body.substr(0, at)), kNoLimit).ok());
      }
      EXPECT_FALSE(Deserialized(Signed(body + "x"), kNoLimit).ok());
    }
  }
}

TEST(Serialized, NothingIsAllocatedForALengthThatCannotBe) {
  const size_t before = Bytes::counted_bytes();
  // Four compressed bytes that declare 2^30.
  const std::string body = std::string("\x00\xc3\x04\x80\x40\x00\x00\x00", 8) + "abcd";
  EXPECT_FALSE(Deserialized(Signed(body), kNoLimit).ok());
  EXPECT_EQ(Bytes::counted_bytes(), before);
}

TEST(Serialized, AnotherTypeIsRefused) {
  const std::string list = FromHex("1201020a0a0000000100816102ff0a0009b9edf594ded995");
  ASSERT_TRUE(IsWhole(list));
  EXPECT_EQ(Deserialized(list, kNoLimit).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace weir::gateway::commands
