// CRC-16/XMODEM (polynomial 0x1021, initial 0), the checksum by which Redis Cluster names slots.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// Cost: one table load a byte, no allocation.
// Source: Redis Cluster specification, appendix A; pinned by the vector "123456789" -> 0x31c3.
uint16_t Crc16(std::string_view bytes);

}  // namespace weir
