#include "weir/net/address.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace weir::net {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

bool Address::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), ip.begin());
}

bool Address::is_loopback() const {
  if (is_v4()) return ip[12] == 127;
  return ip[15] == 1 && std::all_of(ip.begin(), ip.end() - 1, [](uint8_t b) { return b == 0; });
}

std::string Address::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const std::string suffix = ":" + std::to_string(port);
  if (is_v4()) {
    inet_ntop(AF_INET, ip.data() + 12, text.data(), text.size());
    return text.data() + suffix;
  }
  inet_ntop(AF_INET6, ip.data(), text.data(), text.size());
  return "[" + std::string(text.data()) + "]" + suffix;
}

Result<Address> ParseAddress(std::string_view text) {
  const Error bad{ErrorCode::kInvalid, "'" + std::string(text) +
                                           "' is not an address; write it as 127.0.0.1:6390 or "
                                           "[::1]:6390"};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  Address address;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return bad;

  std::string host(text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), address.ip.data()) != 1) return bad;
    return address;
  }
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.ip.begin());
  if (inet_pton(AF_INET, host.c_str(), address.ip.data() + 12) != 1) return bad;
  return address;
}

}  // namespace weir::net
