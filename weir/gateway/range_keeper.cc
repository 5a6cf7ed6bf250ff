#include "weir/gateway/range_keeper.h"

#include <utility>

#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

const Error kChanging = OverloadError(
    {"queue", Refusal::kUntilQueue, "another change of the ranges is under way; try again"});

}  // namespace

RangeKeeper::RangeKeeper(Options options, Placement& placement, Committer& committer)
    : options_(std::move(options)),
      placement_(placement),
      committer_(committer),
      map_(placement.first_ranges()),
      newer_copy_(options_.newer_copy) {}

void RangeKeeper::Submit(const Change& change, Done done) {
  std::optional<Error> refused;
  shard::RangeMap changed = map();
  size_t copy = 0;
  {
    const std::lock_guard lock(mutex_);
    if (changing_) {
      refused = kChanging;
    } else {
      changed = map_;
      const Result<Ok> made = change(changed);
      if (!made.ok()) refused = made.error();
      changing_ = made.ok();
      copy = 1 - newer_copy_;
    }
  }
  if (refused) {
    done(*refused);
    return;
  }
  if (options_.store == nullptr) {
    Finish(std::move(changed), done, Ok{});
    return;
  }
  committer_.SubmitStoreWrite(
      [this, copy, text = changed.ToText()](store::Done<store::CommitNumber> written) {
        options_.store(copy, text, std::move(written));
      },
      [this, changed, done = std::move(done)](const Result<Ok>& stored) {
        Finish(changed, done, stored);
      });
}

void RangeKeeper::Finish(shard::RangeMap changed, const Done& done, const Result<Ok>& stored) {
  if (stored.ok()) placement_.UseRanges(changed);
  {
    const std::lock_guard lock(mutex_);
    if (stored.ok()) {
      map_ = std::move(changed);
      newer_copy_ = 1 - newer_copy_;
    }
    changing_ = false;
  }
  done(stored);
}

shard::RangeMap RangeKeeper::map() const {
  const std::lock_guard lock(mutex_);
  return map_;
}

std::string RangeKeeper::PlaceOf(size_t shard) const {
  return shard < options_.places.size() ? options_.places[shard] : "memory";
}

}  // namespace weir::gateway
