// Address: an IP address and a port, as text and as the 16 bytes that limits match on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::net {

struct Address {
  // IPv6, or IPv4 mapped into ::ffff:0:0/96, in network order.
  std::array<uint8_t, 16> ip{};
  uint16_t port = 0;

  bool is_v4() const;
  // 127.0.0.0/8 or ::1.
  bool is_loopback() const;
  // "127.0.0.1:6390" or "[::1]:6390".
  std::string ToString() const;
};

// Reads "ADDR:PORT" with a numeric address; IPv6 in brackets. Errors: kInvalid with an example.
Result<Address> ParseAddress(std::string_view text);

}  // namespace weir::net
