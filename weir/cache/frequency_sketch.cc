#include "weir/cache/frequency_sketch.h"

#include <algorithm>
#include <bit>

namespace weir::cache {
namespace {

constexpr uint64_t kSampleFactor = 4;
constexpr uint64_t kLowThreeBits = 0x7777777777777777U;

uint64_t Mix(uint64_t hash) {
  hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93U;
  return hash ^ (hash >> 32);
}

}  // namespace

void FrequencySketch::Reset(size_t capacity) {
  capacity_ = capacity;
  // One word, sixteen counters, for each key; a block is a cache line.
  words_.assign(capacity == 0 ? 0 : std::bit_ceil(std::max(capacity, kBlockWords)), 0);
  block_mask_ = words_.size() / kBlockWords - (capacity == 0 ? 0 : 1);
  added_ = 0;
}

FrequencySketch::Place FrequencySketch::At(uint64_t mixed, uint32_t row) const {
  const auto bits = static_cast<uint32_t>(mixed >> (32 + row * 8));
  // Two words of the block for each row, so that rows never share a counter.
  const size_t word = static_cast<size_t>(mixed & block_mask_) * kBlockWords + row * 2 + (bits & 1);
  return {word, (bits >> 1 & 15) * 4};
}

void FrequencySketch::Add(uint64_t hash) {
  if (capacity_ == 0) return;
  const uint64_t mixed = Mix(hash);
  for (uint32_t row = 0; row < 4; ++row) {
    const Place place = At(mixed, row);
    if ((words_[place.word] >> place.shift & 15) == kCountMax) continue;
    words_[place.word] += uint64_t{1} << place.shift;
  }
  if (++added_ >= kSampleFactor * capacity_) Halve();
}

uint32_t FrequencySketch::Count(uint64_t hash) const {
  if (capacity_ == 0) return 0;
  const uint64_t mixed = Mix(hash);
  uint64_t count = kCountMax;
  for (uint32_t row = 0; row < 4; ++row) {
    const Place place = At(mixed, row);
    count = std::min(count, words_[place.word] >> place.shift & 15);
  }
  return static_cast<uint32_t>(count);
}

void FrequencySketch::Halve() {
  for (uint64_t& word : words_) {
    word = word >> 1 & kLowThreeBits;
  }
  added_ /= 2;
}

}  // namespace weir::cache
