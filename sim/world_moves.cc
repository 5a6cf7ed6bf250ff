// What World does with ranges that move: where keys are, orders to moves, and what is said of them.
#include <algorithm>
#include <utility>

#include "sim/world.h"

#include "weir/shard/move_plan.h"
#include "weir/shard/position.h"

namespace weir::sim {
namespace {

// Range by range, which is another way than the gateway's.
shard::Range Find(const shard::RangeMap& ranges, uint64_t position) {
  size_t i = 0;
  while (!ranges.At(i).Contains({position})) ++i;
  return ranges.At(i);
}

}  // namespace

// What the data directory says of the ranges.
shard::StoredMap World::StoredRanges() const {
  shard::MapCopies copies;
  for (size_t i = 0; i < copies.size(); ++i) {
    const auto found = contents_[0]->metadata.find(kRangeMapNames[i]);
    if (found != contents_[0]->metadata.end()) copies[i] = found->second;
  }
  const auto stored = shard::ReadMapCopies(copies);
  assert(stored.ok());
  return stored.value().value_or(shard::StoredMap{ranges_, 0, {}});
}

shard::RangeMap World::RangesNow() const {
  return node_ != nullptr ? node_->gateway().ranges().map() : StoredRanges().map;
}

gateway::ShardPlace World::PlaceOf(shard::ShardId shard) const {
  const auto number = static_cast<uint32_t>(shard);
  return {number % plan_.databases, number / plan_.databases};
}

uint32_t World::DatabaseOf(const std::string& key) {
  const uint64_t at = shard::PositionOf(key).value;
  const shard::Range range = Find(plan_.move_one_in == 0 ? ranges_ : RangesNow(), at);
  return PlaceOf(range.shard).database;
}

std::shared_ptr<const std::vector<uint32_t>> World::PlacesNow() {
  if (plan_.move_one_in == 0) return nullptr;
  auto places = std::make_shared<std::vector<uint32_t>>();
  for (const std::string& key : workload_.keys()) places->push_back(DatabaseOf(key));
  return places;
}

// Begins moves, and gives orders to those under way, whatever comes of it.
void World::Move() {
  gateway::RangeMoves& moves = node_->gateway().moves();
  // Rounds are shorter than the time between ticks.
  if (random_.OneIn(5)) moves.Tick();
  if (!random_.OneIn(plan_.move_one_in)) return;
  std::vector<gateway::MoveStatus> all = moves.Status();
  std::erase_if(all, [](const gateway::MoveStatus& status) { return status.phase == "ended"; });
  if (all.empty() || random_.OneIn(3)) {
    if (random_.OneIn(2)) return MoveAsPlanned();
    const shard::RangeMap map = RangesNow();
    const shard::ShardId to{static_cast<uint32_t>(random_.Below(plan_.shards))};
    moves.Begin(map.At(random_.Below(map.size())).from, to, [](const Result<uint64_t>&) {});
    return;
  }
  using Order = gateway::RangeMoves::Order;
  constexpr std::array kOrders = {Order::kFinish,   Order::kFinish, Order::kRollback,
                                  Order::kRollback, Order::kResume, Order::kResume,
                                  Order::kPause,    Order::kCancel};
  moves.Give(all[random_.Below(all.size())].id, kOrders[random_.Below(kOrders.size())],
             [](const Result<Ok>&) {});
}

// Begins a move of a plan that evens out what databases hold or empties a shard, or a cut for one.
void World::MoveAsPlanned() {
  const shard::RangeMap map = RangesNow();
  std::vector<shard::WeighedRange> ranges;
  for (size_t i = 0; i < map.size(); ++i) {
    ranges.push_back({map.At(i), LiveIn(map.At(i), PlaceOf(map.At(i).shard)).size()});
  }
  std::vector<uint32_t> places;
  for (uint32_t i = 0; i < plan_.shards; ++i) places.push_back(PlaceOf(shard::ShardId{i}).database);
  const shard::ShardId drained{static_cast<uint32_t>(random_.Below(plan_.shards))};
  const shard::MovePlan plan = random_.OneIn(2) ? shard::PlanRebalance(ranges, places)
                                                : shard::PlanDrain(ranges, places, drained);
  if (plan.moves.empty()) return;
  const shard::PlannedMove& move = plan.moves[random_.Below(plan.moves.size())];
  if (Find(map, move.from.value).shard != move.source) Problem("a plan moves what is elsewhere");
  for (const shard::Position at : {move.from, move.to}) {
    if (at.value == 0 || Find(map, at.value).from == at) continue;
    node_->gateway().ranges().Submit([at](shard::RangeMap& next) { return next.Split(at); },
                                     [](const Result<Ok>&) {});
    return;
  }
  node_->gateway().moves().Begin(move.from, move.target, [](const Result<uint64_t>&) {});
}

// The moves that have something to do, in words.
std::string World::UnrestedMoves() const {
  std::string text;
  if (node_ == nullptr) return text;
  for (const gateway::MoveStatus& status : node_->gateway().moves().Status()) {
    const bool follows = status.phase == "follow" && status.stage == "in step";
    const bool rests = status.paused || (follows && status.written == 0);
    if (rests || status.phase == "ended" || status.stage == "failed") continue;
    text += "; move " + std::to_string(status.id) + " goes nowhere: ";
    text += status.phase;
    text += ", ";
    text += status.stage;
    text += ", " + std::to_string(status.written) + " written; " + status.error;
  }
  return text;
}

// Nothing is damaged here, so no move may find anything damaged; what follows a range is equal.
void World::JudgeMoves() {
  for (const gateway::MoveStatus& status : node_->gateway().moves().Status()) {
    if (status.stage == "failed") Problem("a move has failed: " + status.error);
    const bool equal = status.stage == "in step" && !status.paused && status.written == 0;
    if (!equal || LiveIn(status.range, PlaceOf(status.range.shard)) ==
                      LiveIn(status.range, PlaceOf(status.copy))) {
      continue;
    }
    Problem("the copy of move " + std::to_string(status.id) + " is not equal to its range");
  }
}

// Keys, and all that their records hold.
std::map<std::string, std::string> World::LiveIn(const shard::Range& range,
                                                 const gateway::ShardPlace& place) {
  std::map<std::string, std::string> found;
  for (const auto& [at, record] : node_->store(place.database).script().records()) {
    const auto& [shard, position, key] = at;
    if (shard != place.shard || !range.Contains({position})) continue;
    if (record.expires_at <= clock_.Wall()) continue;
    found[key] = std::to_string(record.version) + ' ' + std::to_string(record.expires_at.ms) + ' ' +
                 std::string(record.value.view());
  }
  return found;
}

// Those that ranges hold, without the copies of those that move.
int64_t World::LiveRecords() {
  const shard::RangeMap ranges = RangesNow();
  int64_t live = 0;
  for (uint32_t i = 0; i < node_->databases(); ++i) {
    for (const auto& [place, record] : node_->store(i).script().records()) {
      const auto& [shard, position, key] = place;
      const shard::Range range = Find(ranges, position);
      const shard::Move* move = ranges.MoveAt(range.from);
      if (PlaceOf(range.shard) == gateway::ShardPlace{i, shard}) {
        live += record.expires_at > clock_.Wall() ? 1 : 0;
      } else if (move == nullptr || PlaceOf(move->copy) != gateway::ShardPlace{i, shard}) {
        Problem("a record is in the wrong place: " + key);
      }
    }
  }
  return live;
}

}  // namespace weir::sim
