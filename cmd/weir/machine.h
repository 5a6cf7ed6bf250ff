// What the machine offers this process, from which defaults are derived.
// Threads: reads the system; call it at start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace weir::cmd {

struct Machine {
  uint64_t memory_bytes = 0;  // The smaller of RAM and the cgroup's limit.
  int64_t cpus = 1;           // Those this process may run on.
};

Machine ReadMachine();

// Returns the least memory limit of the cgroup of this process and its ancestors, of version 1 or
// 2, as seen under `root` (normally "/"); nullopt when there is none or it cannot be read.
std::optional<uint64_t> CgroupMemoryLimit(const std::filesystem::path& root);

}  // namespace weir::cmd
