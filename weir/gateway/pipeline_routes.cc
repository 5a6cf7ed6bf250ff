// The part of Pipeline that is about where commands belong: which database
// writes go to, and go again when keys have moved.
#include <cassert>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/pipeline.h"

namespace weir::gateway {

// The one that a write goes to, or kSeveral, or kApart.
uint32_t Pipeline::DatabaseOf(const Queued& queued) const {
  if (gateway_.databases() == 1) return 0;
  if (queued.exec != nullptr) return DatabaseOf(*queued.exec->transaction);
  const CommandSpec& spec = *queued.spec;
  const Placement& placement = gateway_.placement();
  const uint32_t first = placement.Place(queued.args[spec.KeyIndex(0)]).place.database;
  const uint32_t others = (spec.flags & kFlagSplits) != 0 ? kSeveral : kApart;
  const size_t keys = spec.KeyCount(queued.args.views());
  for (size_t key = 1; key < keys; ++key) {
    if (placement.Place(queued.args[spec.KeyIndex(key)]).place.database != first) return others;
  }
  return first;
}

// The one that a transaction's keys are in, or kApart when they have been moved apart since it was
// queued.
uint32_t Pipeline::DatabaseOf(const TransactionBody& body) const {
  const Placement& placement = gateway_.placement();
  if (body.routes == placement.routes()) return body.database.value_or(0);
  if (body.whole) return kApart;  // It was of the one database that there was.
  std::optional<uint32_t> database;
  bool together = true;
  const auto look = [&](std::string_view key) {
    const uint32_t place = placement.Place(key).place.database;
    together &= database.value_or(place) == place;
    database = place;
  };
  if (body.watches != nullptr) {
    for (const WatchedKey& watched : body.watches->keys) look(watched.key);
  }
  for (const WriteItem& step : body.steps) {
    const size_t keys = step.KeyCount();
    for (size_t key = 0; key < keys; ++key) look(step.args[step.command->KeyIndex(key)]);
  }
  return together ? database.value_or(0) : kApart;
}

// One item for each database, with the keys that live there and what belongs to them. `instead`:
// of which part that came back; nullopt: they are the first.
void Pipeline::BeginParts(Queued& queued, const OwnedArgs& args, uint64_t sequence,
                          std::optional<uint32_t> instead) {
  const CommandSpec& spec = *queued.spec;
  const Placement& placement = gateway_.placement();
  const uint64_t routes = placement.routes();
  std::vector<std::vector<size_t>> words;  // Which arguments go where, by database.
  const size_t keys = spec.KeyCount(args.views());
  const auto step = static_cast<size_t>(spec.keys.step);
  for (size_t key = 0; key < keys; ++key) {
    const size_t begin = spec.KeyIndex(key);
    const uint32_t database = placement.Place(args[begin]).place.database;
    if (database >= words.size()) words.resize(database + 1);
    std::vector<size_t>& part = words[database];
    if (part.empty()) part.push_back(0);
    for (size_t i = 0; i < step; ++i) part.push_back(begin + i);
  }
  for (size_t database = 0; database < words.size(); ++database) {
    if (words[database].empty()) continue;
    auto item = std::make_unique<WriteItem>();
    item->origin = OriginOf(sequence);
    item->origin.part = instead.value_or(static_cast<uint32_t>(queued.parts.size()));
    if (!instead.has_value()) {
      queued.parts.emplace_back();
      ++queued.pending;
    }
    instead.reset();
    item->routes = routes;
    item->flow = Flow();
    item->command = &spec;
    item->args = args.Select(words[database]);
    item->hash = placement.Hash(item->args[spec.KeyIndex(0)]);
    outbox_.writes[database].push_back(std::move(item));
  }
}

// Where the first write of a run goes; what joins the run goes there as well. By one map: keys are
// not apart because some were placed before a move and some after it.
void Pipeline::PlaceRun(const Queued& first) {
  const Placement& placement = gateway_.placement();
  do {
    run_routes_ = placement.routes();
    run_database_ = DatabaseOf(first);
  } while (placement.routes() != run_routes_);
}

// Every write of the run that was still on its way comes back, or is refused, since all were placed
// by the same routes.
void Pipeline::OnMisrouted(Queued& queued, std::unique_ptr<WriteItem> item) {
  if (!queued.parts.empty()) {
    BeginParts(queued, item->args, item->origin.sequence, item->origin.part);
    return;
  }
  queued.state = State::kWaiting;
  queued.pending = 0;
  if (item->transaction != nullptr) {
    item->misrouted = false;
    queued.exec = std::move(item);
  } else {
    queued.args = std::move(item->args);
  }
  returned_ = true;
}

// If writes of the run have come back, and nothing of it is under way any more, whatever became of
// the rest: ends the run before the first that has, so that these begin again, in order, as a run,
// or several, by where their keys are now. Returns whether it did.
bool Pipeline::EndReturnedRun() {
  if (!returned_) return false;
  size_t first = run_;
  for (size_t i = run_; i-- > 0;) {
    const Queued& queued = queue_[i];
    if (queued.state == State::kPending) return false;
    if (queued.state == State::kWaiting && !IsLocal(queued)) first = i;
  }
  assert(first < run_);
  for (size_t i = first; i < run_; ++i) holding_ &= !queue_[i].holds;
  run_ = first;
  if (run_ == 0) run_kind_ = CommandKind::kLocal;
  returned_ = false;
  return true;
}

}  // namespace weir::gateway
