// Random: a small, fast, seeded generator (splitmix64), the same sequence on every machine.
//
// When not to use: for secrets. Seeds that must be unguessable come from the operating system, in
// cmd/, and are passed down.
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
#pragma once

#include <cassert>
#include <cstdint>

namespace weir {

__extension__ using Uint128 = unsigned __int128;

// Threads: single-owner.
class Random {
 public:
  using result_type = uint64_t;

  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound). Requires: bound > 0. The bias is below bound / 2^64.
  uint64_t Below(uint64_t bound) {
    assert(bound > 0);
    return static_cast<uint64_t>((static_cast<Uint128>(Next()) * bound) >> 64);
  }

  bool OneIn(uint64_t n) { return Below(n) == 0; }

  uint64_t operator()() { return Next(); }
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }

 private:
  uint64_t state_;
};

}  // namespace weir
