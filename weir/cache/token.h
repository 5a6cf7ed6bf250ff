// Tokens: has anything been written to this key since then?
//
// A token is taken when a load begins. It stays current until a write of the key is published, or
// everything is invalidated. Keys share a fixed number of counters by hash, so a
// token may stop being current for another key's sake (a fill is skipped, nothing worse) and never
// stays current by mistake.
//
// While it notes, it also tells by far more stripes, of a bit each, whether any token of a key has
// stopped being current since it began: of 2^20 bits, 10 000 changed keys take one in a hundred of
// the others along.
//
// Threads: single-owner.
// Cost: one load or add, no allocation but for Note; 8 * kStripes bytes, and the bits.
// Source: leases of "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1; differs: a counter in
// place of a token handed out for each miss, so it needs no memory per key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::cache {

using Token = uint64_t;

class Tokens {
 public:
  static constexpr size_t kStripes = 512;

  Token Current(uint64_t hash) const { return epoch_ + stripes_[hash % kStripes]; }
  void Bump(uint64_t hash) {
    ++stripes_[hash % kStripes];
    if (!changed_.empty()) changed_[NoteOf(hash)] = true;
  }
  void BumpAll() {
    ++epoch_;
    EndNoting();  // Everything has changed.
  }

  // Notes from now on what changes, in 2^`bits_log` bits. Requires: 0 < bits_log < 64.
  void Note(unsigned bits_log) {
    changed_.assign(size_t{1} << bits_log, false);
    note_shift_ = 64 - bits_log;
  }
  void EndNoting() {
    changed_.clear();
    changed_.shrink_to_fit();
  }
  // Whether it has noted all along, and every token of the key from that time is still current.
  bool Unchanged(uint64_t hash) const { return !changed_.empty() && !changed_[NoteOf(hash)]; }

 private:
  // The high bits: the low ones choose the stripe, and those between the lane.
  size_t NoteOf(uint64_t hash) const { return hash >> note_shift_; }

  // Both only rise, so their sum changes whenever one of them does and never returns.
  uint64_t epoch_ = 0;
  std::array<uint64_t, kStripes> stripes_{};
  std::vector<bool> changed_;  // By the high bits of the hash; empty: it does not note.
  unsigned note_shift_ = 0;
};

}  // namespace weir::cache
