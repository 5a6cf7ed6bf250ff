#include "weir/base/bytes.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#include <sys/mman.h>

namespace weir {
namespace {

// What the kernel frees in some 50 us.
constexpr size_t kUnmappedAtOnce = size_t{1} << 20;

}  // namespace

Bytes Bytes::Allocate(size_t size, char** data) {
  Bytes bytes;
  if (size == 0) {
    *data = nullptr;
    return bytes;
  }
  bytes.block_ = New(size);
  Count(size);
  *data = bytes.block_->data();
  return bytes;
}

// Returns a block that is not counted yet.
Bytes::Block* Bytes::New(size_t size) {
  void* memory = MAP_FAILED;
  if (MayMap(size)) {
    memory = ::mmap(nullptr, sizeof(Block) + size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) mappings_.fetch_sub(1, std::memory_order_relaxed);
  }
  const bool mapped = memory != MAP_FAILED;
  Block* const block = new (mapped ? memory : ::operator new(sizeof(Block) + size)) Block;
  block->size = size;
  block->mapped = mapped;
  return block;
}

// Takes one of the mappings that there may be, or returns false.
bool Bytes::MayMap(size_t size) {
  if (size < kMappedBytesMin) return false;
  if (mappings_.fetch_add(1, std::memory_order_relaxed) < kMappingsMax) return true;
  mappings_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Bytes::Grow(Bytes* bytes, size_t size, char** data) {
  assert(size >= bytes->size());
  Block* const block = bytes->block_;
  if (block != nullptr && block->mapped) {
    assert(block->references == 1);
    void* const grown =
        ::mremap(block, sizeof(Block) + block->size, sizeof(Block) + size, MREMAP_MAYMOVE);
    if (grown != MAP_FAILED) {
      bytes->block_ = static_cast<Block*>(grown);
      counted_bytes_.fetch_add(size - bytes->block_->size, std::memory_order_relaxed);
      bytes->block_->size = size;
      *data = bytes->block_->data();
      return;
    }
  }
  Bytes larger = Allocate(size, data);
  if (!bytes->empty()) std::memcpy(*data, bytes->view().data(), bytes->size());
  *bytes = std::move(larger);
}

Bytes Bytes::Copy(std::string_view from) {
  char* data = nullptr;
  Bytes bytes = Allocate(from.size(), &data);
  if (!from.empty()) std::memcpy(data, from.data(), from.size());
  return bytes;
}

void Bytes::Release(Block* block) {
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (block->mapped) {
    if (Reclaimer* const reclaimer = reclaimer_.load()) {
      reclaimer->Take(Mapping(block));
      return;
    }
  }
  Free(block);
}

// While a mapping goes, nobody in the process can make or grow another: so it goes piece by piece.
void Bytes::Unmap(Block* block) {
  const size_t bytes = sizeof(Block) + block->size;
  char* const memory = reinterpret_cast<char*>(block);
  for (size_t at = 0; at < bytes; at += kUnmappedAtOnce) {
    ::madvise(memory + at, std::min(kUnmappedAtOnce, bytes - at), MADV_DONTNEED);
  }
  [[maybe_unused]] const int status = ::munmap(memory, bytes);
  assert(status == 0);
  mappings_.fetch_sub(1, std::memory_order_relaxed);
}

void Bytes::Free(Block* block) {
  const size_t size = block->size;
  if (block->mapped) {
    Unmap(block);
  } else {
    block->~Block();
    ::operator delete(block);
  }
  // Last, so that who sees it uncounted finds the memory free.
  if (size >= kCountedBytesMin) counted_bytes_.fetch_sub(size, std::memory_order_relaxed);
}

}  // namespace weir
