#include "weir/shard/range_move.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weir::shard {

using Kind = RangeMove::Task::Kind;

RangeMove::RangeMove(Position from, Position to, MovePhase phase)
    : from_(from), to_(to), phase_(phase), cursor_(from) {
  if (phase == MovePhase::kClean) stage_ = Stage::kClean;
}

void RangeMove::Write(std::string_view key) {
  if (stage_ == Stage::kClean || stage_ == Stage::kFailed) return;
  if (written_.size() >= kWrittenMax) {
    StartOver();
    return;
  }
  written_[std::string(key)] = {};  // Whatever was put for it before need not be there now.
}

// Not at once: what is under way ends first.
void RangeMove::StartOver() {
  start_over_ = true;
  written_.clear();
}

void RangeMove::Restart() {
  start_over_ = false;
  if (stage_ == Stage::kClean || stage_ == Stage::kFailed) return;
  stage_ = Stage::kEqualize;
  cursor_ = from_;
  rounds_ = 0;
}

void RangeMove::SetPhase(MovePhase phase) {
  if (phase == phase_) return;
  phase_ = phase;
  rounds_ = 0;
  if (phase != MovePhase::kClean) return;
  stage_ = Stage::kClean;
  cursor_ = from_;
  written_.clear();
}

RangeMove::Task RangeMove::Next(bool held) {
  if (task_.kind != Kind::kNothing) return task_;
  if (start_over_) Restart();
  switch (stage_) {
    case Stage::kFailed:
      return {held ? Kind::kRelease : Kind::kFail, {}, {}};
    case Stage::kClean:
      if (held) return {Kind::kRelease, {}, {}};
      if (cleaned_) return {Kind::kEnd, {}, {}};
      if (paused_) return {};
      task_ = {Kind::kCleanFrom, cursor_, {}};
      return task_;
    case Stage::kEqualize:
    case Stage::kVerify:
    case Stage::kInStep:
      break;
  }
  if (paused_) return {held ? Kind::kRelease : Kind::kNothing, {}, {}};
  const bool in_step = stage_ == Stage::kInStep;
  if (!held) {
    const bool soon = in_step && WantsFlip() && (written_.size() <= kFew || rounds_ >= 8);
    if (soon || written_.size() >= kHoldAt) return {Kind::kHold, {}, {}};
  }
  // In turns with the range, so that neither keeps the other from its end.
  const bool many = written_.size() >= kKeysAtOnce && !std::exchange(looked_at_last_, false);
  if (!written_.empty() && (held || in_step || many)) {
    looked_at_last_ = true;
    task_ = {Kind::kLookAt, {}, {}};
    looked_at_.clear();
    while (!written_.empty() && looked_at_.size() < keys_at_once_) {
      looked_at_.insert(written_.extract(written_.begin()));
    }
    for (const auto& [key, mark] : looked_at_) task_.keys.push_back(key);
    return task_;
  }
  if (held) return {in_step && WantsFlip() ? Kind::kFlip : Kind::kRelease, {}, {}};
  if (in_step) return {};
  task_ = {Kind::kLookFrom, cursor_, {}};
  return task_;
}

