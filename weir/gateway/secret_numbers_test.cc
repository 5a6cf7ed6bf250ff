// Goal: the numbers are those of SipHash-2-4 of 0, 1, 2, ... under the key, so they are a secret as
// good as the key. Method: its compression written out from the paper, which is held against the
// paper's own example first.
#include "weir/gateway/secret_numbers.h"

#include <bit>
#include <set>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

uint64_t Word(std::span<const uint8_t> bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < bytes.size(); ++i) word |= uint64_t{bytes[i]} << (8 * i);
  return word;
}

struct SipState {
  std::array<uint64_t, 4> v;

  void Rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v[0] += v[1], v[1] = std::rotl(v[1], 13) ^ v[0], v[0] = std::rotl(v[0], 32);
      v[2] += v[3], v[3] = std::rotl(v[3], 16) ^ v[2];
      v[0] += v[3], v[3] = std::rotl(v[3], 21) ^ v[0];
      v[2] += v[1], v[1] = std::rotl(v[1], 17) ^ v[2], v[2] = std::rotl(v[2], 32);
    }
  }
  void Take(uint64_t word) {
    v[3] ^= word;
    Rounds(2);
    v[0] ^= word;
  }
};

uint64_t SipHash(const SecretNumbers::Key& key, std::span<const uint8_t> message) {
  const uint64_t k0 = Word(std::span(key).first(8));
  const uint64_t k1 = Word(std::span(key).last(8));
  SipState state{{k0 ^ 0x736f6d6570736575U, k1 ^ 0x646f72616e646f6dU, k0 ^ 0x6c7967656e657261U,
                  k1 ^ 0x7465646279746573U}};
  const uint64_t size = message.size();
  for (; message.size() >= 8; message = message.subspan(8)) state.Take(Word(message.first(8)));
  state.Take(Word(message) | size << 56);
  state.v[2] ^= 0xff;
  state.Rounds(4);
  return state.v[0] ^ state.v[1] ^ state.v[2] ^ state.v[3];
}

SecretNumbers::Key CountingKey() {
  SecretNumbers::Key key;
  for (uint8_t i = 0; i < key.size(); ++i) key[i] = i;
  return key;
}

TEST(SecretNumbers, AreSipHashOfACounter) {
  std::vector<uint8_t> example;
  for (uint8_t i = 0; i < 15; ++i) example.push_back(i);
  ASSERT_EQ(SipHash(CountingKey(), example), 0xa129ca6149be45e5U);
  SecretNumbers numbers(CountingKey());
  for (uint8_t i = 0; i < 100; ++i) {
    const std::array<uint8_t, 8> message{i};
    ASSERT_EQ(numbers.Next(), SipHash(CountingKey(), message)) << unsigned{i};
  }
}

TEST(SecretNumbers, EveryBitOfTheKeyCounts) {
  std::set<uint64_t> firsts{SecretNumbers(CountingKey()).Next()};
  for (size_t bit = 0; bit < 128; ++bit) {
    SecretNumbers::Key key = CountingKey();
    key[bit / 8] = static_cast<uint8_t>(key[bit / 8] ^ 1U << bit % 8);
    EXPECT_TRUE(firsts.insert(SecretNumbers(key).Next()).second) << bit;
  }
}

}  // namespace
}  // namespace weir::gateway
