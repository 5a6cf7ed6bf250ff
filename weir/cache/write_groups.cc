#include "weir/cache/write_groups.h"

#include <cassert>
#include <limits>
#include <utility>

namespace weir::cache {

const Value* Group::current() const {
  assert(known());
  return state_ == State::kPresent ? &value_ : nullptr;
}

void Group::SetBase(std::optional<Value> live, bool exact) {
  assert(!known());
  base_exact_ = exact;
  base_existed_ = live.has_value();
  if (live.has_value()) {
    base_expires_at_ = live->expires_at;
    value_ = std::move(*live);
    state_ = State::kPresent;
  } else {
    state_ = State::kAbsent;
  }
}

void Group::Put(Value value) {
  value_ = std::move(value);
  state_ = State::kPresent;
  changed_ = true;
}

void Group::Erase() {
  // Nothing there before the batch and nothing now: there is nothing to write.
  if (state_ == State::kAbsent && !changed_) return;
  value_ = Value();
  state_ = State::kAbsent;
  changed_ = true;
}

void Group::Reset() {
  value_ = Value();
  state_ = State::kAbsent;
  changed_ = false;
  base_exact_ = true;
  base_existed_ = false;
  base_expires_at_ = kNever;
}

void Group::Begin(std::string_view key, uint64_t hash, size_t index) {
  assert(index <= std::numeric_limits<uint32_t>::max());
  key_.assign(key);
  hash_ = hash;
  index_ = static_cast<uint32_t>(index);
}

// Back to a group that has just been made, but for the memory of a key of ordinary length.
void Group::Release() {
  if (key_.capacity() > WriteGroups::kKeptKeyBytesMax) std::string().swap(key_);
  value_ = Value();
  state_ = State::kUnknown;
  changed_ = false;
  base_exact_ = false;
  base_existed_ = false;
  base_expires_at_ = kNever;
}

Group& WriteGroups::At(std::string_view key, uint64_t hash) {
  for (size_t i = hash & mask(); slots_[i].group != nullptr; i = (i + 1) & mask()) {
    if (slots_[i].hash == hash && slots_[i].group->key_ == key) return *slots_[i].group;
  }
  if ((size_ + 1) * 2 > slots_.size()) Grow();
  if (size_ == groups_.size()) groups_.emplace_back();
  Group& group = groups_[size_];
  group.Begin(key, hash, size_);
  Place(group);
  ++size_;
  return group;
}

void WriteGroups::Place(Group& group) {
  size_t i = group.hash_ & mask();
  while (slots_[i].group != nullptr) i = (i + 1) & mask();
  slots_[i] = {group.hash_, &group};
  group.slot_ = static_cast<uint32_t>(i);
}

void WriteGroups::Grow() {
  slots_.assign(slots_.size() * 2, Slot());
  for (Group& group : *this) Place(group);
}

void WriteGroups::Clear() {
  for (Group& group : *this) {
    slots_[group.slot_] = Slot();
    group.Release();
  }
  size_ = 0;
}

}  // namespace weir::cache
