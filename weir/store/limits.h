// Limits: the checks of a call against store::Limits that every driver makes before it begins.
//
// Bytes of a batch are those of its keys and values. Returns: nullopt when the call is within the
// limits, else a kOverloaded error that names the limit.
// Threads: pure functions. Cost: O(keys), no allocation unless an error is returned.
#pragma once

#include <optional>
#include <vector>

#include "weir/store/store.h"

namespace weir::store {

size_t BytesOf(const Batch& batch);

// What a load may still return of large values; see Store::LoadWithin.
class LoadRoom {
 public:
  explicit LoadRoom(size_t bytes_max) : left_(bytes_max) {}
  // Returns whether a value of so many bytes is returned.
  bool Take(size_t bytes) {
    if (bytes < Bytes::kCountedBytesMin) return true;
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

 private:
  size_t left_;
};

// Whether a scan that has found `items` records with `bytes` of keys and values is full.
inline bool IsFull(const ScanRange& range, size_t items, size_t bytes) {
  return items > 0 && (items >= range.limit || bytes >= range.bytes_max);
}

std::optional<Error> OverLimit(const Limits& limits, const Batch& batch);
std::optional<Error> OverLimit(const Limits& limits, const std::vector<Key>& keys);
std::optional<Error> OverLimit(const Limits& limits, const ScanRange& range);

// Expire removes as many records as a batch may write.
std::optional<Error> OverExpireLimit(const Limits& limits, size_t limit);

// The error of a read that would be one more than `outstanding_reads_max`.
Error TooManyReads(const Limits& limits);

}  // namespace weir::store
