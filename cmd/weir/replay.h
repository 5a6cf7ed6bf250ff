// weir replay: what a cache of a given size would have answered of a recorded trace.
//
// `auto` is the server's own cache class, driven through its public interface in one pass; the
// other policies are references to compare it with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::cmd {

struct ReplayArguments {
  std::string trace;              // A file, plain or zstd; - is standard input.
  std::vector<uint64_t> entries;  // Capacities with entries of one size, or
  uint64_t bytes = 0;             // one capacity in bytes with the sizes of the trace.
  std::string policy = "auto";
  std::string objective = "hits";
  std::string curve_file;  // Empty: no curve.
};

// Returns the exit code. Prints the rows, and to standard error what is wrong.
int RunReplay(const ReplayArguments& arguments);

// The words of --policy.
std::vector<std::string> ReplayPolicies();

}  // namespace weir::cmd
