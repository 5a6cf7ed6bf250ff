#include "weir/gateway/range_moves.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "weir/gateway/range_moving.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway {
namespace {

using Kind = shard::RangeMove::Task::Kind;
using Stage = shard::RangeMove::Stage;

std::string_view NameOf(Stage stage) {
  switch (stage) {
    case Stage::kEqualize:
      return "copying";
    case Stage::kVerify:
      return "verifying";
    case Stage::kInStep:
      return "in step";
    case Stage::kClean:
      return "cleaning";
    case Stage::kFailed:
      return "failed";
  }
  return "";
}

Result<Ok> Apply(shard::RangeMap& map, uint64_t move, RangeMoves::Order order) {
  switch (order) {
    case RangeMoves::Order::kCancel:
      return map.Cancel(move);
    case RangeMoves::Order::kFinish:
      return map.Finish(move);
    case RangeMoves::Order::kPause:
      return map.SetPaused(move, true);
    case RangeMoves::Order::kResume:
      return map.SetPaused(move, false);
    case RangeMoves::Order::kRollback:
      return map.Rollback(move);
  }
  return Ok{};
}

}  // namespace

RangeMoves::RangeMoves(Options options, Growing<std::unique_ptr<Database>>& databases,
                       Placement& placement, RangeKeeper& keeper, LogHolds& holds, Clock& clock)
    : options_(std::move(options)),
      databases_(databases),
      placement_(placement),
      keeper_(keeper),
      holds_(holds),
      clock_(clock),
      moving_in_(databases.size() + databases.room()),
      budget_bytes_(options_.bytes_per_second / 10) {
  for (uint32_t i = 0; i < databases_.size(); ++i) Follow(*databases_[i], i);
  Sync();
}

void RangeMoves::Follow(Database& database, uint32_t index) {
  database.committer().Follow(this, index);
}

Committer& RangeMoves::CommitterOf(const ShardPlace& place) {
  return databases_[place.database]->committer();
}

void RangeMoves::Begin(shard::Position from, shard::ShardId to,
                       std::function<void(Result<uint64_t>)> done) {
  const auto refuse = [&](std::string why) { done(Error{ErrorCode::kInvalid, std::move(why)}); };
  if (!options_.refusal.empty()) return refuse(options_.refusal);
  if (static_cast<size_t>(to) >= placement_.shards()) return refuse("there is no such shard");
  const uint32_t database = placement_.place(to).database;
  const auto id = std::make_shared<uint64_t>();
  keeper_.Submit(
      [this, from, to, database, id](shard::RangeMap& map) -> Result<Ok> {
        const shard::ShardId now = map.ShardOf(from);
        if (now != to && placement_.place(now).database == database) {
          return Error{ErrorCode::kInvalid,
                       "both shards are in one directory, with one log and one set of files, so "
                       "there is nothing to move"};
        }
        const Result<uint64_t> begun = map.BeginMove(from, to);
        if (!begun.ok()) return begun.error();
        *id = begun.value();
        return Ok{};
      },
      [this, id, done](const Result<Ok>& stored) {
        Sync();
        GoOn(*id);
        done(stored.ok() ? Result<uint64_t>(*id) : Result<uint64_t>(stored.error()));
      });
}

void RangeMoves::Give(uint64_t move, Order order, RangeKeeper::Done done) {
  const bool moves = order == Order::kRollback || order == Order::kResume;
  if (moves && !options_.refusal.empty()) {
    return done(Error{ErrorCode::kInvalid, options_.refusal});
  }
  if (const std::string why = order == Order::kRollback ? Damage(move) : ""; !why.empty()) {
    return done(Error{ErrorCode::kInvalid, "there is no way back: " + why});
  }
  if (order == Order::kFinish) {
    const MovingPtr moving = Find(move);
    if (moving != nullptr) return FinishIfSound(moving, done);
  }
  Submit(move, order, std::move(done));
}

