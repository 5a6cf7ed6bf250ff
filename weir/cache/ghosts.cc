#include "weir/cache/ghosts.h"

#include <algorithm>

namespace weir::cache {
namespace {

constexpr uint32_t kWindowBit = 1U << 16;
constexpr int32_t kEmptyAge = 1 << 16;  // Above all others.

// Never 0, so that no ghost looks like an empty slot.
uint32_t Fingerprint(uint64_t hash) {
  const auto bits = static_cast<uint32_t>((hash * 0x9e3779b97f4a7c15U) >> 49);
  return (bits == 0 ? 1 : bits) << 17;
}

size_t Origin(uint32_t slot) {
  return (slot & kWindowBit) != 0 ? 1 : 0;
}

bool SameFingerprint(uint32_t slot, uint32_t fingerprint) {
  return ((slot ^ fingerprint) >> 17) == 0;
}

}  // namespace

void Ghosts::Reset(size_t capacity) {
  capacity_ = capacity;
  sets_ = capacity == 0 ? 0 : capacity * 5 / 4 / kWays + 1;
  quantum_ = std::max<uint64_t>(1, capacity / 8192);
  slots_.assign(sets_ * kWays, 0);
  slots_.shrink_to_fit();
  counts_.fill(0);
}

uint32_t* Ghosts::SetOf(uint64_t hash) {
  const uint64_t mixed = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93U;
  return &slots_[static_cast<size_t>((mixed >> 32) * sets_ >> 32) * kWays];
}

uint16_t Ghosts::AgeOf(uint32_t slot, const Stamps& now) {
  const uint16_t stamp = (slot & kWindowBit) != 0 ? now[1] : now[0];
  return static_cast<uint16_t>(stamp - static_cast<uint16_t>(slot));
}

void Ghosts::Remember(uint64_t hash, bool from_window, const Ticks& ticks) {
  if (sets_ == 0) return;
  uint32_t* set = SetOf(hash);
  const Stamps now = StampsOf(ticks);
  // An age and the place from the end, so that of equals the first is the greatest: no branch,
  // since nobody can predict which it is.
  int32_t greatest = 0;
  for (size_t way = 0; way < kWays; ++way) {
    const int32_t age = set[way] == 0 ? kEmptyAge : AgeOf(set[way], now);
    greatest = std::max(greatest, age << kWayBits | static_cast<int32_t>(kWays - 1 - way));
  }
  uint32_t& oldest = set[kWays - 1 - static_cast<size_t>(greatest) % kWays];
  if (oldest != 0) --counts_[Origin(oldest)];
  oldest = Fingerprint(hash) | (from_window ? kWindowBit : 0) | now[from_window ? 1 : 0];
  ++counts_[Origin(oldest)];
}

std::optional<Ghosts::Ghost> Ghosts::Take(uint64_t hash, const Ticks& ticks) {
  if (sets_ == 0) return std::nullopt;
  uint32_t* set = SetOf(hash);
  const uint32_t fingerprint = Fingerprint(hash);
  for (uint32_t* slot = set; slot != set + kWays; ++slot) {
    if (!SameFingerprint(*slot, fingerprint)) continue;
    const Ghost ghost{AgeOf(*slot, StampsOf(ticks)) * quantum_, Origin(*slot) == 1};
    --counts_[Origin(*slot)];
    *slot = 0;
    return ghost;
  }
  return std::nullopt;
}

}  // namespace weir::cache
