// What this process is and what it uses of the machine, for INFO and /metrics.
// Threads: thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cmd/weir/budget.h"

#include "weir/gateway/process_info.h"

namespace weir::cmd {

// Returns what the process uses now. Cost: two system calls, about 10 us.
gateway::ProcessUse ReadProcessUse();

// Gives memory that the allocator keeps for later back to the system. Cost: up to seconds.
void ReturnFreeMemory();

// Returns the parts of `budget` under the names that metrics give them.
std::vector<gateway::MemoryPart> PartsOf(const Budget& budget);

// Returns the name of the memory allocator.
std::string AllocatorName();
// Returns the system's name and release, as in "Linux 6.1.0 x86_64".
std::string OperatingSystem();
// Returns the path of the running program, "" when it cannot be told.
std::string ExecutablePath();

}  // namespace weir::cmd
