#include "cmd/weir/machine.h"

#include <algorithm>
#include <fstream>
#include <string>

#include <sched.h>
#include <unistd.h>

namespace weir::cmd {
namespace {

// "max" (version 2) and numbers that do not fit are no limit; version 1 shows none as 2^63 - 4096.
std::optional<uint64_t> ReadLimit(const std::filesystem::path& file) {
  std::ifstream stream(file);
  uint64_t limit = 0;
  if (!(stream >> limit)) return std::nullopt;
  constexpr uint64_t kNoLimit = uint64_t{1} << 62;
  return limit < kNoLimit ? std::optional(limit) : std::nullopt;
}

// The least of `file` in `group` and its ancestors under `mount`. In a container the group may be
// named as the host sees it; then only the mount itself is there to read.
std::optional<uint64_t> LeastLimit(const std::filesystem::path& mount, std::filesystem::path group,
                                   const std::string& file) {
  std::optional<uint64_t> least;
  for (group = group.relative_path();; group = group.parent_path()) {
    const std::optional<uint64_t> limit = ReadLimit(mount / group / file);
    if (limit) least = std::min(least.value_or(*limit), *limit);
    if (group.empty()) return least;
  }
}

bool HasMemoryController(const std::string& controllers) {
  return ("," + controllers + ",").find(",memory,") != std::string::npos;
}

}  // namespace

// Source: cgroups(7); a line of /proc/self/cgroup is number:controllers:path, 0::path in version 2.
std::optional<uint64_t> CgroupMemoryLimit(const std::filesystem::path& root) {
  std::ifstream groups(root / "proc/self/cgroup");
  const std::filesystem::path mount = root / "sys/fs/cgroup";
  std::optional<uint64_t> least;
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    std::optional<uint64_t> limit;
    if (controllers.empty()) limit = LeastLimit(mount, path, "memory.max");
    if (HasMemoryController(controllers)) {
      limit = LeastLimit(mount / "memory", path, "memory.limit_in_bytes");
    }
    if (limit) least = std::min(least.value_or(*limit), *limit);
  }
  return least;
}

Machine ReadMachine() {
  const auto ram =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  Machine machine;
  machine.memory_bytes = std::min(ram, CgroupMemoryLimit("/").value_or(ram));
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) machine.cpus = CPU_COUNT(&allowed);
  return machine;
}

}  // namespace weir::cmd
