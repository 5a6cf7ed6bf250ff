// The composing half of Committer: a batch from its commands to the store's hands; and who is told
// of what it changed.
#include <algorithm>
#include <utility>

#include "weir/gateway/command.h"
#include "weir/gateway/committer.h"
#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

const Error kNoRoomForBases =
    OverloadError({"memory", Refusal::kUntilMemory,
                   "the memory for large values is taken; this write was not applied, try again"});
const Error kBasesTooLarge{ErrorCode::kInvalid,
                           "the values that this command looks at are together larger than a "
                           "write may load; split it, or give the server more memory"};

}  // namespace

// Returns whether the batch is in the store's hands.
bool Committer::StartBatch() {
  batch_began_ = clock_.Mono();
  if (taken_.size() > 1 || taken_.front()->KeyCount() <= kBatchWritesMax) return Compose();
  // Composing one as large as this would hold an event loop too long: a thread of the store does
  // it.
  store_.Load({}, [this](const Result<store::Loads>&) {
    if (!Compose()) Work();
  });
  return true;
}

// Returns whether the batch is in the store's hands.
bool Committer::Compose() {
  if (taken_.size() > 1) {
    for (const std::unique_ptr<WriteItem>& item : taken_) batch_.Prefetch(*item, false);
    for (const std::unique_ptr<WriteItem>& item : taken_) batch_.Prefetch(*item, true);
  }
  const bool whole = taken_.front()->whole();
  for (std::unique_ptr<WriteItem>& item : taken_) batch_.Add(std::move(item), batch_now_);
  taken_.clear();
  if (whole) {
    CountRecords();
    return true;
  }
  return LoadOrRun();
}

void Committer::CountRecords() {
  store_.Count(batch_now_, [this](const Result<store::Counts>& counts) {
    bool started = false;
    if (!counts.ok()) {
      started = Run(WriteBatch::Unread{counts.error()});
    } else {
      batch_.SetRecords(static_cast<int64_t>(counts.value().records - counts.value().due));
      started = LoadOrRun();
    }
    if (!started) Work();
  });
}

// Returns whether the batch is in the store's hands.
bool Committer::LoadOrRun() {
  std::vector<store::Key> missing = batch_.MissingKeys();
  if (missing.empty()) return Run(std::nullopt);
  LoadBases(std::move(missing));
  return true;
}

// In pieces of what one load may hold, until all are loaded or there is no more room.
void Committer::LoadBases(std::vector<store::Key> missing) {
  auto keys = std::make_shared<std::vector<store::Key>>(std::move(missing));
  auto bases = std::make_shared<Bases>();
  bases->room = memory_.base_room(keys->size() == 1);
  LoadNextBases(std::move(keys), std::move(bases));
}

void Committer::LoadNextBases(std::shared_ptr<std::vector<store::Key>> keys,
                              std::shared_ptr<Bases> bases) {
  const size_t begin = bases->loaded.records.size();
  const size_t count = std::min(keys->size() - begin, store_.limits().load_keys_max);
  const auto first = keys->begin() + static_cast<std::ptrdiff_t>(begin);
  std::vector<store::Key> piece(first, first + static_cast<std::ptrdiff_t>(count));
  const size_t room = bases->room - std::min(bases->bytes, bases->room);
  store_.LoadWithin(std::move(piece), room,
                    [this, keys, bases](const Result<store::Loads>& loaded) {
                      bool started = false;
                      if (!loaded.ok()) {
                        started = Run(WriteBatch::Unread{loaded.error()});
                      } else {
                        bases->Add(loaded.value());
                        const bool all = bases->loaded.left.empty();
                        if (all && bases->loaded.records.size() < keys->size()) {
                          LoadNextBases(keys, bases);
                          return;
                        }
                        batch_.SetBases(bases->loaded);
                        // Not for want of room at this moment, it is no use to try again.
                        const bool never = bases->room == memory_.base_bytes_max();
                        const WriteBatch::Unread no_room{never ? kBasesTooLarge : kNoRoomForBases,
                                                         /*for_want_of_room=*/true};
                        started = Run(all ? std::nullopt : std::optional(no_room));
                      }
                      if (!started) Work();
                    });
}

void Committer::Bases::Add(const store::Loads& piece) {
  for (const store::Loads::LeftOut& left : piece.left) {
    loaded.left.push_back({loaded.records.size() + left.index, left.bytes});
  }
  for (const std::optional<store::Record>& record : piece.records) {
    loaded.records.push_back(record);
    if (record.has_value()) bytes += record->value.size();
  }
}

// Runs the batch here or, when that may take long, on another thread. Returns as RunBatch.
bool Committer::Run(const std::optional<WriteBatch::Unread>& unread) {
  if (!batch_.copies() && batch_.held_bytes() <= kRunAtOnceBytesMax) return RunBatch(unread);
  heavy_batches_.Post([this, unread] {
    if (!RunBatch(unread)) Work();
  });
  return true;
}

// Commands that the batch has not run stand in front of the queue again.
void Committer::PutBack(std::vector<std::unique_ptr<WriteItem>> items) {
  if (items.empty()) return;
  const std::lock_guard lock(mutex_);
  counters_.writes -= items.size();
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    queue_.PushFirst({std::move(*item), nullptr, nullptr});
  }
}

// As many keys as the last batch could hold, and from there on twice as many each time.
void Committer::FitBatches(size_t ran, size_t put_back) {
  batch_writes_max_ =
      put_back > 0 ? std::max<size_t>(ran, 1) : std::min(batch_writes_max_ * 2, kBatchWritesMax);
}

bool Committer::RunBatch(const std::optional<WriteBatch::Unread>& unread) {
  batch_.Run(unread);
  std::vector<std::unique_ptr<WriteItem>> rest = batch_.TakeRest();
  FitBatches(batch_.size(), rest.size());
  PutBack(std::move(rest));
  store::Batch writes = batch_.Build(BelievesAbsence());
  if (writes.writes.empty() && !writes.clear) {
    NoteEnded(false);
    FinishBatch();
    return false;
  }
  for (const store::Write& write : writes.writes) {
    if (write.record.has_value()) {
      batch_expiry_ = std::min(batch_expiry_, write.record->expires_at);
    }
  }
  Reach(CommitObserver::Step::kPreCommit);
  apply_began_ = clock_.Mono();
  store_.Apply(std::move(writes), [this](Result<store::Applied> applied) { OnApplied(applied); });
  return true;
}

// Of what the batch changed, or may have changed: its tokens have been bumped.
void Committer::TellOfBatch() {
  if (!tracking_.any()) return;
  if (batch_.clears()) tracking_.OnAllChanged();
  tracking_.OnChanged(batch_.Changes());
}

// What an expired record held is not served anyway, so nobody but clients with caches of their own
// need be told.
void Committer::PublishExpired(const std::vector<std::string>& keys) {
  if (!tracking_.any()) return;
  const WallTime now = clock_.Wall();
  std::vector<ClientTracking::Change> changes;
  changes.reserve(keys.size());
  for (const std::string& key : keys) {
    const KeyHash hash = placement_.Hash(key);
    const Lanes::Locked lane = lanes_.Lock(hash.lane);
    if (placement_.Place(key).place.database != database_) {
      lane->Invalidate(key, hash.hash);  // Of a copy: where the key is, it may live on.
    } else {  // Who has not read the clock since may not be shown it after this.
      lane->Publish(key, hash.hash, std::nullopt, {now, now}, now);
    }
    changes.push_back({key, hash.hash});
  }
  tracking_.OnChanged(changes);
}

}  // namespace weir::gateway
