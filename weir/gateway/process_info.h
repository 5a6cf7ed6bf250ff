// ProcessInfo: what INFO, CONFIG and HELLO say of the process, supplied by whoever wires it up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/limit/policy.h"

namespace weir::gateway {

// What the process uses now. All memory in bytes.
struct ProcessUse {
  uint64_t resident = 0;
  uint64_t allocated = 0;  // By the allocator, what it keeps for later included.
  uint64_t allocated_peak = 0;
  double cpu_user_seconds = 0;
  double cpu_system_seconds = 0;
};

// A part of the memory budget.
struct MemoryPart {
  std::string name;
  uint64_t budget_bytes = 0;
};

// Names and values.
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct ProcessInfo {
  std::string version;
  std::string run_id;
  std::string os;
  std::string executable;
  std::string config_file;
  std::string allocator = "libc";
  uint64_t process_id = 0;
  size_t threads = 1;
  uint64_t memory_budget_bytes = 0;
  uint64_t system_memory_bytes = 0;
  std::vector<MemoryPart> memory_parts;
  uint64_t clients_max = 0;
  MonoTime started;
  WallTime started_wall;
  // Threads: thread-safe; called for each INFO.
  std::function<uint16_t()> tcp_port = [] { return uint16_t{0}; };
  std::function<uint64_t()> connected_clients = [] { return uint64_t{0}; };
  // Makes the server stop as SIGTERM does, soon. nullptr: it cannot.
  std::function<void()> stop;
  // Gives memory that the allocator keeps back to the system; may take long.
  std::function<void()> purge = [] {};
  std::function<ProcessUse()> use = [] { return ProcessUse{}; };
  // What CONFIG GET shows.
  std::function<std::shared_ptr<const Parameters>()> parameters = [] {
    return std::make_shared<const Parameters>();
  };
  // Changes all that are given, or nothing. Errors: kInvalid, with the reply's text after "ERR ".
  // Not for a loop: it may read files. nullptr: nothing can be changed.
  std::function<Result<Ok>(const Parameters&)> set_parameters;
  // Makes or replaces a limit policy, with keys of [[limit]]; ends one that was made so, returning
  // whether there was one. As set_parameters.
  std::function<Result<Ok>(const std::string& name, const Parameters& keys)> set_policy;
  std::function<Result<bool>(const std::string& name)> delete_policy;
  // The policy that set_policy would make, one for each of its rates; it is not made.
  std::function<Result<std::vector<limit::Policy>>(const std::string& name, const Parameters& keys)>
      make_policy;
};

}  // namespace weir::gateway
