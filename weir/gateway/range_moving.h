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
  std::string broken;   // Damage that was found and that the machine has not been told of.
  bool stuck = false;   // What it goes on trying meets damage.
  // Of the copy's files (FilesToCheck).
  enum class Files : uint8_t {
    kUnchecked,
    kSettled,  // What was copied is in tables,
    kSound,    // and was read back from there.
  };
  Files files = Files::kUnchecked;
  bool checking = false;
  MonoTime check_after;
  std::string files_damage;  // Of the authority's, found when it was to be finished.
  MonoTime followed_since;   // While the phase is `follow`.
  bool finishing = false;
  MonoTime try_after;  // What has failed is not tried again before.
  std::chrono::nanoseconds try_pause = kTryPause;
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
