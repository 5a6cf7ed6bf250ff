#include "weir/base/bytes.h"

#include <cstring>
#include <new>

namespace weir {

Bytes Bytes::Allocate(size_t size, char** data) {
  Bytes bytes;
  if (size == 0) {
    *data = nullptr;
    return bytes;
  }
  void* memory = ::operator new(sizeof(Block) + size);
  if (size >= kCountedBytesMin) counted_bytes_.fetch_add(size, std::memory_order_relaxed);
  bytes.block_ = new (memory) Block;
  bytes.block_->size = size;
  *data = bytes.block_->data();
  return bytes;
}

Bytes Bytes::Copy(std::string_view from) {
  char* data = nullptr;
  Bytes bytes = Allocate(from.size(), &data);
  if (!from.empty()) std::memcpy(data, from.data(), from.size());
  return bytes;
}

void Bytes::Release(Block* block) {
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (block->size >= kCountedBytesMin) {
    counted_bytes_.fetch_sub(block->size, std::memory_order_relaxed);
  }
  block->~Block();
  ::operator delete(block);
}

}  // namespace weir
