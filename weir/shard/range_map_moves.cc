// The moves of RangeMap: how one begins, goes over and ends.
#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/shard/range_map.h"

namespace weir::shard {
namespace {

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message)};
}

Error NoMove(uint64_t id) {
  return Invalid("there is no move " + std::to_string(id));
}

}  // namespace

std::string_view NameOf(MovePhase phase) {
  switch (phase) {
    case MovePhase::kCopy:
      return "copy";
    case MovePhase::kFollow:
      return "follow";
    case MovePhase::kReturn:
      return "return";
    case MovePhase::kClean:
      return "clean";
  }
  assert(false && "no phase");
  return "";
}

const Move* RangeMap::FindMove(uint64_t move) const {
  const auto found =
      std::find_if(moves_.begin(), moves_.end(), [&](const Move& each) { return each.id == move; });
  return found == moves_.end() ? nullptr : &*found;
}

const Move* RangeMap::MoveAt(Position position) const {
  if (moves_.empty()) return nullptr;
  const uint64_t from = starts_[IndexOf(position)];
  const auto found = std::find_if(moves_.begin(), moves_.end(),
                                  [&](const Move& each) { return each.from.value == from; });
  return found == moves_.end() ? nullptr : &*found;
}

Result<uint64_t> RangeMap::BeginMove(Position from, ShardId shard) {
  const Range range = Find(from);
  if (range.from != from) return Invalid("no range begins there");
  if (const Move* move = MoveAt(from)) {
    return Invalid("the range is in move " + std::to_string(move->id) +
                   " already; finish or cancel it first");
  }
  if (range.shard == shard) return Invalid("the range is in that shard already");
  if (moves_.size() == kMaxMoves) {
    return Error{ErrorCode::kOverloaded,
                 "there are " + std::to_string(kMaxMoves) + " moves already; finish some"};
  }
  moves_.push_back({.id = ++epoch_, .from = from, .copy = shard});
  return epoch_;
}

Result<Ok> RangeMap::Advance(uint64_t id, std::initializer_list<MovePhase> phases, MovePhase next) {
  const auto found =
      std::find_if(moves_.begin(), moves_.end(), [&](const Move& each) { return each.id == id; });
  if (found == moves_.end()) return NoMove(id);
  if (std::find(phases.begin(), phases.end(), found->phase) == phases.end()) {
    return Invalid("move " + std::to_string(id) + " is in its phase '" +
                   std::string(NameOf(found->phase)) + "', which does not allow that");
  }
  found->phase = next;
  ++epoch_;
  return Ok{};
}

// What is ordered is to happen, also to a move that rests.
Result<Ok> RangeMap::Order(uint64_t id, std::initializer_list<MovePhase> phases, MovePhase next) {
  const Result<Ok> advanced = Advance(id, phases, next);
  if (!advanced.ok()) return advanced;
  for (Move& each : moves_) {
    if (each.id == id) each.paused = false;
  }
  return Ok{};
}

Result<Ok> RangeMap::Flip(uint64_t move) {
  const Move* before = FindMove(move);
  const bool returns = before != nullptr && before->phase == MovePhase::kReturn;
  const Result<Ok> advanced = Advance(move, {MovePhase::kCopy, MovePhase::kReturn},
                                      returns ? MovePhase::kClean : MovePhase::kFollow);
  if (!advanced.ok()) return advanced;
  for (Move& each : moves_) {
    if (each.id == move) std::swap(each.copy, shards_[IndexOf(each.from)]);
  }
  return Ok{};
}

Result<Ok> RangeMap::Cancel(uint64_t move) {
  const Move* before = FindMove(move);
  const bool returns = before != nullptr && before->phase == MovePhase::kReturn;
  return Order(move, {MovePhase::kCopy, MovePhase::kReturn},
               returns ? MovePhase::kFollow : MovePhase::kClean);
}

Result<Ok> RangeMap::Rollback(uint64_t move) {
  return Order(move, {MovePhase::kFollow}, MovePhase::kReturn);
}

Result<Ok> RangeMap::Finish(uint64_t move) {
  return Order(move, {MovePhase::kFollow}, MovePhase::kClean);
}

Result<Ok> RangeMap::SetPaused(uint64_t move, bool paused) {
  for (Move& each : moves_) {
    if (each.id != move) continue;
    each.paused = paused;
    ++epoch_;
    return Ok{};
  }
  return NoMove(move);
}

Result<Ok> RangeMap::EndMove(uint64_t move) {
  const Result<Ok> advanced = Advance(move, {MovePhase::kClean}, MovePhase::kClean);
  if (!advanced.ok()) return advanced;
  std::erase_if(moves_, [&](const Move& each) { return each.id == move; });
  return Ok{};
}

Result<Ok> RangeMap::ValidateMoves() const {
  const auto corrupt = [](const Move& move, const char* what) {
    return Error{ErrorCode::kCorrupt,
                 "range map: move " + std::to_string(move.id) + ' ' + std::string(what)};
  };
  if (moves_.size() > kMaxMoves) return corrupt(moves_.back(), "is one too many");
  for (size_t i = 0; i < moves_.size(); ++i) {
    const Move& move = moves_[i];
    if (move.id > epoch_) return corrupt(move, "is of a later map");
    if (i > 0 && move.id <= moves_[i - 1].id) return corrupt(move, "is out of order");
    const Range range = Find(move.from);
    if (range.from != move.from) return corrupt(move, "is of no range");
    if (range.shard == move.copy) return corrupt(move, "has its copy where the range is");
    if (MoveAt(move.from) != &move) return corrupt(move, "is of a range in another move");
  }
  return Ok{};
}

}  // namespace weir::shard
