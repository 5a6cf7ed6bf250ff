#include "weir/gateway/secret_numbers.h"

#include <cstring>

#include <sodium.h>

namespace weir::gateway {

static_assert(sizeof(SecretNumbers::Key) == crypto_shorthash_KEYBYTES);
static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES);

uint64_t SecretNumbers::Next() {
  const auto bytes = [](uint64_t number) {
    std::array<uint8_t, sizeof(number)> made;
    for (size_t i = 0; i < made.size(); ++i) made[i] = static_cast<uint8_t>(number >> (8 * i));
    return made;
  };
  const std::array<uint8_t, sizeof(uint64_t)> message = bytes(count_++);
  std::array<uint8_t, crypto_shorthash_BYTES> hash;
  crypto_shorthash(hash.data(), message.data(), message.size(), key_.data());
  uint64_t number = 0;
  for (size_t i = 0; i < hash.size(); ++i) number |= uint64_t{hash[i]} << (8 * i);
  return number;
}

}  // namespace weir::gateway
