#include "weir/base/crc16.h"

#include <array>
#include <cstddef>

namespace weir {
namespace {

using Table = std::array<uint16_t, 256>;

// kTables[i][b] is the checksum of the byte b followed by i zero bytes.
constexpr std::array<Table, 8> MakeTables() {
  std::array<Table, 8> tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
    }
    tables[0][byte] = static_cast<uint16_t>(crc);
  }
  for (size_t i = 1; i < tables.size(); ++i) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const unsigned before = tables[i - 1][byte];
      tables[i][byte] = static_cast<uint16_t>((before << 8) ^ tables[0][before >> 8]);
    }
  }
  return tables;
}

constexpr std::array<Table, 8> kTables = MakeTables();

}  // namespace

uint16_t Crc16(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  unsigned crc = 0;
  // Eight bytes at a step: the checksum so far enters the first two only, so the loads overlap.
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    const unsigned head = kTables[7][at(0) ^ (crc >> 8)] ^ kTables[6][at(1) ^ (crc & 0xffU)];
    crc = head ^ kTables[5][at(2)] ^ kTables[4][at(3)] ^ kTables[3][at(4)] ^ kTables[2][at(5)] ^
          kTables[1][at(6)] ^ kTables[0][at(7)];
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    crc = ((crc << 8) ^ kTables[0][(crc >> 8) ^ at(i)]) & 0xffffU;
  }
  return static_cast<uint16_t>(crc);
}

}  // namespace weir
