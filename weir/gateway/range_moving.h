// What RangeMoves holds of one move. For its own files only.
#pragma once

#include <string>
#include <vector>

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
  bool unsure = false;  // The flip may be stored.
  uint64_t keys = 0;
  uint64_t bytes = 0;
  std::string error;
};

// What was read of both sides.
struct RangeMoves::Look {
  std::vector<store::Scanned::Item> source;
  std::vector<store::Scanned::Item> copy;
  WallTime now{};
  uint64_t end = 0;
};

}  // namespace weir::gateway
