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

RangeMoves::RangeMoves(Options options, std::vector<std::unique_ptr<Database>>& databases,
                       Placement& placement, RangeKeeper& keeper, LogHolds& holds, Clock& clock)
    : options_(std::move(options)),
      databases_(databases),
      placement_(placement),
      keeper_(keeper),
      holds_(holds),
      clock_(clock) {
  for (uint32_t i = 0; i < databases_.size(); ++i) databases_[i]->committer().Follow(this, i);
  Sync();
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
        done(stored.ok() ? Result<uint64_t>(*id) : Result<uint64_t>(stored.error()));
      });
}

void RangeMoves::Give(uint64_t move, Order order, RangeKeeper::Done done) {
  const bool moves = order == Order::kRollback || order == Order::kResume;
  if (moves && !options_.refusal.empty()) {
    return done(Error{ErrorCode::kInvalid, options_.refusal});
  }
  keeper_.Submit([move, order](shard::RangeMap& map) { return gateway::Apply(map, move, order); },
                 [this, done = std::move(done)](const Result<Ok>& stored) {
                   Sync();
                   done(stored);
                 });
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
  moves_.push_back(std::move(moving));
}

// What is in `clean` has gone over, or has been given up, and what it leaves is safe.
bool RangeMoves::Rests(const shard::Move& move) const {
  return move.paused || (!options_.refusal.empty() && move.phase != shard::MovePhase::kClean);
}

// Brings the moves in line with the map.
void RangeMoves::Sync() {
  const shard::RangeMap map = keeper_.map();
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
    moving.machine.SetPhase(move.phase);
    moving.machine.SetPaused(Rests(move));
    moving.paused = move.paused;
  }
  for (const MovingPtr& moving : moves_) {
    if (map.FindMove(moving->id) != nullptr) continue;
    moving->ended = true;
    ended_.push_back(StatusOf(*moving));
    if (ended_.size() > kEndedMax) ended_.pop_front();
  }
  std::erase_if(moves_, [](const MovingPtr& moving) { return moving->ended; });
  active_ = moves_.size();
}

void RangeMoves::Tick() {
  std::vector<MovingPtr> moves;
  {
    const std::lock_guard lock(mutex_);
    if (moves_.empty()) return;
    budget_bytes_ =
        std::min(budget_bytes_ + options_.bytes_per_second / 10, options_.bytes_per_second / 10);
    moves = moves_;
  }
  for (const MovingPtr& moving : moves) Go(moving);
}

// Whether there is time for a piece of the range: what the clients ask for comes first.
bool RangeMoves::MayLook(const Moving& moving) const {
  if (budget_bytes_ <= 0) return false;
  for (const ShardPlace& place : {moving.source, moving.copy}) {
    Database& database = *databases_[place.database];
    if (database.committer().Facts().standing || database.LoadAdmission().standing) return false;
  }
  return true;
}

