#include "weir/cache/page_memory.h"

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

#include <sys/mman.h>

namespace weir::cache {

void PageMemory::Unmap::operator()(char* memory) const {
  ::munmap(memory, bytes);
}

void PageMemory::Map() {
  const size_t pages = std::max(kPagesMin, pages_ / kPagesShare);
  const size_t bytes = (pages + 1) * kPageBytes;  // One more, to align the others.
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mappings_.push_back({static_cast<char*>(memory), Unmap{bytes}});
  const size_t past = reinterpret_cast<uintptr_t>(memory) % kPageBytes;
  next_ = static_cast<char*>(memory) + (kPageBytes - past) % kPageBytes;
  end_ = next_ + pages * kPageBytes;
  pages_ += pages;
  free_.reserve(pages_);  // So that Give does not throw.
}

char* PageMemory::Take() {
  if (kept_ != nullptr) return std::exchange(kept_, nullptr);
  if (!free_.empty()) {
    char* page = free_.back();
    free_.pop_back();
    return page;
  }
  if (next_ == end_) Map();
  return std::exchange(next_, next_ + kPageBytes);
}

void PageMemory::Give(char* page) {
  if (kept_ == nullptr) {
    kept_ = page;
    return;
  }
  ::madvise(page, kPageBytes, MADV_DONTNEED);
  free_.push_back(page);
}

}  // namespace weir::cache
