// The turns of Committer that are no batches: emptying, removing what has expired, what is no
// record, and settling.
#include <algorithm>
#include <utility>

#include "weir/gateway/committer.h"

namespace weir::gateway {

void Committer::StartClear(ClearDone done) {
  store_.Clear([this, done = std::move(done)](Result<store::CommitNumber> cleared) {
    if (follower_ != nullptr) follower_->OnCleared(database_);
    if (cleared.ok()) {
      lanes_.Clear();
      tracking_.OnAllChanged();
      gate_.Publish(cleared.value());
      done(Ok{});
    } else {
      if (cleared.error().code == ErrorCode::kUnknown) {
        lanes_.Clear();
        tracking_.OnAllChanged();
        RefuseAll(BeginDoubt());
      }
      done(cleared.error());
    }
    Work();
  });
}

// No record that is served changes, so whatever becomes of it the cache is right.
void Committer::StartStoreWrite(StoreTurn turn) {
  const StoreWrite write = turn.write;
  write([this, turn = std::move(turn)](const Result<store::CommitNumber>& written) {
    if (written.ok()) {
      gate_.Publish(written.value());
      turn.done(Ok{});
    } else if (written.error().code != ErrorCode::kUnknown) {
      turn.done(written.error());
    } else {
      if (turn.repeats) unsettled_ = turn;
      RefuseAll(BeginDoubt());
      if (!turn.repeats) turn.done(written.error());
    }
    Work();
  });
}

// The log is settled, and nothing else may be written until this has been.
void Committer::RepeatStoreWrite() {
  const StoreWrite write = unsettled_.write;
  write([this](const Result<store::CommitNumber>& written) {
    if (written.ok()) {
      gate_.Publish(written.value());
      const StoreTurn turn = std::exchange(unsettled_, {});
      EndDoubt();
      turn.done(Ok{});
    }
    Work();  // Else again at the next Tick.
  });
}

void Committer::EndDoubt() {
  const std::lock_guard lock(mutex_);
  in_doubt_ = false;
  opened_ = true;
  next_expiry_ = {0};
}

void Committer::TellFollower() {
  if (follower_ == nullptr || !follower_->follows()) return;
  follower_->OnBatch(database_, batch_);
}

void Committer::DoubtAbsence() {
  const std::lock_guard lock(mutex_);
  absence_doubted_at_ = clock_.Wall();
  next_expiry_ = {0};
  doubts_absence_ = true;
}

bool Committer::BelievesAbsence() const {
  const std::lock_guard lock(mutex_);
  return !doubts_absence_;
}

void Committer::NoteExpiry(WallTime expires_at) {
  const std::lock_guard lock(mutex_);
  next_expiry_ = std::min(next_expiry_, expires_at);
}

void Committer::StartExpire() {
  store_.Expire(clock_.Wall(), kExpireRecordsMax, [this](const Result<store::Expired>& expired) {
    if (expired.ok()) {
      PublishExpired(expired.value().keys);
      gate_.Publish(expired.value().commit);
    }
    OnExpired(expired);
    Work();
  });
}

void Committer::OnExpired(const Result<store::Expired>& expired) {
  if (!expired.ok() && expired.error().code == ErrorCode::kUnknown) RefuseAll(BeginDoubt());
  const WallTime now = clock_.Wall();
  const std::lock_guard lock(mutex_);
  expire_after_ = {now.ms + kExpirePauseMs};
  if (!expired.ok()) return;
  counters_.expired += expired.value().removed;
  next_expiry_ = expired.value().next;
  if (next_expiry_ > absence_doubted_at_) doubts_absence_ = false;
  if (expired.value().removed == kExpireRecordsMax) expire_after_ = now;
}

void Committer::StartSettle() {
  store_.Settle([this](Result<store::CommitNumber> settled) {
    if (settled.ok()) {
      batch_.Settle();
      // What expired, or was cleared, with an unknown outcome, nobody can name.
      if (opened_) tracking_.OnAllChanged();
      batch_.Clear();
      batch_expiry_ = kNever;
      gate_.Publish(settled.value());
      // A batch of an earlier process may have happened since this one asked for the floor.
      versions_.RaiseTo(store_.VersionFloor());
      if (unsettled_.write != nullptr) {
        RepeatStoreWrite();
        return;
      }
      EndDoubt();
    } else if (!opened_) {
      opened_ = true;
      RefuseAll(BeginDoubt());
    }
    Work();
  });
}

}  // namespace weir::gateway
