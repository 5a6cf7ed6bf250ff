// The command `weir shard`: lists, splits and merges the ranges of a running server.
#pragma once

#include <string>
#include <vector>

#include "cmd/weir/server_session.h"

namespace weir::cmd {

struct ShardArguments {
  ServerArguments server;
  bool json = false;
  bool count = false;              // list: keys and bytes as well.
  std::vector<std::string> words;  // split: RANGE [AT POS]; merge: RANGE
};

// Each returns the exit code: 0, 1 when it was not done, 2 for wrong arguments.
int RunShardList(const ShardArguments& arguments);
int RunShardSplit(const ShardArguments& arguments);
int RunShardMerge(const ShardArguments& arguments);

}  // namespace weir::cmd
