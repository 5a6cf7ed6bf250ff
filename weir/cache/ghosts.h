// Ghosts: which entries were evicted, and when, in four bytes each.
//
// A set-associative table of fingerprints: a new one takes the place of the oldest in its set. So
// what is remembered is about the last `capacity` entries, and one in 10 000 look-ups is mistaken.
// When not to use: where a mistake matters.
// Threads: single-owner. Cost: one cache line an operation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace weir::cache {

class Ghosts {
 public:
  struct Ghost {
    uint64_t age = 0;  // Evictions since, of its own origin.
    bool from_window = false;
  };

  // Forgets everything and makes room for about `capacity`. Allocates 5 bytes for each.
  void Reset(size_t capacity);

  // Ticks count evictions, those of the main part and those of the window apart, and never fall.
  using Ticks = std::array<uint64_t, 2>;

  // Ages are exact while `capacity` is below 16384, else to 1/8192 of it.
  void Remember(uint64_t hash, bool from_window, const Ticks& ticks);
  // Returns the ghost of `hash` and forgets it; nullopt when there is none.
  std::optional<Ghost> Take(uint64_t hash, const Ticks& ticks);

  size_t capacity() const { return capacity_; }
  size_t bytes() const { return slots_.size() * sizeof(uint32_t); }
  // Ghosts remembered of one origin.
  size_t count(bool from_window) const { return counts_[from_window ? 1 : 0]; }

 private:
  static constexpr size_t kWays = 16;
  static constexpr unsigned kWayBits = 4;
  static_assert(kWays == size_t{1} << kWayBits);

  uint32_t* SetOf(uint64_t hash);
  // Ticks in quanta, to 16 bits.
  using Stamps = std::array<uint16_t, 2>;
  Stamps StampsOf(const Ticks& ticks) const {
    return {static_cast<uint16_t>(ticks[0] / quantum_), static_cast<uint16_t>(ticks[1] / quantum_)};
  }
  // In quanta, since the eviction of a slot that is not empty.
  static uint16_t AgeOf(uint32_t slot, const Stamps& now);

  // fingerprint << 17 | from_window << 16 | stamp; 0 is an empty slot.
  std::vector<uint32_t> slots_;
  size_t sets_ = 0;
  size_t capacity_ = 0;
  uint64_t quantum_ = 1;
  std::array<size_t, 2> counts_{};  // From the main part; from the window.
};

}  // namespace weir::cache
