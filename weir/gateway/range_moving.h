// What RangeMoves holds of one move. For its own files only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/gateway/move_progress.h"
#include "weir/gateway/range_moves.h"

namespace weir::gateway {

// Guarded by RangeMoves::mutex_, but for what says otherwise.
struct RangeMoves::Moving {
  Moving(const shard::Range& whole, const shard::Move& begun)
      : id(begun.id),
        range(whole),
        copy_shard(begun.copy),
        machine(whole.from, whole.to, begun.phase),
        paused(begun.paused) {}

  bool IsIn(size_t database) const {
    return source.database == database || copy.database == database;
  }

  const uint64_t id;
  shard::Range range;
  shard::ShardId copy_shard;
  ShardPlace source;  // As copy: change only while nothing is under way.
  ShardPlace copy;
  shard::RangeMove machine;
  bool paused = false;
  bool working = false;  // Something is under way, which goes on with the move.
  bool ended = false;
  bool failed = false;  // It found damage, and the map has been told.
  // While the log of `source` is held: who ends the turn.
  store::Done<store::CommitNumber> turn;
  bool held = false;
  MonoTime held_since;
  bool flipping = false;  // What was begun under the hold is its last.
  bool let_go = false;    // The hold ends while something else is under way.
  bool in_vain = false;   // The hold did not do what it was for.
  bool unsure = false;    // The flip may be stored.
  MonoTime hold_after;    // No hold for a flip before.
  std::chrono::nanoseconds hold_pause = kHoldPause;
  uint64_t keys = 0;
  uint64_t bytes = 0;
  MoveProgress progress;
  std::string error;
  // The piece after the one that is looked at, which is read while that is repaired. No other look
  // comes between: it could put there what this one has not seen.
  std::shared_ptr<Look> ahead;
};

// What was read of both sides.
struct RangeMoves::Look {
  std::vector<store::Scanned::Item> source;
  std::vector<store::Scanned::Item> copy;
  WallTime now{};
  uint64_t end = 0;
  // Of a piece:
  uint64_t from = 0;
  // Guarded by RangeMoves::mutex_:
  size_t reads = 0;     // Under way.
  bool wanted = false;  // Its turn has come.
  std::optional<Error> error;
};

}  // namespace weir::gateway
