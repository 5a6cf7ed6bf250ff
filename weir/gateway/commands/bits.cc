#include "weir/gateway/commands/bits.h"

#include <bit>
#include <cstring>

namespace weir::gateway::commands {
namespace {

constexpr size_t kStep = sizeof(uint64_t);

uint64_t WordAt(std::string_view value, size_t at) {
  uint64_t word = 0;
  std::memcpy(&word, value.data() + at, kStep);
  return word;
}

uint8_t ByteAt(std::string_view value, size_t at) {
  return static_cast<uint8_t>(value[at]);
}

// The bits of a byte from `first` on (0 is the most significant), and up to `last`.
uint8_t MaskFrom(uint64_t first) {
  return static_cast<uint8_t>(0xffU >> first);
}
uint8_t MaskTo(uint64_t last) {
  return static_cast<uint8_t>(0xffU << (7 - last));
}

uint64_t CountBytes(std::string_view value) {
  uint64_t count = 0;
  size_t at = 0;
  for (; at + kStep <= value.size(); at += kStep) {
    count += static_cast<uint64_t>(std::popcount(WordAt(value, at)));
  }
  for (; at < value.size(); ++at) count += static_cast<uint64_t>(std::popcount(ByteAt(value, at)));
  return count;
}

}  // namespace

bool BitAt(std::string_view value, uint64_t index) {
  if (index / 8 >= value.size()) return false;
  return (ByteAt(value, index / 8) >> (7 - index % 8) & 1U) != 0;
}

void SetBitAt(char* data, uint64_t index, bool bit) {
  const auto mask = static_cast<uint8_t>(0x80U >> (index % 8));
  const auto byte = static_cast<uint8_t>(data[index / 8]);
  data[index / 8] = static_cast<char>(bit ? byte | mask : byte & ~mask);
}

uint64_t CountBits(std::string_view value, uint64_t first, uint64_t last) {
  const size_t begin = first / 8;
  const size_t end = last / 8;
  uint64_t count = CountBytes(value.substr(begin, end - begin + 1));
  const auto before = static_cast<uint8_t>(ByteAt(value, begin) & ~MaskFrom(first % 8));
  const auto after = static_cast<uint8_t>(ByteAt(value, end) & ~MaskTo(last % 8));
  count -= static_cast<uint64_t>(std::popcount(before));
  count -= static_cast<uint64_t>(std::popcount(after));
  return count;
}

std::optional<uint64_t> FindBit(std::string_view value, bool bit, uint64_t first, uint64_t last) {
  const uint64_t blank_word = bit ? 0 : ~uint64_t{0};  // Holds none of what is looked for.
  const uint8_t blank_byte = bit ? 0 : 0xff;
  const size_t end = last / 8;
  for (size_t at = first / 8; at <= end;) {
    const bool inside = at > first / 8 && at + kStep <= end;
    if (inside && WordAt(value, at) == blank_word) {
      at += kStep;
      continue;
    }
    // What is looked for, as ones, within the range.
    auto ones = static_cast<uint8_t>(ByteAt(value, at) ^ blank_byte);
    if (at == first / 8) ones &= MaskFrom(first % 8);
    if (at == end) ones &= MaskTo(last % 8);
    if (ones != 0) return uint64_t{at} * 8 + static_cast<uint64_t>(std::countl_zero(ones));
    ++at;
  }
  return std::nullopt;
}

int64_t ReadField(std::string_view value, const BitField& field) {
  uint64_t number = 0;
  for (uint64_t bit = field.offset; bit < field.offset + field.bits; ++bit) {
    number = number << 1 | (BitAt(value, bit) ? 1U : 0U);
  }
  const uint32_t unused = 64 - field.bits;
  if (field.is_signed) return static_cast<int64_t>(number << unused) >> unused;
  return static_cast<int64_t>(number);
}

void WriteField(char* data, const BitField& field, int64_t number) {
  const auto bits = static_cast<uint64_t>(number);
  for (uint32_t bit = 0; bit < field.bits; ++bit) {
    SetBitAt(data, field.offset + bit, (bits >> (field.bits - 1 - bit) & 1U) != 0);
  }
}

}  // namespace weir::gateway::commands
