// MD5, for agreeing with others who place keys by it. Not for anything that must resist an
// attacker.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

using Md5Digest = std::array<uint8_t, 16>;

// Cost: O(bytes), no allocation. Source: RFC 1321; pinned by the vectors of its appendix A.5.
Md5Digest Md5(std::string_view bytes);

// Returns a digest as 32 lowercase hexadecimal digits.
std::string Md5Hex(const Md5Digest& digest);

}  // namespace weir
