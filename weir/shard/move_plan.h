// MovePlan: which pieces of which ranges to move, so that every directory holds its share, or has
// its share of the load, or a shard holds nothing.
//
//   MovePlan plan = PlanRebalance(ranges, places);
//   for (const PlannedMove& move : plan.moves) ...   // split at move.from and move.to, then move
//
// What a directory has above the mean is moved, and nothing between those that have less. A range
// that is more than is to leave its directory is cut where that much lies
// behind the cut if its keys lie evenly, as hashed positions do; so measure again afterwards, and
// expect that a plan of the same data then has nothing to move.
//
// When not to use: to move within a directory, which has one log and one set of files for all of
// its shards. Threads: pure functions. Cost, where none is given: O(ranges * directories) at worst.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weir/shard/range_map.h"

namespace weir::shard {

// What a range weighs: bytes, or whatever else is to be evened out.
struct WeighedRange {
  Range range;
  uint64_t amount = 0;
};

// A piece of a range that goes to another shard. Where its ends are not those of the range, the
// range has to be split there first.
struct PlannedMove {
  Position from;
  Position to;
  ShardId source{};
  ShardId target{};
  uint64_t amount = 0;  // As far as can be told; what it weighs is known when it is there.

  bool operator==(const PlannedMove&) const = default;
};

struct MovePlan {
  std::vector<PlannedMove> moves;  // In the order of position.
  // Should be cut and are not: of a single tag, or of so few that a cut would even out nothing.
  std::vector<WeighedRange> uncut;
  std::vector<uint64_t> before;  // Of each directory.
  std::vector<uint64_t> after;   // The same when all has moved.
  // By load only:
  bool too_little = false;  // So little was seen that it tells nothing, and nothing moves.
  bool more = false;        // A limit of one plan kept it from moving more.
};

// Directories whose amounts are all within this of the mean are left as they are.
inline constexpr double kEvenWithin = 0.05;

// What a tag weighs by itself, within its range.
struct HotTag {
  Position from;  // Of its unit.
  uint64_t amount = 0;
};

// What a range weighs, and the tags in it that weigh the most, as part of that.
struct LoadedRange {
  WeighedRange weighed;
  std::vector<HotTag> hottest;
};

// Moves of one plan by load, and how much of the space its ranges of more than a tag cover at most:
// what was seen in seconds is no reason to copy much of the data.
inline constexpr size_t kLoadMovesMax = 64;
inline constexpr double kLoadSpaceMost = 0.01;
// Of fewer requests than this nothing is concluded.
inline constexpr uint64_t kLoadSeenLeast = 1000;

// Requires of all: the ranges cover the space in order, as those of a RangeMap; places[i] is the
// directory of shard i, counted from 0 without gaps, and there is a place for every shard.
//
// Afterwards every directory holds the mean, as near as can be told. No move at all where that is
// so to within kEvenWithin.
MovePlan PlanRebalance(std::span<const WeighedRange> ranges, std::span<const uint32_t> places);

// The same for load, with as few keys moved as can be. Only a directory that has more than
// kEvenWithin above the mean gives load away, or than chance explains where that is more: `seen` is
// of how many requests the amounts are known. Hot tags go by themselves, or change places, for a
// tag is taken to be next to nothing beside a range. What is not of those is taken to lie evenly in
// its range, which is cut only where no tags could mend it; where its load is the densest. A tag
// that alone is more than the mean is `uncut`: wherever it is, there is more than the mean, and the
// rest is evened out. A plan that takes less than a fiftieth of the mean off what is above it is
// not worth it and is none. What went stays where it went, unless a later plan has a use for it.
//
// Cost: O(tags of a directory, squared, * directories) a move; some milliseconds. Requires besides:
// hot tags are in their ranges, in any order, each once.
MovePlan PlanRebalanceByLoad(std::span<const LoadedRange> ranges, std::span<const uint32_t> places,
                             uint64_t seen);

// Afterwards `shard` holds no range, and what it held is in other directories, the emptiest first.
// No moves when there is no other directory.
MovePlan PlanDrain(std::span<const WeighedRange> ranges, std::span<const uint32_t> places,
                   ShardId shard);

// The greatest amount over the mean; 1 when there is nothing.
double PeakToMean(std::span<const uint64_t> amounts);

}  // namespace weir::shard
