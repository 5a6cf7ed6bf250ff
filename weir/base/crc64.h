// CRC-64/REDIS (polynomial 0xad93d23594c935a9, reflected, initial 0), the checksum at the end of
// what DUMP returns.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// Cost: one table load a byte, no allocation.
// Source: crc64.c of redis-server 7.0 names the parameters, by Jones; pinned by the vector
// "123456789" -> 0xe9c6d914c4b8d9ca.
uint64_t Crc64(std::string_view bytes);

}  // namespace weir
