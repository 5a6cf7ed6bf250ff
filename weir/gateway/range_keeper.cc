#include "weir/gateway/range_keeper.h"

#include <utility>

#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

const Error kChanging = OverloadError(
    {"queue", Refusal::kUntilQueue, "another change of the ranges is under way; try again"});

// Whether some position has another shard.
bool GivesAway(const shard::RangeMap& before, const shard::RangeMap& after) {
  for (size_t i = 0; i < after.size(); ++i) {
    const shard::Range range = after.At(i);
    if (before.ShardOf(range.from) != range.shard) return true;
  }
  for (size_t i = 0; i < before.size(); ++i) {
    const shard::Range range = before.At(i);
    if (after.ShardOf(range.from) != range.shard) return true;
  }
  return false;
}

}  // namespace

RangeKeeper::RangeKeeper(Options options, Placement& placement, Committer& committer)
    : options_(std::move(options)),
      placement_(placement),
      committer_(committer),
      map_(placement.first_ranges()),
      newer_copy_(options_.newer_copy),
      places_(options_.places) {}

Result<shard::RangeMap> RangeKeeper::Begin(const Change& change) {
  const std::lock_guard lock(mutex_);
  if (changing_) return kChanging;
  shard::RangeMap changed = map_;
  if (const Result<Ok> made = change(changed); !made.ok()) return made.error();
  changing_ = true;
  return changed;
}

size_t RangeKeeper::NextCopy() const {
  const std::lock_guard lock(mutex_);
  return 1 - newer_copy_;
}

void RangeKeeper::Submit(const Change& change, Done done, Committer::Unknown unknown) {
  const Result<shard::RangeMap> begun = Begin(change);
  if (!begun.ok()) {
    done(begun.error());
    return;
  }
  if (options_.store == nullptr) {
    Finish(begun.value(), true);
    done(Ok{});
    return;
  }
  committer_.SubmitStoreWrite(
      [this, copy = NextCopy(),
       text = begun.value().ToText()](store::Done<store::CommitNumber> written) {
        options_.store(copy, text, std::move(written));
      },
      [this, changed = begun.value(), done = std::move(done)](const Result<Ok>& stored) {
        Finish(changed, stored.ok());
        done(stored);
      },
      unknown);
}

void RangeKeeper::SubmitHeld(const Change& change, store::Done<store::CommitNumber> done) {
  const Result<shard::RangeMap> begun = Begin(change);
  if (!begun.ok()) {
    done(begun.error());
    return;
  }
  if (options_.store == nullptr) {
    Finish(begun.value(), true);
    done(store::CommitNumber{0});
    return;
  }
  options_.store(
      NextCopy(), begun.value().ToText(),
      [this, changed = begun.value(), done = std::move(done)](Result<store::CommitNumber> stored) {
        Finish(changed, stored.ok());
        done(std::move(stored));
      });
}

// Routes first, so that whoever is told finds them.
void RangeKeeper::Finish(const shard::RangeMap& changed, bool stored) {
  if (stored) placement_.UseRanges(changed, GivesAway(map(), changed));
  const std::lock_guard lock(mutex_);
  if (stored) {
    map_ = changed;
    newer_copy_ = 1 - newer_copy_;
  }
  changing_ = false;
}

shard::RangeMap RangeKeeper::map() const {
  const std::lock_guard lock(mutex_);
  return map_;
}

std::vector<std::pair<shard::Range, shard::ShardId>> RangeKeeper::Copies() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<shard::Range, shard::ShardId>> copies;
  for (const shard::Move& move : map_.moves()) copies.emplace_back(map_.Find(move.from), move.copy);
  return copies;
}

std::string RangeKeeper::PlaceOf(size_t shard) const {
  const std::lock_guard lock(mutex_);
  return shard < places_.size() ? places_[shard] : "memory";
}

void RangeKeeper::AddPlace(std::string place) {
  const std::lock_guard lock(mutex_);
  places_.push_back(std::move(place));
}

}  // namespace weir::gateway
