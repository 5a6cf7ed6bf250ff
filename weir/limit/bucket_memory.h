// BucketMemory: zeroed memory for a BucketTable, in huge pages where the system has them.
// A page costs no resident memory before it is used. Threads: immutable.
#pragma once

#include <cstddef>
#include <span>

namespace weir::limit {

class BucketMemory {
 public:
  // Throws std::bad_alloc. Requires: bytes > 0.
  explicit BucketMemory(size_t bytes);
  ~BucketMemory();
  BucketMemory(const BucketMemory&) = delete;
  BucketMemory& operator=(const BucketMemory&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace weir::limit
