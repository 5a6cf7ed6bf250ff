// The command `weir shard`: lists, splits, merges and moves the ranges of a running server.
#pragma once

#include <string>
#include <vector>

#include "cmd/weir/server_session.h"

namespace CLI {
class App;
}

namespace weir::cmd {

struct ShardArguments {
  ServerArguments server;
  bool json = false;
  bool count = false;              // list: keys and bytes as well.
  bool no_wait = false;            // Orders to moves: do not wait for the end.
  std::vector<std::string> words;  // split: RANGE [AT POS]; merge: RANGE; move: RANGE SHARD
};

// Adds the subcommands that are about moves to `shard`.
void DeclareShardMoves(CLI::App& shard, ShardArguments& arguments);

// Each returns the exit code: 0, 1 when it was not done, 2 for wrong arguments.
int RunShardList(const ShardArguments& arguments);
int RunShardSplit(const ShardArguments& arguments);
int RunShardMerge(const ShardArguments& arguments);
// Begins a move, and waits until the range has gone over.
int RunShardMove(const ShardArguments& arguments);
int RunShardStatus(const ShardArguments& arguments);
// `order`: cancel, finish, pause, resume or rollback. Waits until the move has done so.
int RunShardOrder(const ShardArguments& arguments, const std::string& order);

}  // namespace weir::cmd
