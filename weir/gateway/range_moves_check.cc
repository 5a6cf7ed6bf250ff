// The part of RangeMoves that has files read back, and that tells of damage.
//
// Reading both sides compares what the databases answer, which may come from memory. So before a
// copy is verified, all of it is in tables; before it takes the range's place, its files are read
// back as a restart would read them; and once more before the place that it came from is cleared.
// These checks go on beside the rest of the move, which looks at written keys meanwhile.
#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/gateway/range_moves.h"
#include "weir/gateway/range_moving.h"

namespace weir::gateway {

using shard::MovePhase;
using AwaitsFiles = shard::RangeMove::AwaitsFiles;
using Stage = shard::RangeMove::Stage;

// Says what the machine has to wait for, and returns what is to be checked now for that. Nothing of
// a way back, which is to be short. Requires: mutex_ is held.
std::optional<store::FileRange> RangeMoves::FilesToCheck(Moving& moving) {
  using Files = Moving::Files;
  const Stage stage = moving.machine.stage();
  AwaitsFiles awaits = AwaitsFiles::kNothing;
  if (moving.machine.phase() == MovePhase::kCopy && moving.files != Files::kSound) {
    awaits = moving.files == Files::kSettled ? AwaitsFiles::kToFlip : AwaitsFiles::kToVerify;
  }
  moving.machine.SetAwaitsFiles(awaits);
  const bool settles = stage == Stage::kVerify && awaits == AwaitsFiles::kToVerify;
  const bool reads = stage == Stage::kInStep && awaits == AwaitsFiles::kToFlip;
  if (moving.checking || moving.machine.paused() || clock_.Mono() < moving.check_after) return {};
  if (!settles && !reads) return {};
  moving.checking = true;
  return store::FileRange{moving.copy.shard, moving.range.from.value, moving.range.to.value, reads};
}

void RangeMoves::CheckFiles(const MovingPtr& moving, const store::FileRange& range) {
  store::Store& store = databases_[moving->copy.database]->store();
  const auto checked = [this, moving, range](const Result<Ok>& result) {
    OnFilesChecked(*moving, range, result);
    Go(moving);
  };
  if (!store.CheckFiles(range, checked)) OnFilesChecked(*moving, range, Ok{});
}

void RangeMoves::OnFilesChecked(Moving& moving, const store::FileRange& range,
                                const Result<Ok>& checked) {
  using Files = Moving::Files;
  const std::lock_guard lock(mutex_);
  moving.checking = false;
  if (moving.ended || moving.machine.phase() != MovePhase::kCopy) return;
  if (!checked.ok()) {
    ++totals_.failures;
    moving.error = checked.error().message;
    moving.check_after = clock_.Mono() + kHoldPause;
    if (checked.error().code == ErrorCode::kCorrupt)
      NoteDamage(moving, checked.error(), Side::kCopy);
    return;
  }
  // Else it began anew meanwhile.
  const Stage stage = moving.machine.stage();
  if (!range.tables && stage == Stage::kVerify && moving.files == Files::kUnchecked) {
    moving.files = Files::kSettled;
  } else if (range.tables && stage == Stage::kInStep && moving.files == Files::kSettled) {
    moving.files = Files::kSound;
  }
}

// A copy that is damaged is given up, as is one whose source is. But the authority of a range that
// has gone over is none that could be given up, and what a copy leaves must go: those are tried
// again. Requires: mutex_ is held.
void RangeMoves::NoteDamage(Moving& moving, const Error& error, Side side) {
  const MovePhase phase = moving.machine.phase();
  std::string what = DamageOf(moving, error, side);
  const bool gives_up =
      phase == MovePhase::kCopy || (phase != MovePhase::kClean && side == Side::kCopy);
  if (gives_up) {
    moving.broken = std::move(what);
  } else {
    moving.stuck = true;
    moving.error = moving.failed ? moving.machine.failure() + "; and it cannot be removed" : what;
  }
}

// For people. Requires: mutex_ is held.
std::string RangeMoves::DamageOf(const Moving& moving, const Error& error, Side side) const {
  const shard::ShardId shard = side == Side::kSource ? moving.range.shard : moving.copy_shard;
  const std::string what = side == Side::kSource ? " where the range is, " : " where its copy is, ";
  const size_t number = static_cast<size_t>(shard);
  return "shard " + std::to_string(number) + what + "in " + keeper_.PlaceOf(number) +
         ", is damaged: " + error.message;
}

// The order to finish: the place that the range came from is cleared only when the files of where
// it is now were read back.
void RangeMoves::FinishIfSound(const MovingPtr& moving, const RangeKeeper::Done& done) {
  const uint64_t id = moving->id;
  store::FileRange range;
  uint32_t database = 0;
  bool follows = false;
  {
    const std::lock_guard lock(mutex_);
    follows = moving->machine.phase() == MovePhase::kFollow;
    range = {moving->source.shard, moving->range.from.value, moving->range.to.value};
    database = moving->source.database;
  }
  if (!follows) return Submit(id, Order::kFinish, done);
  const auto finish = [this, moving, id, done](const Result<Ok>& checked) {
    {
      const std::lock_guard lock(mutex_);
      moving->files_damage.clear();
      if (!checked.ok()) {
        const bool damaged = checked.error().code == ErrorCode::kCorrupt;
        moving->files_damage =
            damaged ? DamageOf(*moving, checked.error(), Side::kSource) +
                          "; the move is not finished, and the place that the range came from "
                          "stays: `weir shard rollback` brings it back there"
                    : "the move is not finished: " + checked.error().message;
      }
    }
    if (!checked.ok()) return done(Error{checked.error().code, moving->files_damage});
    Submit(id, Order::kFinish, done);
  };
  if (!databases_[database]->store().CheckFiles(range, finish)) finish(Ok{});
}

// Until it finishes by itself. Requires: mutex_ is held.
std::optional<std::chrono::nanoseconds> RangeMoves::FinishesIn(const Moving& moving) const {
  const bool follows = !moving.ended && moving.machine.phase() == MovePhase::kFollow;
  if (options_.finish_after.count() == 0 || !follows) return std::nullopt;
  const auto passed = clock_.Mono() - moving.followed_since;
  return std::max<std::chrono::nanoseconds>(options_.finish_after - passed, {});
}

void RangeMoves::FinishIfDue(const MovingPtr& moving) {
  {
    const std::lock_guard lock(mutex_);
    const auto left = FinishesIn(*moving);
    const bool due = left && left->count() == 0 && moving->machine.stage() == Stage::kInStep &&
                     !moving->paused && clock_.Mono() >= moving->check_after;
    if (ending_ || !due || std::exchange(moving->finishing, true)) return;
  }
  Give(moving->id, Order::kFinish, [this, moving](const Result<Ok>& finished) {
    {
      const std::lock_guard lock(mutex_);
      moving->finishing = false;
      moving->check_after = clock_.Mono() + kFinishPause;
    }
    if (options_.tell == nullptr) return;
    const std::string move = "move " + std::to_string(moving->id);
    options_.tell(finished.ok() ? move + " has followed for its time and is finished by itself"
                                : move + " is not finished by itself: " + finished.error().message);
  });
}

}  // namespace weir::gateway
