// Address: an IP address as plain bytes, and its text.
// Threads: plain data. Errors: what is no address is nullopt. Cost: reading allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::limit {

// An IPv6 address, or an IPv4 address a.b.c.d as the IPv6 address ::ffff:a.b.c.d.
struct Address {
  std::array<uint8_t, 16> bytes{};

  static Address FromV4(std::array<uint8_t, 4> v4);
  bool is_v4() const;
  bool operator==(const Address&) const = default;
};

// The addresses whose first `bits` bits are those of `address`. For the IPv4 prefix a.b.c.d/n,
// `bits` is 96 + n. The default holds every address.
struct AddressPrefix {
  Address address;
  uint8_t bits = 0;

  bool operator==(const AddressPrefix&) const = default;
};

// Reads "192.0.2.7", or an IPv6 address in any form of RFC 4291 section 2.2, without brackets or
// a zone.
std::optional<Address> ParseAddress(std::string_view text);

// Returns text that ParseAddress reads as `address`: of IPv6 all eight groups.
std::string AddressText(const Address& address);

}  // namespace weir::limit
