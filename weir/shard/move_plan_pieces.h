// What the plans of move_plan.h have in common: pieces of ranges, their lengths and cuts.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "weir/shard/move_plan.h"

namespace weir::shard {

__extension__ using Wide = unsigned __int128;

// Less than a hundredth of the mean is not worth a move.
inline constexpr uint64_t kSlackPart = 100;

// The length of a range, of which the whole space is 2^40.
uint64_t UnitsOf(const Range& range);

// amount * part / whole, rounded to the nearest.
uint64_t Scale(uint64_t amount, uint64_t part, uint64_t whole);

// The end of `piece` in which `want` of it lies, or nullopt when it cannot be cut: it is of one
// tag. Requires: want < piece.amount.
std::optional<WeighedRange> CutEnd(const WeighedRange& piece, uint64_t want);

// The end of `piece` that has so many units. Requires: 0 < units < UnitsOf(piece.range).
WeighedRange EndOf(const WeighedRange& piece, uint64_t units);

// What is left of `piece` without its end.
WeighedRange RestOf(const WeighedRange& piece, const WeighedRange& cut);

// The shard of the directory `place` that has the least. `of_shard`: what each has.
ShardId EmptiestShardOf(uint32_t place, std::span<const uint32_t> places,
                        std::span<const uint64_t> of_shard);

}  // namespace weir::shard
