// RangeMap: which shard holds each position. The table of truth for where database rows are.
//
// Invariants
//   1. The ranges cover 2^64 exactly: the first begins at 0, each ends where the next begins, the
//      last ends at 2^64 (written as 0). No position is in two ranges or in none.
//   2. Boundaries are multiples of kPositionUnit, so no tag is ever cut.
//   3. There are 1 to kMaxRanges ranges.
//   4. The epoch rises by one with every change that succeeds.
//   5. A move is of one range that stands in the map as it is; no range is in two moves, and the
//      shard that holds its copy is not the range's own.
// 1 to 4 hold by construction: the map keeps the beginnings only, in order.
//
//   RangeMap map = RangeMap::Even(4).value();
//   ShardId shard = map.ShardOf(PositionOf(key));
//
// Split and Merge change no shard, and so move no row. Assign gives a range away as it is: call it
// only when the rows are there. When not to use: for soft state, which a hash may place (ring).
//
// A move of rows lives in the map, so that a crash at any point leaves a map that says how to go
// on. The range's shard is the authority at every moment; the copy is what the move makes or keeps.
//
//   BeginMove ─► kCopy ── Flip ──► kFollow ── Finish ──► kClean ── EndMove ─► (gone)
//                  └──── Cancel ──────│─────────────────►  ▲
//                                     └ Rollback ► kReturn ┘ Flip   (Cancel: back to kFollow)
//
// Threads: thread-compatible; change a copy and swap a pointer. A change that returns an error
// changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/key_hash.h"
#include "weir/base/result.h"
#include "weir/shard/position.h"

namespace weir::shard {

enum class ShardId : uint32_t {};

// Positions with from <= position < to; to = 0 stands for 2^64.
struct Range {
  Position from;
  Position to;
  ShardId shard{};

  bool Contains(Position p) const { return from <= p && (p < to || to == Position{0}); }
  bool operator==(const Range&) const = default;
};

enum class MovePhase : uint8_t {
  kCopy,    // The copy is being made; the range goes to its shard when they are equal.
  kFollow,  // It went. Where it was is kept equal, so that it can go back.
  kReturn,  // It goes back when they are equal.
  kClean,   // The copy is being removed.
};
std::string_view NameOf(MovePhase phase);

struct Move {
  uint64_t id = 0;  // The epoch of the map that began it, so that none is used twice.
  Position from;    // Where its range begins.
  ShardId copy{};   // Which shard holds, or will hold, the copy.
  MovePhase phase = MovePhase::kCopy;
  bool paused = false;

  bool operator==(const Move&) const = default;
};

class RangeMap {
 public:
  static constexpr size_t kMaxRanges = 65536;
  static constexpr size_t kMaxMoves = 64;
  static constexpr uint32_t kMaxEvenShards = kSlotCount;
  static constexpr size_t kMaxTextBytes = size_t{2} << 20;

  // Divides the slots over shards 0 to shards - 1, one range each, as evenly as whole slots allow.
  // Errors: kInvalid unless 1 <= shards <= kMaxEvenShards.
  static Result<RangeMap> Even(uint32_t shards);

  // Cost: O(log ranges) without a branch to mispredict, no allocation; a few ns for few ranges.
  ShardId ShardOf(Position position) const { return shards_[IndexOf(position)]; }
  Range Find(Position position) const { return At(IndexOf(position)); }

  // Returns the index-th range in order of position. Requires: index < size().
  Range At(size_t index) const;
  size_t size() const { return starts_.size(); }
  uint64_t epoch() const { return epoch_; }

  // Cuts the range that holds `at` in two, at `at`. Cost: O(ranges), as for Merge.
  // Errors: kInvalid (not a multiple of kPositionUnit, or a boundary already, or in a move),
  // kOverloaded (kMaxRanges).
  Result<Ok> Split(Position at);

  // Joins the range that begins at `at` to the one before it.
  // Errors: kInvalid (no range but the first begins there, or the two are of different shards, or
  // one is in a move).
  Result<Ok> Merge(Position at);

  // Gives the range that begins at `from` to `shard`, which may be its shard already.
  // Errors: kInvalid (no range begins there, or it is in a move). Cost: O(log ranges).
  Result<Ok> Assign(Position from, ShardId shard);

  // Begins to move the range that begins at `from` to `shard`, and returns the number of the move.
  // Errors: kInvalid (no range begins there, it is there already or in a move), kOverloaded
  // (kMaxMoves).
  Result<uint64_t> BeginMove(Position from, ShardId shard);
  // The copy is the authority from now on, and what was is the copy. Requires of the caller that
  // they are equal. Errors of this and the next: kInvalid, with what the phase allows.
  Result<Ok> Flip(uint64_t move);
  Result<Ok> Cancel(uint64_t move);
  Result<Ok> Rollback(uint64_t move);
  Result<Ok> Finish(uint64_t move);
  Result<Ok> SetPaused(uint64_t move, bool paused);
  // The copy has been removed.
  Result<Ok> EndMove(uint64_t move);
  const std::vector<Move>& moves() const { return moves_; }
  const Move* FindMove(uint64_t move) const;
  // The move that the range which holds `position` is in, or nullptr. Cost: O(moves + log ranges).
  const Move* MoveAt(Position position) const;

  // Checks invariants 1 to 3 and 5. Errors: kCorrupt, naming the first that fails.
  Result<Ok> Validate() const;

  // Returns the map as text, which is the same for equal maps:
  //   weir-range-map 1
  //   epoch 7
  //   0000000000000000 0          (beginning of a range in hexadecimal, shard in decimal)
  //   8000000000000000 1
  //   move 6 8000000000000000 2 copy going   (number, beginning, shard of the copy, phase; or
  //                                          paused)
  //   checksum 5f0e…              (xxh3_64 of all before this line)
  std::string ToText() const;

  // Reads what ToText wrote, and nothing else. Errors: kCorrupt (an unknown format number, damage,
  // any other spelling, or a map that breaks an invariant); safe on hostile input.
  // Cost: O(text), and no more memory than a few times the text.
  static Result<RangeMap> FromText(std::string_view text);

  bool operator==(const RangeMap&) const = default;

 private:
  RangeMap() = default;

  // Returns the index of the range that holds `position`.
  size_t IndexOf(Position position) const {
    // Keeps the last beginning at or before `position` within [index, index + left).
    size_t index = 0;
    for (size_t left = starts_.size(); left > 1;) {
      const size_t half = left / 2;
      index += starts_[index + half] <= position.value ? half : 0;
      left -= half;
    }
    return index;
  }

  Result<Ok> ValidateMoves() const;
  // Brings the move from one of `phases` to `next`.
  Result<Ok> Advance(uint64_t id, std::initializer_list<MovePhase> phases, MovePhase next);
  Result<Ok> Order(uint64_t id, std::initializer_list<MovePhase> phases, MovePhase next);

  std::vector<uint64_t> starts_;  // Ascending; the first is 0.
  std::vector<ShardId> shards_;   // Of the range at the same index.
  std::vector<Move> moves_;       // By rising id.
  uint64_t epoch_ = 0;
};

}  // namespace weir::shard
