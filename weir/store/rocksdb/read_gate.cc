#include "weir/store/rocksdb/read_gate.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace weir::store {

void ReadGate::Open(rocksdb::DB* rocks, CommitNumber commit) {
  std::lock_guard lock(mutex_);
  assert(views_ == 0);
  rocks_ = rocks;
  closed_.reset();
  ended_sequence_ = rocks->GetLatestSequenceNumber();
  ended_commit_ = announced_commit_ = commit;
  expiry_floor_ = {std::numeric_limits<int64_t>::min()};
}

std::optional<ReadGate::View> ReadGate::Enter(const std::function<void()>& look) {
  std::unique_lock lock(mutex_);
  View view;
  for (;;) {
    if (closed_) return std::nullopt;
    view.snapshot = rocks_->GetSnapshot();
    if (view.snapshot->GetSequenceNumber() <= ended_sequence_) break;
    rocks_->ReleaseSnapshot(view.snapshot);
    ended_.wait(lock);
  }
  view.commit = ended_commit_;
  view.now = now_;
  view.expiry_floor = expiry_floor_;
  if (look) look();
  ++views_;
  return view;
}

bool ReadGate::Leave(const View& view) {
  rocks_->ReleaseSnapshot(view.snapshot);
  std::lock_guard lock(mutex_);
  if (--views_ == 0 && closed_) left_.notify_all();
  return !closed_;
}

void ReadGate::BeginBatch(CommitNumber commit, WallTime earliest) {
  std::lock_guard lock(mutex_);
  announced_commit_ = commit;
  expiry_floor_ = std::min(expiry_floor_, earliest);
}

void ReadGate::EndBatch(WallTime now, const std::function<void()>& change) {
  std::lock_guard lock(mutex_);
  if (change) change();
  ended_sequence_ = rocks_->GetLatestSequenceNumber();
  ended_commit_ = announced_commit_;
  now_ = std::max(now_, now);
  ended_.notify_all();
}

void ReadGate::AbandonBatch() {
  std::lock_guard lock(mutex_);
  announced_commit_ = ended_commit_;
}

void ReadGate::RaiseExpiryFloor(WallTime floor) {
  std::lock_guard lock(mutex_);
  assert(ended_commit_ == announced_commit_);
  expiry_floor_ = std::max(expiry_floor_, floor);
}

WallTime ReadGate::expiry_floor() const {
  std::lock_guard lock(mutex_);
  return expiry_floor_;
}

void ReadGate::Close(std::string why) {
  std::lock_guard lock(mutex_);
  closed_ = std::move(why);
  ended_.notify_all();
}

void ReadGate::Drain() {
  std::unique_lock lock(mutex_);
  assert(closed_);
  left_.wait(lock, [this] { return views_ == 0; });
}

std::optional<std::string> ReadGate::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace weir::store
