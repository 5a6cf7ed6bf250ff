#include "weir/base/md5.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace weir {
namespace {

using State = std::array<uint32_t, 4>;

constexpr size_t kBlockBytes = 64;

// floor(2^32 * |sin(i + 1)|), as the RFC defines them.
std::array<uint32_t, 64> MakeSines() {
  std::array<uint32_t, 64> sines{};
  for (size_t i = 0; i < sines.size(); ++i) {
    sines[i] = static_cast<uint32_t>(std::floor(4294967296.0 * std::fabs(std::sin(i + 1.0))));
  }
  return sines;
}

// By round, and by step modulo 4.
constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

uint32_t LoadLittle(const uint8_t* bytes) {
  return bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
}

void StoreLittle(uint64_t number, size_t count, uint8_t* bytes) {
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
}

void Mix(const uint8_t* block, State& state) {
  static const std::array<uint32_t, 64> sines = MakeSines();
  auto [a, b, c, d] = state;
  for (uint32_t step = 0; step < 64; ++step) {
    uint32_t mixed = 0;
    uint32_t word = 0;
    switch (step / 16) {
      case 0:
        mixed = (b & c) | (~b & d);
        word = step;
        break;
      case 1:
        mixed = (d & b) | (~d & c);
        word = (5 * step + 1) % 16;
        break;
      case 2:
        mixed = b ^ c ^ d;
        word = (3 * step + 5) % 16;
        break;
      default:
        mixed = c ^ (b | ~d);
        word = 7 * step % 16;
    }
    const uint32_t sum = a + mixed + sines[step] + LoadLittle(block + size_t{4} * word);
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, kShifts[step / 16][step % 4]);
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

}  // namespace

Md5Digest Md5(std::string_view bytes) {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= kBlockBytes; left -= kBlockBytes, data += kBlockBytes) Mix(data, state);
  // The rest, one bit that is set, zeros, and the length in bits: one block or two.
  std::array<uint8_t, 2 * kBlockBytes> tail{};
  if (left > 0) std::memcpy(tail.data(), data, left);
  tail[left] = 0x80;
  const size_t size = left + 1 + 8 <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  StoreLittle(uint64_t{8} * bytes.size(), 8, tail.data() + size - 8);
  for (size_t at = 0; at < size; at += kBlockBytes) Mix(tail.data() + at, state);
  Md5Digest digest{};
  for (size_t i = 0; i < state.size(); ++i) StoreLittle(state[i], 4, digest.data() + 4 * i);
  return digest;
}

std::string Md5Hex(const Md5Digest& digest) {
  std::string hex;
  for (const uint8_t byte : digest) {
    for (const int digit : {byte >> 4, byte & 15}) hex += "0123456789abcdef"[digit];
  }
  return hex;
}

}  // namespace weir
