#include "weir/shard/range_move.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weir::shard {

using Kind = RangeMove::Task::Kind;

namespace {

// The key for people, in printable characters: it may hold any bytes.
std::string Quoted(std::string_view key) {
  constexpr size_t kShownMax = 64;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "'";
  for (const char each : key.substr(0, kShownMax)) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte >= 0x20 && byte < 0x7f && each != '\'' && each != '\\') {
      quoted += each;
    } else {
      quoted += {'\\', 'x', kHex[byte / 16], kHex[byte % 16]};
    }
  }
  return quoted + (key.size() > kShownMax ? "...'" : "'");
}

}  // namespace

RangeMove::RangeMove(Position from, Position to, MovePhase phase)
    : from_(from), to_(to), phase_(phase), cursor_(from) {
  if (phase == MovePhase::kClean) stage_ = Stage::kClean;
}

void RangeMove::Write(std::string_view key) {
  if (stage_ == Stage::kClean || stage_ == Stage::kFailed) return;
  if (start_over_) return;  // The look at the whole range comes after it.
  if (written_.size() >= kWrittenMax || written_bytes_ >= kWrittenBytesMax) {
    StartOver();
    return;
  }
  Note(key, {});  // Whatever was put for it before need not be there now.
}

void RangeMove::Note(std::string_view key, const Mark& mark) {
  const bool added = written_.insert_or_assign(std::string(key), mark).second;
  if (added) written_bytes_ += key.size();
}

void RangeMove::NoteIfNew(std::string_view key, const Mark& mark) {
  const bool added = written_.try_emplace(std::string(key), mark).second;
  if (added) written_bytes_ += key.size();
}

void RangeMove::Forget() {
  if (!written_.empty()) forgotten_ = std::exchange(written_, {});
  written_bytes_ = 0;
}

// Not at once: what is under way ends first.
void RangeMove::StartOver() {
  start_over_ = true;
  Forget();
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
  Forget();
}

RangeMove::Task RangeMove::LookAtWritten() {
  looked_at_last_ = true;
  task_ = {Kind::kLookAt, {}, {}};
  looked_at_.clear();
  size_t bytes = 0;
  while (!written_.empty() && looked_at_.size() < keys_at_once_ && bytes < kKeyBytesAtOnce) {
    bytes += written_.begin()->first.size();
    looked_at_.insert(written_.extract(written_.begin()));
  }
  written_bytes_ -= bytes;
  for (const auto& [key, mark] : looked_at_) task_.keys.push_back(key);
  return task_;
}

RangeMove::Task RangeMove::Next(bool held, bool may_hold) {
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
  const bool waits = stage_ == Stage::kVerify && awaits_files_ == AwaitsFiles::kToVerify;
  if (!held) {
    const bool soon =
        may_hold && in_step && WantsFlip() && (written_.size() <= kFew || rounds_ >= 8);
    if (soon || LagsBehind()) return {Kind::kHold, {}, {}};
  }
  // In turns with the range, so that neither keeps the other from its end.
  const bool many = written_.size() >= kKeysAtOnce && !std::exchange(looked_at_last_, false);
  if (!written_.empty() && (held || in_step || waits || many)) return LookAtWritten();
  if (held) return {in_step && WantsFlip() ? Kind::kFlip : Kind::kRelease, {}, {}};
  if (in_step || waits) return {};
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
      NoteIfNew(b->key, {});
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
  failure_ = "the copy is not what was written to it, at the key " + Quoted(key);
}

void RangeMove::Damage(std::string what) {
  Failed();
  if (stage_ == Stage::kClean || stage_ == Stage::kFailed) return;
  stage_ = Stage::kFailed;
  failure_ = std::move(what);
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
    for (const auto& [key, mark] : repaired_) NoteIfNew(key, mark);
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
  for (const auto& [key, mark] : looked_at_) {
    if (!start_over_) Note(key, {});
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
