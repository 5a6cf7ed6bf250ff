// SecretNumbers: numbers that nobody can foresee who has not the key, however many he has seen, and
// that are the same for the same key on every machine.
//
// When not to use: for choices, where random.h does and costs less; for more than 64 bits.
// Two of n numbers are the same with a chance of n² / 2^65; who needs them to differ looks.
// Threads: single-owner. Cost: about 20 ns.
// Source: SipHash-2-4 (Aumasson, Bernstein, INDOCRYPT 2012), of libsodium, of a counter.
#pragma once

#include <array>
#include <cstdint>

namespace weir::gateway {

class SecretNumbers {
 public:
  // Of the system's randomness, made in cmd/ and passed down.
  using Key = std::array<uint8_t, 16>;

  explicit SecretNumbers(const Key& key) : key_(key) {}

  uint64_t Next();

 private:
  const Key key_;
  uint64_t count_ = 0;
};

}  // namespace weir::gateway