MoveRepair RangeMove::OnLook(const MoveLook& look, Position end) {
  assert(task_.kind == Kind::kLookFrom || task_.kind == Kind::kLookAt);
  assert(task_.kind == Kind::kLookAt || end == to_ || cursor_ < end);
  MoveRepair repair;
  repaired_.clear();
  next_cursor_ = end;
  ends_range_ = end == to_;
  size_t source = 0;
  size_t copy = 0;
  while (stage_ != Stage::kFailed && (source < look.source.size() || copy < look.copy.size())) {
    const MovedRecord* a = source < look.source.size() ? &look.source[source] : nullptr;
    const MovedRecord* b = copy < look.copy.size() ? &look.copy[copy] : nullptr;
    if (a != nullptr && b != nullptr) {
      const MovedRecord* const first = a;
      if (*b < *a) a = nullptr;
      if (*first < *b) b = nullptr;
    }
    source += a != nullptr ? 1 : 0;
    copy += b != nullptr ? 1 : 0;
    if (a != nullptr && b != nullptr && *a == *b) continue;
    // Versions rise with every write of a key, so one that is not older goes first, and the record
    // comes with the next look.
    const bool in_the_way = a != nullptr && b != nullptr && a->version <= b->version;
    Compare(a, b);
    if (in_the_way) {
      repaired_.erase(b->key);
      written_.try_emplace(b->key);
    }
    if (a == nullptr || in_the_way) {
      repair.removals.push_back(copy - 1);
    } else {
      repair.puts.push_back(source - 1);
    }
  }
  return stage_ == Stage::kFailed ? MoveRepair() : repair;
}

// Notes that the two differ, and fails if they must not.
void RangeMove::Compare(const MovedRecord* source, const MovedRecord* copy) {
  const std::string& key = source != nullptr ? source->key : copy->key;
  const Mark now{true, source != nullptr, source != nullptr ? source->version : 0};
  if (task_.kind == Kind::kLookAt) {
    const auto mark = looked_at_.find(key);
    assert(mark != looked_at_.end());
    // It was repaired, and this same state is not there; unless it was written since.
    const bool again = mark->second.repaired && mark->second.present == now.present &&
                       mark->second.version == now.version;
    if (again && !written_.contains(key) && !start_over_) return Fail(key);
  } else if (stage_ == Stage::kVerify && !written_.contains(key) && !start_over_) {
    return Fail(key);
  }
  repaired_[key] = now;
}

void RangeMove::Fail(const std::string& key) {
  stage_ = Stage::kFailed;
  failure_ = "the copy is not what was written to it, at the key '" + key.substr(0, 64) + "'";
}

void RangeMove::OnCleaned(Position end) {
  assert(task_.kind == Kind::kCleanFrom);
  assert(end == to_ || cursor_ < end);
  next_cursor_ = end;
  ends_range_ = end == to_;
}

void RangeMove::Done() {
  const Task task = std::exchange(task_, {});
  if (stage_ == Stage::kFailed || start_over_) return;
  if (task.kind == Kind::kLookAt) {
    ++rounds_;
    keys_at_once_ = std::min(keys_at_once_ * 2, keys_at_once_most_);
    looked_at_.clear();
    // To be seen once more; what was written since stays as that.
    for (auto& [key, mark] : repaired_) written_.try_emplace(key, mark);
    repaired_.clear();
    return;
  }
  const bool cleans = task.kind == Kind::kCleanFrom;
  if (cleans != (stage_ == Stage::kClean)) return;  // The phase changed meanwhile.
  cursor_ = next_cursor_;
  // What was found different while verifying was written: it is looked at for that.
  repaired_.clear();
  if (!ends_range_) return;
  if (cleans) {
    cleaned_ = true;
  } else {
    cursor_ = stage_ == Stage::kEqualize ? from_ : to_;
    stage_ = stage_ == Stage::kEqualize ? Stage::kVerify : Stage::kInStep;
    rounds_ = 0;
  }
}

void RangeMove::Failed() {
  task_ = {};
  // Nobody knows what became of the repairs.
  for (auto& [key, mark] : looked_at_) {
    if (!start_over_) written_[key] = {};
  }
  looked_at_.clear();
  repaired_.clear();
}

void RangeMove::LimitKeys(size_t keys) {
  assert(keys > 0);
  keys_at_once_most_ = std::min(keys, kKeysAtOnce);
  keys_at_once_ = std::min(keys_at_once_, keys_at_once_most_);
}

void RangeMove::LookAtFewer() {
  Failed();
  keys_at_once_ = std::max<size_t>(keys_at_once_ / 8, 1);
}

}  // namespace weir::shard
