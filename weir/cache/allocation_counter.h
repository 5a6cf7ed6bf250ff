// Counts every allocation of a test program, by replacing the global operator new.
//
// When not to use: in more than one file of a program, or outside tests.
// Threads: single-threaded programs only.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace weir::cache {

inline size_t allocations = 0;

}  // namespace weir::cache

// Not inlined: the compiler would take new and free for a mismatched pair.
[[gnu::noinline]] void* operator new(size_t size) {
  ++weir::cache::allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
