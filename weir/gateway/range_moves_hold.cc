// The part of RangeMoves that holds the authority's log: for a flip, or for the copy to catch up.
//
// A hold makes every write of a database wait, so it is not begun while one of the two databases
// turns requests away, is let go of after kHoldMax unless the flip is under way by then, and is
// tried again later each time that it got nowhere.
#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/gateway/range_moves.h"
#include "weir/gateway/range_moving.h"

namespace weir::gateway {

// Whether writes may be made to wait for the flip. Requires: mutex_ is held.
bool RangeMoves::MayHold(const Moving& moving) const {
  return clock_.Mono() >= moving.hold_after && !AnyStands(moving);
}

// Whether it is time to let go, with keys still to be brought over, or since there will be no Tick
// to go on. Requires: mutex_ is held.
bool RangeMoves::HeldTooLong(const Moving& moving) const {
  if (!moving.held || moving.flipping) return false;
  const bool all_there = !moving.working && moving.machine.written() == 0;
  return ending_ || (!all_there && clock_.Mono() - moving.held_since > kHoldMax);
}

void RangeMoves::End() {
  std::vector<MovingPtr> moves;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    moves = moves_;
  }
  for (const MovingPtr& moving : moves) LetGo(moving);
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
              moving->held_since = clock_.Mono();
              unsure = moving->unsure;
              moving->working = moving->flipping = unsure;
            }
            unsure ? Flip(moving) : Go(moving);
          },
          [this, moving](const Result<Ok>& ended) { OnReleased(moving, ended); },
          Committer::Unknown::kRepeats);
}

// Requires: mutex_ is held, and so is the log.
store::Done<store::CommitNumber> RangeMoves::TakeTurn(Moving& moving) {
  moving.held = moving.flipping = false;
  const auto took = clock_.Mono() - moving.held_since;
  ++totals_.holds;
  totals_.held += took;
  totals_.held_longest = std::max(totals_.held_longest, took);
  return std::exchange(moving.turn, nullptr);
}

void RangeMoves::OnReleased(const MovingPtr& moving, const Result<Ok>& ended) {
  bool in_vain = false;
  {
    const std::lock_guard lock(mutex_);
    const MonoTime now = clock_.Mono();
    if (!std::exchange(moving->let_go, false)) moving->working = false;
    if (!ended.ok()) moving->error = ended.error().message;
    in_vain = std::exchange(moving->in_vain, false) || !ended.ok();
    if (in_vain) {
      moving->hold_after = now + moving->hold_pause;
      moving->hold_pause = std::min(2 * moving->hold_pause, kHoldPauseMax);
    }
  }
  holds_.Give();
  if (!in_vain) Go(moving);
}

void RangeMoves::Release(const MovingPtr& moving, Result<store::CommitNumber> ended) {
  store::Done<store::CommitNumber> turn;
  {
    const std::lock_guard lock(mutex_);
    if (moving->held) {
      turn = TakeTurn(*moving);
    } else {  // LetGo was first.
      moving->working = false;
    }
  }
  if (turn != nullptr) turn(std::move(ended));
}

// Releases the log, if it is time to, whatever is under way; that goes on without it.
void RangeMoves::LetGo(const MovingPtr& moving) {
  store::Done<store::CommitNumber> turn;
  {
    const std::lock_guard lock(mutex_);
    if (!HeldTooLong(*moving)) return;
    moving->in_vain = true;
    moving->let_go = std::exchange(moving->working, true);  // Else nothing begins before it ends.
    turn = TakeTurn(*moving);
  }
  turn(store::CommitNumber{0});
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
    moving->in_vain = !stored.ok();
    if (stored.ok()) {
      moving->hold_pause = kHoldPause;
      ++totals_.flips;
    }
  }
  // Until it is known the log takes no write: it makes this turn again.
  if (unsure) return Release(moving, Error{ErrorCode::kUnknown, stored.error().message});
  Release(moving, stored.ok() ? stored.value() : store::CommitNumber{0});
}

}  // namespace weir::gateway
