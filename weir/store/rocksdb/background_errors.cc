#include "weir/store/rocksdb/background_errors.h"

#include <algorithm>
#include <future>
#include <utility>

#include <rocksdb/convenience.h>

namespace weir::store {

Error TableError(const std::string& error) {
  return {ErrorCode::kUnavailable,
          "the database cannot store tables (" + error +
              "); this write was not applied; make room or mend the device, and writes are "
              "accepted again by themselves"};
}

using rocksdb::BackgroundErrorReason;
using rocksdb::Status;

// Runs before RocksDB takes note of the error, so a write that fails by it finds it here.
void BackgroundErrors::OnBackgroundError(BackgroundErrorReason reason, Status* error) {
  const std::lock_guard lock(mutex_);
  if (reason == BackgroundErrorReason::kWriteCallback ||
      reason == BackgroundErrorReason::kMemTable) {
    // A write that was refused reports what it was refused for once more, now as if the log had
    // failed, from which RocksDB would not resume. If nobody knows of it any more, RocksDB was told
    // to resume between calling this and stopping.
    if (!IsTableError(*error)) return;
    if (!error_) Note(error->ToString());
    *error = Status::OK();
    return;
  }
  // From an IO error of a flush RocksDB would not resume either, although nothing but a new table
  // is needed: what it holds is still in the memtable.
  damage_ = error->IsCorruption();
  if (!damage_ && error->severity() > Status::kHardError) {
    *error = Status(*error, Status::kHardError);
  }
  Note(error->ToString());
  if (reason == BackgroundErrorReason::kFlush || reason == BackgroundErrorReason::kCompaction) {
    table_errors_.push_back(*error_);
    if (table_errors_.size() > kRemembered) table_errors_.pop_front();
  }
}

void BackgroundErrors::NotOpened(const std::string& error) {
  const std::lock_guard lock(mutex_);
  Note(error);
}

// Requires: mutex_ is held.
void BackgroundErrors::Note(std::string error) {
  error_ = std::move(error);
  ++count_;
  changed_.notify_all();
}

// Requires: mutex_ is held. An error that names a table, or a file of values beside one, is one of
// a flush or compaction whether it was told here or not: RocksDB tells only some of those it meets
// while it resumes, and a write that fails by its own log names that.
bool BackgroundErrors::IsTableError(const Status& status) const {
  const std::string text = status.ToString();
  for (const char* file : {".sst", ".blob"}) {
    if (text.find(file) != std::string::npos) return true;
  }
  return std::find(table_errors_.begin(), table_errors_.end(), text) != table_errors_.end();
}

std::optional<Error> BackgroundErrors::refusal() const {
  const std::lock_guard lock(mutex_);
  if (!error_) return std::nullopt;
  if (damage_) {
    return Error{ErrorCode::kCorrupt, "stored data is damaged: " + *error_ +
                                          "; check the device and restore from a backup"};
  }
  return TableError(*error_);
}

bool BackgroundErrors::Refused(const Status& failed) const {
  const std::lock_guard lock(mutex_);
  return IsTableError(failed);
}

void BackgroundErrors::Clear(uint64_t count) {
  const std::lock_guard lock(mutex_);
  if (count_ > count) return;
  error_.reset();
  damage_ = false;
}

bool BackgroundErrors::Await() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || (error_ && !damage_); });
  return !stopping_;
}

bool BackgroundErrors::Pause(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, pause, [this] { return stopping_; });
  return !stopping_;
}

void BackgroundErrors::Stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

uint64_t BackgroundErrors::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

namespace {

// Whether there is something to flush and nothing that flushes it, or that RocksDB waits for first.
bool OnlyWaits(rocksdb::DB& rocks) {
  using Property = rocksdb::DB::Properties;
  const auto of = [&rocks](const std::string& property) {
    uint64_t value = 0;
    rocks.GetAggregatedIntProperty(property, &value);
    return value;
  };
  uint64_t flushes = 0;
  uint64_t compactions = 0;
  return of(Property::kMemTableFlushPending) > 0 &&
         rocks.GetIntProperty(Property::kNumRunningFlushes, &flushes) && flushes == 0 &&
         rocks.GetIntProperty(Property::kNumRunningCompactions, &compactions) && compactions == 0;
}

}  // namespace

TriedResume TryResume(rocksdb::DB& rocks, std::chrono::milliseconds forgotten_after) {
  constexpr int kLooks = 20;
  auto resumed = std::async(std::launch::async, [&rocks] { return rocks.Resume(); });
  int waited = 0;
  while (waited < kLooks &&
         resumed.wait_for(forgotten_after / kLooks) != std::future_status::ready) {
    waited = OnlyWaits(rocks) ? waited + 1 : 0;
  }
  const bool forgotten = waited == kLooks;
  if (forgotten) rocksdb::CancelAllBackgroundWork(&rocks, /*wait=*/false);
  return {resumed.get(), forgotten};
}

Resumer::Resumer(BackgroundErrors* errors, std::function<bool()> resume)
    : errors_(errors), resume_(std::move(resume)), thread_([this] { Run(); }) {}

void Resumer::Stop() {
  errors_->Stop();
  if (thread_.joinable()) thread_.join();
}

// An error soon after a success is the same trouble, so the pause keeps growing: a compaction that
// fills a full device each time it is tried must not be tried all the time.
void Resumer::Run() {
  std::chrono::milliseconds pause = kPauseMin;
  std::optional<std::chrono::steady_clock::time_point> resumed;
  while (errors_->Await()) {
    const auto now = std::chrono::steady_clock::now();
    if (resumed && now - *resumed > 4 * kPauseMax) pause = kPauseMin;
    if (!errors_->Pause(pause)) return;
    pause = std::min(2 * pause, kPauseMax);
    if (resume_()) resumed = std::chrono::steady_clock::now();
  }
}

}  // namespace weir::store
