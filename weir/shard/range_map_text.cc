// The text form of RangeMap. Reading is strict in one stroke: whatever was understood is written
// again and must give the same bytes, so there is exactly one text for each map.
#include <cinttypes>
#include <utility>

#include "weir/base/checked_text.h"
#include "weir/shard/range_map.h"

namespace weir::shard {
namespace {

using checked_text::Append;
using checked_text::AppendChecksum;
using checked_text::Take;
using checked_text::TakeNumber;

constexpr std::string_view kFirstLine = "weir-range-map 1\n";
// A line is a beginning, a space, a shard and a newline; the rest is header and checksum.
static_assert(RangeMap::kMaxRanges * (16 + 1 + 10 + 1) + RangeMap::kMaxMoves * 80 + 100 <=
              RangeMap::kMaxTextBytes);

Error Corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt, std::string("range map: ").append(what)};
}

// Reads a move behind its first word. Whatever is spelt otherwise than ToText does is found by the
// comparison of the whole.
bool TakeMove(std::string_view* rest, Move* move) {
  uint32_t copy = 0;
  if (!TakeNumber(rest, &move->id) || !Take(rest, " ") ||
      !TakeNumber(rest, &move->from.value, 16) || !Take(rest, " ") || !TakeNumber(rest, &copy) ||
      !Take(rest, " ")) {
    return false;
  }
  move->copy = ShardId{copy};
  for (const MovePhase phase :
       {MovePhase::kCopy, MovePhase::kFollow, MovePhase::kReturn, MovePhase::kClean}) {
    if (!Take(rest, NameOf(phase))) continue;
    move->phase = phase;
    move->paused = Take(rest, " paused\n");
    return move->paused || Take(rest, " going\n");
  }
  return false;
}

}  // namespace

std::string RangeMap::ToText() const {
  std::string text(kFirstLine);
  Append(&text, "epoch %" PRIu64 "\n", epoch_);
  for (size_t i = 0; i < starts_.size(); ++i) {
    Append(&text, "%016" PRIx64 " %" PRIu32 "\n", starts_[i], static_cast<uint32_t>(shards_[i]));
  }
  for (const Move& move : moves_) {
    Append(&text, "move %" PRIu64 " %016" PRIx64 " %" PRIu32 " %s %s\n", move.id, move.from.value,
           static_cast<uint32_t>(move.copy), NameOf(move.phase).data(),
           move.paused ? "paused" : "going");
  }
  AppendChecksum(&text);
  return text;
}

Result<RangeMap> RangeMap::FromText(std::string_view text) {
  if (text.size() > kMaxTextBytes) return Corrupt("longer than any map");
  std::string_view rest = text;
  if (!Take(&rest, kFirstLine)) {
    return Corrupt("does not begin with 'weir-range-map 1': damaged, or of a newer release");
  }
  RangeMap map;
  if (!Take(&rest, "epoch ") || !TakeNumber(&rest, &map.epoch_) || !Take(&rest, "\n")) {
    return Corrupt("no epoch");
  }
  while (!rest.starts_with("checksum ") && !rest.starts_with("move ")) {
    uint64_t start = 0;
    uint32_t shard = 0;
    if (!TakeNumber(&rest, &start, 16) || !Take(&rest, " ") || !TakeNumber(&rest, &shard) ||
        !Take(&rest, "\n")) {
      return Corrupt("a line is not 'beginning shard', or the checksum is missing");
    }
    map.starts_.push_back(start);
    map.shards_.push_back(ShardId{shard});
  }
  while (Take(&rest, "move ")) {
    if (!TakeMove(&rest, &map.moves_.emplace_back())) return Corrupt("a move cannot be read");
  }
  if (map.ToText() != text) return Corrupt("damaged: the checksum or the spelling is wrong");
  if (Result<Ok> valid = map.Validate(); !valid) return valid.error();
  return map;
}

}  // namespace weir::shard