void RangeMoves::Submit(uint64_t move, Order order, RangeKeeper::Done done) {
  keeper_.Submit([move, order](shard::RangeMap& map) { return gateway::Apply(map, move, order); },
                 [this, move, done = std::move(done)](const Result<Ok>& stored) {
                   Sync();
                   GoOn(move);
                   done(stored);
                 });
}

// nullptr: it has ended, or there was none.
RangeMoves::MovingPtr RangeMoves::Find(uint64_t move) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(moves_.begin(), moves_.end(),
                                  [&](const MovingPtr& each) { return each->id == move; });
  return found == moves_.end() ? nullptr : *found;
}

// With what an order has changed: a small range has gone over before a Tick would come.
void RangeMoves::GoOn(uint64_t move) {
  if (const MovingPtr moving = Find(move); moving != nullptr) Go(moving);
}

// What the move has found to be broken, or "".
std::string RangeMoves::Damage(uint64_t move) const {
  const MovingPtr moving = Find(move);
  if (moving == nullptr) return "";
  const std::lock_guard lock(mutex_);
  return moving->machine.failure();
}

// Requires: mutex_ is held.
void RangeMoves::Add(const shard::RangeMap& map, const shard::Move& move) {
  auto moving = std::make_shared<Moving>(map.Find(move.from), move);
  moving->source = placement_.place(moving->range.shard);
  moving->copy = placement_.place(move.copy);
  for (const ShardPlace& place : {moving->source, moving->copy}) {
    moving->machine.LimitKeys(databases_[place.database]->store().limits().load_keys_max);
  }
  moving->machine.SetPaused(Rests(move));
  moving->followed_since = clock_.Mono();
  moves_.push_back(std::move(moving));
}

// What is in `clean` has gone over, or has been given up, and what it leaves is safe.
bool RangeMoves::Rests(const shard::Move& move) const {
  return move.paused || (!options_.refusal.empty() && move.phase != shard::MovePhase::kClean);
}

// Brings the moves in line with the map.
void RangeMoves::Sync() {
  const shard::RangeMap map = keeper_.map();
  std::vector<shard::RangeMove::Marks> forgotten;  // Freed without the lock.
  const std::lock_guard lock(mutex_);
  if (map.epoch() < epoch_) return;
  epoch_ = map.epoch();
  for (const shard::Move& move : map.moves()) {
    const auto found = std::find_if(moves_.begin(), moves_.end(),
                                    [&](const MovingPtr& each) { return each->id == move.id; });
    if (found == moves_.end()) {
      Add(map, move);
      continue;
    }
    Moving& moving = **found;
    if (moving.range.shard != map.ShardOf(move.from)) {
      std::swap(moving.range.shard, moving.copy_shard);
      std::swap(moving.source, moving.copy);
    }
    if (moving.machine.phase() != move.phase) moving.followed_since = clock_.Mono();
    moving.machine.SetPhase(move.phase);
    moving.machine.SetPaused(Rests(move));
    moving.paused = move.paused;
    forgotten.push_back(moving.machine.TakeForgotten());
  }
  for (const MovingPtr& moving : moves_) {
    if (map.FindMove(moving->id) != nullptr) continue;
    moving->ended = true;
    ended_.push_back(StatusOf(*moving));
    if (ended_.size() > kEndedMax) ended_.pop_front();
  }
  std::erase_if(moves_, [](const MovingPtr& moving) { return moving->ended; });
  active_ = moves_.size();
  for (size_t i = 0; i < moving_in_.size(); ++i) {
    moving_in_[i] = std::any_of(moves_.begin(), moves_.end(),
                                [i](const MovingPtr& moving) { return moving->IsIn(i); });
  }
}

void RangeMoves::Tick() {
  std::vector<MovingPtr> moves;
  {
    const std::lock_guard lock(mutex_);
    budget_bytes_ =
        std::min(budget_bytes_ + options_.bytes_per_second / 10, options_.bytes_per_second / 10);
    moves = moves_;
  }
  for (const MovingPtr& moving : moves) {
    LetGo(moving);
    Go(moving);
    FinishIfDue(moving);
  }
}

