// FrequencySketch: how often a key was asked for lately, in four bits a counter.
//
// A count-min sketch of four rows in one cache line a key; counters stop at 15 and are halved when
// four times the capacity has been counted, so that what was popular long ago is forgotten.
// When not to use: for exact counts. Threads: single-owner. Cost: one cache line an operation.
// Source: Einziger, Friedman, Manes, "TinyLFU", ACM TOS 2017; layout: Caffeine's FrequencySketch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::cache {

class FrequencySketch {
 public:
  static constexpr uint32_t kCountMax = 15;

  // Forgets everything and makes room for about `capacity` keys. Allocates up to 16 bytes for each.
  void Reset(size_t capacity);

  void Add(uint64_t hash);
  // Returns at most kCountMax; too high when keys collide, never too low since the last halving.
  uint32_t Count(uint64_t hash) const;

  size_t capacity() const { return capacity_; }
  size_t bytes() const { return words_.size() * sizeof(uint64_t); }

 private:
  static constexpr size_t kBlockWords = 8;
  struct Place {
    size_t word = 0;
    uint32_t shift = 0;
  };

  Place At(uint64_t mixed, uint32_t row) const;
  void Halve();

  std::vector<uint64_t> words_;  // Sixteen counters each; a key's four are in one block.
  uint64_t block_mask_ = 0;
  size_t capacity_ = 0;
  uint64_t added_ = 0;
};

}  // namespace weir::cache