// Does what is to be done next, if nothing is under way.
void RangeMoves::Go(const MovingPtr& moving) {
  std::unique_lock lock(mutex_);
  if (moving->working || moving->ended) return;
  shard::RangeMove::Task task = moving->machine.Next(moving->held);
  const bool waits =
      (task.kind == Kind::kLookFrom || task.kind == Kind::kCleanFrom) && !MayLook(*moving);
  const bool told = task.kind == Kind::kFail && moving->failed;
  if (task.kind == Kind::kNothing || waits || told) return;
  if (task.kind == Kind::kHold && !holds_.TryTake()) return;
  moving->working = true;
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

// What was under way has failed; it is tried again at the next Tick.
void RangeMoves::Fail(const MovingPtr& moving, const Error& error) {
  bool held = false;
  {
    const std::lock_guard lock(mutex_);
    moving->machine.Failed();
    moving->error = error.message;
    held = moving->held;
    moving->working = held;
  }
  if (held) Release(moving, store::CommitNumber{0});
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

// Takes a turn of the authority's log, which ends with Release.
void RangeMoves::Hold(const MovingPtr& moving) {
  CommitterOf(moving->source)
      .SubmitStoreWrite(
          [this, moving](store::Done<store::CommitNumber> turn) {
            bool unsure = false;
            {
              const std::lock_guard lock(mutex_);
              moving->turn = std::move(turn);
              moving->held = true;
              unsure = moving->unsure;
              moving->working = unsure;
            }
            unsure ? Flip(moving) : Go(moving);
          },
          [this, moving](const Result<Ok>& ended) {
            holds_.Give();
            {
              const std::lock_guard lock(mutex_);
              moving->working = false;
              if (!ended.ok()) moving->error = ended.error().message;
            }
          },
          Committer::Unknown::kRepeats);
}

void RangeMoves::Release(const MovingPtr& moving, Result<store::CommitNumber> ended) {
  store::Done<store::CommitNumber> turn;
  {
    const std::lock_guard lock(mutex_);
    assert(moving->held);
    moving->held = false;
    turn = std::exchange(moving->turn, nullptr);
  }
  turn(std::move(ended));
}

void RangeMoves::Flip(const MovingPtr& moving) {
  // What is due and gone there may stand here still.
  CommitterOf(moving->copy).DoubtAbsence();
  const auto change = [id = moving->id](shard::RangeMap& map) { return map.Flip(id); };
  if (moving->source.database == 0) {  // Where the map is stored, and its log is held.
    keeper_.SubmitHeld(change, [this, moving](const Result<store::CommitNumber>& stored) {
      OnFlip(moving, stored);
    });
    return;
  }
  keeper_.Submit(
      change,
      [this, moving](const Result<Ok>& stored) {
        OnFlip(moving, stored.ok() ? Result<store::CommitNumber>(store::CommitNumber{0})
                                   : Result<store::CommitNumber>(stored.error()));
      },
      Committer::Unknown::kRepeats);
}

void RangeMoves::OnFlip(const MovingPtr& moving, const Result<store::CommitNumber>& stored) {
  if (stored.ok()) Sync();
  bool unsure = false;
  {
    const std::lock_guard lock(mutex_);
    const bool unknown = !stored.ok() && stored.error().code == ErrorCode::kUnknown;
    moving->unsure = !stored.ok() && (unknown || moving->unsure);
    unsure = moving->unsure;
    moving->error = stored.ok() ? std::string() : stored.error().message;
  }
  // Until it is known the log takes no write: it makes this turn again.
  if (unsure) return Release(moving, Error{ErrorCode::kUnknown, stored.error().message});
  Release(moving, stored.ok() ? stored.value() : store::CommitNumber{0});
}

void RangeMoves::OnBatch(uint32_t database, const WriteBatch& batch) {
  if (batch.clears()) OnCleared(database);
  const std::lock_guard lock(mutex_);
  // Of either side: after a flip the new place takes writes before Sync has changed the two. That a
  // key of the range is written here at all means that the range is routed here.
  std::vector<Moving*> here;
  for (const MovingPtr& moving : moves_) {
    const bool source = moving->source.database == database;
    if (source || moving->copy.database == database) here.push_back(moving.get());
  }
  if (here.empty()) return;
  batch.ForEachWritten([&](std::string_view key) {
    const shard::Position position = shard::PositionOf(key);
    for (Moving* moving : here) {
      if (moving->range.Contains(position)) moving->machine.Write(key);
    }
  });
}

void RangeMoves::OnCleared(uint32_t database) {
  const std::lock_guard lock(mutex_);
  for (const MovingPtr& moving : moves_) {
    if (moving->source.database == database || moving->copy.database == database) {
      moving->machine.StartOver();
    }
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
  const bool refused = !options_.refusal.empty() && !moving.ended;
  status.error = refused ? options_.refusal : moving.error;
  const uint64_t reached = moving.machine.reached().value - moving.range.from.value;
  const uint64_t whole = moving.range.to.value - moving.range.from.value;
  const bool all = moving.ended || moving.machine.reached() == moving.range.to;
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

}  // namespace weir::gateway