// Whether one of the two databases has more to do than it can.
bool RangeMoves::AnyStands(const Moving& moving) const {
  for (const ShardPlace& place : {moving.source, moving.copy}) {
    Database& database = *databases_[place.database];
    if (database.committer().Facts().standing || database.LoadAdmission().standing) return true;
  }
  return false;
}

// Whether there is time for a piece of the range: what the clients ask for comes first.
bool RangeMoves::MayLook(const Moving& moving) const {
  return budget_bytes_ > 0 && !AnyStands(moving);
}

// Does what is to be done next, if nothing is under way.
void RangeMoves::Go(const MovingPtr& moving) {
  std::unique_lock lock(mutex_);
  if (moving->working || moving->ended) return;
  if (HeldTooLong(*moving)) {
    lock.unlock();
    return LetGo(moving);
  }
  if (ending_) return;
  if (!moving->broken.empty()) moving->machine.Damage(std::exchange(moving->broken, {}));
  if (!moving->held && clock_.Mono() < moving->try_after) return;
  if (const std::optional<store::FileRange> range = FilesToCheck(*moving)) {
    lock.unlock();
    CheckFiles(moving, *range);
    return Go(moving);
  }
  shard::RangeMove::Task task =
      moving->machine.Next(moving->held, !moving->held && MayHold(*moving));
  if (moving->machine.stage() == Stage::kEqualize) moving->files = Moving::Files::kUnchecked;
  const bool waits =
      (task.kind == Kind::kLookFrom || task.kind == Kind::kCleanFrom) && !MayLook(*moving);
  const bool told = task.kind == Kind::kFail && moving->failed;
  if (task.kind == Kind::kNothing || waits || told) return;
  if (task.kind == Kind::kHold && !holds_.TryTake()) return;
  moving->working = true;
  moving->flipping = task.kind == Kind::kFlip;
  if (task.kind == Kind::kFail) {
    moving->failed = true;
    moving->error = moving->machine.failure();
  }
  lock.unlock();
  switch (task.kind) {
    case Kind::kNothing:
      return;
    case Kind::kLookFrom:
      return LookFrom(moving, task.from.value);
    case Kind::kLookAt:
      return LookAt(moving, std::move(task.keys));
    case Kind::kHold:
      return Hold(moving);
    case Kind::kRelease:
      return Release(moving, store::CommitNumber{0});
    case Kind::kFlip:
      return Flip(moving);
    case Kind::kCleanFrom:
      return CleanFrom(moving, task.from.value);
    case Kind::kEnd:
      return Change(moving, [id = moving->id](shard::RangeMap& map) { return map.EndMove(id); });
    case Kind::kFail:
      return Change(moving, [id = moving->id](shard::RangeMap& map) { return map.Cancel(id); });
  }
}

// What was under way has failed, by what `side` answered; it is tried again at a Tick, unless that
// is of no use.
void RangeMoves::Fail(const MovingPtr& moving, const Error& error, Side side) {
  bool held = false;
  {
    const std::lock_guard lock(mutex_);
    moving->machine.Failed();
    moving->error = error.message;
    moving->try_after = clock_.Mono() + moving->try_pause;
    moving->try_pause = std::min(2 * moving->try_pause, kTryPauseMax);
    if (error.code == ErrorCode::kCorrupt) NoteDamage(*moving, error, side);
    held = moving->held;
    moving->working = held;
    moving->in_vain |= held;
    ++totals_.failures;
  }
  if (held) Release(moving, store::CommitNumber{0});
}

// What was under way has been done.
void RangeMoves::Succeed(const MovingPtr& moving) {
  {
    const std::lock_guard lock(mutex_);
    moving->machine.Done();
    moving->working = false;
    moving->try_pause = kTryPause;
    moving->stuck = false;
    moving->error = moving->failed ? moving->machine.failure() : std::string();
  }
  Go(moving);
}

