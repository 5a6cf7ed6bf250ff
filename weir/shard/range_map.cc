#include "weir/shard/range_map.h"

#include <cassert>
#include <cinttypes>
#include <cstdio>
#include <utility>

namespace weir::shard {
namespace {

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message)};
}

std::string Hex(Position position) {
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016" PRIx64, position.value);
  return digits;
}

Error InMove(const Move& move) {
  return Invalid("the range that begins at " + Hex(move.from) + " is in move " +
                 std::to_string(move.id) + "; finish or cancel it first");
}

}  // namespace

Result<RangeMap> RangeMap::Even(uint32_t shards) {
  if (shards == 0 || shards > kMaxEvenShards) {
    return Invalid("the slots can be divided over 1 to " + std::to_string(kMaxEvenShards) +
                   " shards, not " + std::to_string(shards));
  }
  RangeMap map;
  for (uint32_t shard = 0; shard < shards; ++shard) {
    map.starts_.push_back(uint64_t{kSlotCount} * shard / shards * kPositionsPerSlot);
    map.shards_.push_back(ShardId{shard});
  }
  return map;
}

Range RangeMap::At(size_t index) const {
  assert(index < starts_.size());
  const uint64_t to = index + 1 < starts_.size() ? starts_[index + 1] : 0;
  return {.from = {starts_[index]}, .to = {to}, .shard = shards_[index]};
}

Result<Ok> RangeMap::Split(Position at) {
  if (at.value % kPositionUnit != 0) {
    return Invalid("a range cannot be split at " + Hex(at) + ", which lies within a tag");
  }
  const size_t index = IndexOf(at);
  if (const Move* move = MoveAt(at)) return InMove(*move);
  if (starts_[index] == at.value) return Invalid("a range begins at " + Hex(at) + " already");
  if (starts_.size() == kMaxRanges) {
    return Error{ErrorCode::kOverloaded,
                 "there can be at most " + std::to_string(kMaxRanges) + " ranges; merge some"};
  }
  const auto after = static_cast<std::ptrdiff_t>(index) + 1;
  starts_.insert(starts_.begin() + after, at.value);
  shards_.insert(shards_.begin() + after, shards_[index]);
  ++epoch_;
  return Ok{};
}

Result<Ok> RangeMap::Merge(Position at) {
  const size_t index = IndexOf(at);
  if (starts_[index] != at.value || index == 0) {
    return Invalid("no range begins at " + Hex(at) + " that has one before it");
  }
  if (shards_[index] != shards_[index - 1]) {
    return Invalid("the ranges that meet at " + Hex(at) +
                   " are of different shards; move one of them first");
  }
  for (const size_t each : {index - 1, index}) {
    if (const Move* move = MoveAt({starts_[each]})) return InMove(*move);
  }
  starts_.erase(starts_.begin() + static_cast<std::ptrdiff_t>(index));
  shards_.erase(shards_.begin() + static_cast<std::ptrdiff_t>(index));
  ++epoch_;
  return Ok{};
}

Result<Ok> RangeMap::Assign(Position from, ShardId shard) {
  const size_t index = IndexOf(from);
  if (starts_[index] != from.value) return Invalid("no range begins at " + Hex(from));
  if (const Move* move = MoveAt(from)) return InMove(*move);
  shards_[index] = shard;
  ++epoch_;
  return Ok{};
}

Result<Ok> RangeMap::Validate() const {
  const auto corrupt = [](std::string what) {
    return Error{ErrorCode::kCorrupt, "range map: " + std::move(what)};
  };
  if (starts_.empty() || starts_[0] != 0) return corrupt("the first range does not begin at 0");
  if (starts_.size() != shards_.size()) return corrupt("a range has no shard");
  if (starts_.size() > kMaxRanges) return corrupt("too many ranges");
  for (size_t i = 0; i < starts_.size(); ++i) {
    if (starts_[i] % kPositionUnit != 0) return corrupt(Hex({starts_[i]}) + " cuts a tag");
    if (i > 0 && starts_[i] <= starts_[i - 1]) return corrupt(Hex({starts_[i]}) + " out of order");
  }
  return ValidateMoves();
}

}  // namespace weir::shard
