// The command `weir shard`: lists, splits, merges and moves the ranges of a running server, one by
// one or as a plan says that evens them out.
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
  bool count = false;    // list: keys and bytes as well.
  bool no_wait = false;  // Orders to moves: do not wait for the end.
  bool dry_run = false;  // rebalance, drain: only print what would move.
  std::vector<std::string>
      words;  // add: DIR; split: RANGE [AT POS]; merge: RANGE; move: RANGE SHARD; …
};

// Adds list, add, split and merge to `shard`.
void DeclareShardRanges(CLI::App& shard, ShardArguments& arguments);
// Adds the subcommands that are about moves.
void DeclareShardMoves(CLI::App& shard, ShardArguments& arguments);
// Adds rebalance and drain.
void DeclareShardPlans(CLI::App& shard, ShardArguments& arguments);

// Each returns the exit code: 0, 1 when it was not done, 2 for wrong arguments.
int RunShardList(const ShardArguments& arguments);
// Adds a directory as a shard, and says what that means.
int RunShardAdd(const ShardArguments& arguments);
int RunShardSplit(const ShardArguments& arguments);
int RunShardMerge(const ShardArguments& arguments);
// Begins a move, and waits until the range has gone over.
int RunShardMove(const ShardArguments& arguments);
int RunShardStatus(const ShardArguments& arguments);
// `order`: cancel, finish, pause, resume or rollback. Waits until the move has done so.
int RunShardOrder(const ShardArguments& arguments, const std::string& order);
int RunShardRebalance(const ShardArguments& arguments);
int RunShardDrain(const ShardArguments& arguments);

// Moves a range, waits until it has gone over, and ends its following; the progress that it shows
// begins with `which`. Errors: whatever kept it.
Result<Ok> MoveForGood(ServerLink& link, const std::string& from, const std::string& shard,
                       const std::string& which);
// Returns the status of a move that has not ended, as text, or "".
Result<std::string> StandingMove(ServerLink& link);

}  // namespace weir::cmd
