// A library for LD_PRELOAD that counts every allocation of a running weir into a file.
//
// WEIR_ALLOCATION_COUNT names a file of at least 8 bytes; its first 8 are the count, in the order
// of the machine, which others may map or read at any time. Stands before mimalloc, whose names for
// malloc and operator new it takes, and hands every call on to it: what is released goes there by
// itself, and the server keeps the allocator that it has in production.
//
// When not to use: with a program that does not link mimalloc dynamically.
// Threads: thread-safe.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include <fcntl.h>
#include <mimalloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

std::atomic<uint64_t> before_mapped{0};
std::atomic<std::atomic<uint64_t>*> counter{&before_mapped};

void Count() {
  counter.load(std::memory_order_relaxed)->fetch_add(1, std::memory_order_relaxed);
}

[[gnu::constructor]] void MapCounter() {
  const char* name = std::getenv("WEIR_ALLOCATION_COUNT");
  if (name == nullptr) return;
  const int fd = open(name, O_RDWR | O_CLOEXEC);
  if (fd < 0) std::abort();
  void* page = mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (page == MAP_FAILED) std::abort();
  counter.store(static_cast<std::atomic<uint64_t>*>(page), std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(size_t size) {
  Count();
  return mi_malloc(size);
}
void* calloc(size_t count, size_t size) {
  Count();
  return mi_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  Count();
  return mi_realloc(memory, size);
}
void* reallocarray(void* memory, size_t count, size_t size) {
  Count();
  return mi_reallocarray(memory, count, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  Count();
  return mi_aligned_alloc(alignment, size);
}
void* memalign(size_t alignment, size_t size) {
  Count();
  return mi_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  Count();
  return mi_posix_memalign(memory, alignment, size);
}

}  // extern "C"

void* operator new(size_t size) {
  Count();
  return mi_new(size);
}
void* operator new[](size_t size) {
  Count();
  return mi_new(size);
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  Count();
  return mi_new_nothrow(size);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  Count();
  return mi_new_nothrow(size);
}
void* operator new(size_t size, std::align_val_t alignment) {
  Count();
  return mi_new_aligned(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  Count();
  return mi_new_aligned(size, static_cast<size_t>(alignment));
}
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  Count();
  return mi_new_aligned_nothrow(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  Count();
  return mi_new_aligned_nothrow(size, static_cast<size_t>(alignment));
}