void RangeMoves::Change(const MovingPtr& moving, const RangeKeeper::Change& change) {
  keeper_.Submit(change, [this, moving](const Result<Ok>& stored) {
    Sync();
    {
      const std::lock_guard lock(mutex_);
      moving->working = false;
      // Else tried again, unless the phase does not allow it, as that of a failed `follow`.
      const bool refused = !stored.ok() && stored.error().code == ErrorCode::kInvalid;
      if (!stored.ok() && !refused) moving->failed = false;
    }
    if (stored.ok()) Go(moving);
  });
}

void RangeMoves::OnBatch(uint32_t database, const WriteBatch& batch) {
  if (!moving_in_[database].load()) return;
  if (batch.clears()) OnCleared(database);
  std::vector<shard::RangeMove::Marks> forgotten;  // Freed without the lock.
  const std::lock_guard lock(mutex_);
  // Of either side: after a flip the new place takes writes before Sync has changed the two. That a
  // key of the range is written here at all means that the range is routed here.
  std::vector<Moving*> here;
  for (const MovingPtr& moving : moves_) {
    if (moving->IsIn(database)) here.push_back(moving.get());
  }
  if (here.empty()) return;
  batch.ForEachWritten([&](std::string_view key) {
    const shard::Position position = shard::PositionOf(key);
    for (Moving* moving : here) {
      if (moving->range.Contains(position)) moving->machine.Write(key);
    }
  });
  for (Moving* moving : here) forgotten.push_back(moving->machine.TakeForgotten());
}

void RangeMoves::OnCleared(uint32_t database) {
  std::vector<shard::RangeMove::Marks> forgotten;  // Freed without the lock.
  const std::lock_guard lock(mutex_);
  for (const MovingPtr& moving : moves_) {
    if (!moving->IsIn(database)) continue;
    moving->machine.StartOver();
    forgotten.push_back(moving->machine.TakeForgotten());
  }
}

// Requires: mutex_ is held.
MoveStatus RangeMoves::StatusOf(const Moving& moving) const {
  MoveStatus status;
  status.id = moving.id;
  status.range = moving.range;
  status.copy = moving.copy_shard;
  status.phase = moving.ended ? "ended" : shard::NameOf(moving.machine.phase());
  status.stage = moving.ended ? "ended" : NameOf(moving.machine.stage());
  status.paused = moving.paused;
  status.keys = moving.keys;
  status.bytes = moving.bytes;
  status.written = moving.machine.written();
  const bool refused = !options_.refusal.empty() && !moving.ended &&
                       moving.machine.phase() != shard::MovePhase::kClean;
  status.error = refused ? options_.refusal : moving.error;
  if (!moving.files_damage.empty() && !refused) status.error = moving.files_damage;
  if (moving.stuck && !moving.ended) status.stage = "damaged";
  if (const auto left = FinishesIn(moving)) {
    status.finishes_in_s = std::chrono::ceil<std::chrono::seconds>(*left).count();
  }
  const uint64_t reached = moving.machine.reached().value - moving.range.from.value;
  const uint64_t whole = moving.range.to.value - moving.range.from.value;
  const bool whole_range = reached > 0 && moving.machine.reached() == moving.range.to;
  const bool all = moving.ended || moving.machine.stage() == Stage::kInStep || whole_range;
  // The last range of all is as long as 2^64 at most, which is written as 0.
  const double length = whole == 0 ? 18446744073709551616.0 : static_cast<double>(whole);
  status.done_permille =
      all ? 1000 : static_cast<uint32_t>(static_cast<double>(reached) / length * 1000);
  return status;
}

std::vector<MoveStatus> RangeMoves::Status() const {
  const std::lock_guard lock(mutex_);
  std::vector<MoveStatus> all(ended_.begin(), ended_.end());
  for (const MovingPtr& moving : moves_) all.push_back(StatusOf(*moving));
  return all;
}

RangeMoves::Totals RangeMoves::totals() const {
  const std::lock_guard lock(mutex_);
  Totals totals = totals_;
  totals.moves = moves_.size();
  for (const MovingPtr& moving : moves_) totals.written += moving->machine.written();
  return totals;
}

}  // namespace weir::gateway
