// KeySet: some of the keys of a model, as bits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::sim {

class KeySet {
 public:
  explicit KeySet(size_t keys) : words_((keys + kBits - 1) / kBits) {}

  void Add(std::span<const uint32_t> keys) {
    for (const uint32_t key : keys) words_[key / kBits] |= uint64_t{1} << key % kBits;
  }
  // Requires: of as many keys.
  void Add(const KeySet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void AddAll() { std::fill(words_.begin(), words_.end(), ~uint64_t{0}); }

  bool Has(uint32_t key) const { return (words_[key / kBits] >> key % kBits & 1) != 0; }
  bool Meets(const KeySet& other) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      if ((words_[i] & other.words_[i]) != 0) return true;
    }
    return false;
  }

 private:
  static constexpr size_t kBits = 64;
  std::vector<uint64_t> words_;
};

}  // namespace weir::sim
