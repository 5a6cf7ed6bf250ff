// What this process has in memory, for benchmarks of what a cache takes.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

namespace weir::gateway {

inline size_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long all = 0;
  unsigned long resident = 0;
  if (file == nullptr || std::fscanf(file, "%lu %lu", &all, &resident) != 2) std::abort();
  std::fclose(file);
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace weir::gateway
