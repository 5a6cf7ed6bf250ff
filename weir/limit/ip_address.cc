#include "weir/limit/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace weir::limit {
namespace {

constexpr std::array<uint8_t, 12> kV4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Reads a number that fills `text`. Requires: the digits of `most` are as many as may be written.
std::optional<unsigned> ParseNumber(std::string_view text, int base, unsigned most,
                                    size_t digits_max) {
  unsigned number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number, base);
  if (text.size() > digits_max || error != std::errc() || at != end || number > most) {
    return std::nullopt;
  }
  return number;
}

std::optional<std::array<uint8_t, 4>> ParseV4(std::string_view text) {
  std::array<uint8_t, 4> v4{};
  for (size_t i = 0; i < v4.size(); ++i) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == v4.size() - 1)) return std::nullopt;
    const std::string_view part = text.substr(0, dot);
    const std::optional<unsigned> number = ParseNumber(part, 10, 255, 3);
    // A leading zero is octal to some, so to nobody here.
    if (!number.has_value() || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    v4[i] = static_cast<uint8_t>(*number);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return v4;
}

// Groups of four hexadecimal digits with a colon between them, the last two maybe as an IPv4
// address. Returns how many bytes they are.
std::optional<size_t> ParseGroups(std::string_view text, std::array<uint8_t, 16>* bytes) {
  size_t size = 0;
  while (!text.empty()) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      const auto v4 = ParseV4(group);
      if (!v4.has_value() || size + v4->size() > bytes->size()) return std::nullopt;
      std::copy(v4->begin(), v4->end(), bytes->begin() + static_cast<std::ptrdiff_t>(size));
      return size + v4->size();
    }
    const std::optional<unsigned> number = ParseNumber(group, 16, 0xffff, 4);
    if (!number.has_value() || size == bytes->size()) return std::nullopt;
    (*bytes)[size++] = static_cast<uint8_t>(*number >> 8);
    (*bytes)[size++] = static_cast<uint8_t>(*number & 0xff);
    if (colon == std::string_view::npos) return size;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return size;
}

}  // namespace

Address Address::FromV4(std::array<uint8_t, 4> v4) {
  Address address;
  std::copy(kV4Prefix.begin(), kV4Prefix.end(), address.bytes.begin());
  std::copy(v4.begin(), v4.end(), address.bytes.begin() + kV4Prefix.size());
  return address;
}

bool Address::is_v4() const {
  return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes.begin());
}

std::optional<Address> ParseAddress(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto v4 = ParseV4(text);
    return v4.has_value() ? std::optional(Address::FromV4(*v4)) : std::nullopt;
  }
  Address address;
  const size_t gap = text.find("::");
  const std::optional<size_t> front = ParseGroups(text.substr(0, gap), &address.bytes);
  if (!front.has_value()) return std::nullopt;
  if (gap == std::string_view::npos) {
    return *front == address.bytes.size() ? std::optional(address) : std::nullopt;
  }
  std::array<uint8_t, 16> tail{};
  const std::optional<size_t> back = ParseGroups(text.substr(gap + 2), &tail);
  // The gap stands for one group at least.
  if (!back.has_value() || *front + *back + 2 > address.bytes.size()) return std::nullopt;
  std::copy_n(tail.begin(), *back, address.bytes.end() - static_cast<std::ptrdiff_t>(*back));
  return address;
}

std::string AddressText(const Address& address) {
  if (address.is_v4()) {
    std::array<char, 15> text;
    char* end = text.data();
    for (size_t i = kV4Prefix.size(); i < address.bytes.size(); ++i) {
      if (end != text.data()) *end++ = '.';
      end = std::to_chars(end, text.data() + text.size(), unsigned{address.bytes[i]}).ptr;
    }
    return {text.data(), end};
  }
  std::string text;
  for (size_t i = 0; i < address.bytes.size(); i += 2) {
    char digits[4];
    const unsigned group = unsigned{address.bytes[i]} << 8 | address.bytes[i + 1];
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), group, 16);
    if (i > 0) text += ':';
    text.append(digits, end.ptr);
  }
  return text;
}

}  // namespace weir::limit
