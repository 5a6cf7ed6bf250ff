// Tokens: has anything been written to this key since then?
//
// A token is taken when a load begins. It stays current until a write of the key is published, or
// everything is invalidated. Keys share a fixed number of counters by hash, so a
// token may stop being current for another key's sake (a fill is skipped, nothing worse) and never
// stays current by mistake.
//
// Threads: single-owner.
// Cost: one load or add, no allocation; 8 * kStripes bytes.
// Source: leases of "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1; differs: a counter in
// place of a token handed out for each miss, so it needs no memory per key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::cache {

using Token = uint64_t;

class Tokens {
 public:
  static constexpr size_t kStripes = 512;

  Token Current(uint64_t hash) const { return epoch_ + stripes_[hash % kStripes]; }
  void Bump(uint64_t hash) { ++stripes_[hash % kStripes]; }
  void BumpAll() { ++epoch_; }

 private:
  // Both only rise, so their sum changes whenever one of them does and never returns.
  uint64_t epoch_ = 0;
  std::array<uint64_t, kStripes> stripes_{};
};

}  // namespace weir::cache
