// Bits of a value, numbered as Redis does: bit 0 is the most significant of byte 0.
//
// Pure functions. Cost: O(bytes looked at), eight bytes a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::gateway::commands {

// The bit at `index`; 0 beyond the end.
bool BitAt(std::string_view value, uint64_t index);

// Requires: index < 8 * the size of `data`.
void SetBitAt(char* data, uint64_t index, bool bit);

// How many bits are 1 from `first` to `last`, both included. Requires: both lie in `value`.
uint64_t CountBits(std::string_view value, uint64_t first, uint64_t last);

// The first bit equal to `bit` from `first` to `last`, both included.
// Requires: both lie in `value`.
std::optional<uint64_t> FindBit(std::string_view value, bool bit, uint64_t first, uint64_t last);

// An integer of `bits` bits that begins at bit `offset`; bits beyond the end of the value are 0.
struct BitField {
  uint64_t offset = 0;
  uint32_t bits = 0;  // 1 to 64; unsigned: to 63.
  bool is_signed = false;
};

int64_t ReadField(std::string_view value, const BitField& field);
// Stores the low bits of `number`. Requires: the field lies in `data`.
void WriteField(char* data, const BitField& field, int64_t number);

}  // namespace weir::gateway::commands
