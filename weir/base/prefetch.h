// Prefetch: asks for a line of memory before it is needed, so that several are waited for at once.
#pragma once

namespace weir {

// Brings the cache line at `address`, which need not be valid, nearer.
// Cost: an instruction, and a wait when too many lines are under way.
inline void Prefetch(const void* address) {
  __builtin_prefetch(address);
  // Takes GCC 12 from believing that a function which only prefetches has no effect: it would leave
  // out every call of one that it can see.
  asm volatile("" : : "r"(address));
}

}  // namespace weir
