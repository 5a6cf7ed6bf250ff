#include "weir/limit/bucket_memory.h"

#include <new>

#include <sys/mman.h>

namespace weir::limit {

BucketMemory::BucketMemory(size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Without them a decision on one of a million keys waits for the page table too. Best effort.
  ::madvise(memory, bytes, MADV_HUGEPAGE);
  bytes_ = {static_cast<std::byte*>(memory), bytes};
}

BucketMemory::~BucketMemory() {
  ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace weir::limit
