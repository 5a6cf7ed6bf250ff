#include "cmd/weir/process.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef WEIR_MIMALLOC
#include <mimalloc.h>
#else
#include <malloc.h>
#endif

namespace weir::cmd {
namespace {

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// What the allocator has taken from the system and not given back.
void ReadAllocator(gateway::ProcessUse& use) {
#ifdef WEIR_MIMALLOC
  size_t elapsed = 0;
  size_t user = 0;
  size_t system = 0;
  size_t rss = 0;
  size_t rss_peak = 0;
  size_t committed = 0;
  size_t committed_peak = 0;
  size_t faults = 0;
  mi_process_info(&elapsed, &user, &system, &rss, &rss_peak, &committed, &committed_peak, &faults);
  use.allocated = committed;
  use.allocated_peak = std::max(committed, committed_peak);
#else
  static std::atomic<uint64_t> peak{0};
  const struct mallinfo2 info = mallinfo2();
  use.allocated = info.uordblks + info.hblkhd;
  uint64_t before = peak.load();
  while (before < use.allocated && !peak.compare_exchange_weak(before, use.allocated)) {
  }
  use.allocated_peak = std::max(before, use.allocated);
#endif
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

gateway::ProcessUse ReadProcessUse() {
  gateway::ProcessUse use;
  use.resident = ResidentBytes();
  ReadAllocator(use);
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    use.cpu_user_seconds = Seconds(usage.ru_utime);
    use.cpu_system_seconds = Seconds(usage.ru_stime);
  }
  return use;
}

void ReturnFreeMemory() {
#ifdef WEIR_MIMALLOC
  mi_collect(true);
#else
  malloc_trim(0);
#endif
}

std::vector<gateway::MemoryPart> PartsOf(const Budget& budget) {
  return {{"cache", budget.cache},
          {"block_cache", budget.block_cache},
          {"write_buffers", budget.write_buffers},
          {"clients", budget.clients},
          {"flights", budget.flights},
          {"limiter", budget.limiter},
          {"passwords", budget.passwords},
          {"reserve", budget.reserve}};
}

std::string AllocatorName() {
#ifdef WEIR_MIMALLOC
  return "mimalloc-" + std::to_string(mi_version() / 100) + "." +
         std::to_string(mi_version() / 10 % 10) + "." + std::to_string(mi_version() % 10);
#else
  return "libc";
#endif
}

std::string OperatingSystem() {
  utsname name{};
  if (uname(&name) != 0) return "";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::string ExecutablePath() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

}  // namespace weir::cmd
