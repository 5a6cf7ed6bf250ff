// What must hold between the values of a configuration, beyond the limits of each.
//
// Errors and warnings go to Origins, which knows their places.
// Threads: pure functions, but for the one given.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cmd/weir/budget.h"
#include "cmd/weir/config.h"
#include "cmd/weir/origins.h"

namespace weir::cmd {

// What is wrong with what a key of [server] needs besides the configuration, and what to do about
// it: the file that it names, or a part that a build may lack.
struct FileProblem {
  std::string key;
  std::string what;
  bool fatal = true;  // Else a warning.
};
using ReadFiles = std::function<std::vector<FileProblem>(const ServerConfig&)>;

// Checks named shards against the number of shards. A number that nobody gave becomes theirs.
void CheckShards(Config& config, Origins& origins);

// Requires: `config` is complete.
void CheckConfig(const Config& config, Origins& origins);

// Checks what `read_files` finds; nullptr looks at no file.
// Requires: `config` is complete and free of errors.
void CheckFiles(const Config& config, const ReadFiles& read_files, Origins& origins);

// Divides the budget and lowers what could outgrow its part, with a warning where it was asked for.
// Requires: `config` is complete and free of errors.
Budget FitBudget(Config& config, Origins& origins);

}  // namespace weir::cmd
