// WriteGroups: what each key of one batch of writes holds, write by write.
//
// Writes of one key that wait together form a group: each is applied in memory to the result of the
// one before and has a reply of its own, and the group ends as one record. What a key held before
// the batch is its base. It may be known from the start (the cache had it), be told later (the
// database was asked), or stay unknown, when no write of the group asks for it.
//
//   WriteGroups groups;
//   Group& group = groups.At("n", hash);            // base unknown
//   if (!group.known()) group.SetBase(loaded);
//   group.Put({"2"});                                // INCR of 1
//   group.Put({"3"});                                // INCR of 2, in the same batch
//
// Ownership: copies keys. References stay valid until Clear.
// Invariant: a slot of the table is taken by each of the first size() groups, and by nothing else.
// Threads: single-owner.
// Errors: none; the caller bounds a batch, and groups are kept for reuse up to the largest batch.
// Cost: a hash look-up for each At, O(size()) for Clear. Neither allocates once batches of this
// size and keys of this length have been seen; keys above kKeptKeyBytesMax are freed by Clear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/cache/value.h"

namespace weir::cache {

class Group {
 public:
  const std::string& key() const { return key_; }
  uint64_t hash() const { return hash_; }
  // The place of this group in the order of the batch.
  size_t index() const { return index_; }

  // Whether what the key holds now, after the writes so far, is known.
  bool known() const { return state_ != State::kUnknown; }
  // Returns what the key holds now, or nullptr when it is absent. Requires: known().
  const Value* current() const;

  // Says what the key held before the batch. `live` is that value unless it had expired.
  // `exact` says that this is to the letter what the database holds in the key's place, so that the
  // driver need not look; an expired record that may or may not be gone is not exact.
  // Requires: !known().
  void SetBase(std::optional<Value> live, bool exact);

  void Put(Value value);
  // Leaves nothing. Where nothing was known to be, that changes nothing.
  void Erase();
  // Says that the database is emptied here, and all writes before are void: the base of what
  // follows is that there is nothing.
  void Reset();
  // Says under which version the batch writes what the key holds now.
  void SetVersion(uint64_t version) { value_.version = version; }

  // Whether the batch must write this key.
  bool changed() const { return changed_; }
  // Whether the base is known to the letter, and what it was.
  bool base_exact() const { return base_exact_; }
  bool base_existed() const { return base_existed_; }
  WallTime base_expires_at() const { return base_expires_at_; }

 private:
  friend class WriteGroups;
  enum class State : uint8_t { kUnknown, kPresent, kAbsent };

  void Begin(std::string_view key, uint64_t hash, size_t index);
  void Release();

  std::string key_;
  uint64_t hash_ = 0;
  uint32_t index_ = 0;
  uint32_t slot_ = 0;  // Where the table of WriteGroups holds this group.
  State state_ = State::kUnknown;
  bool changed_ = false;
  bool base_exact_ = false;
  bool base_existed_ = false;
  WallTime base_expires_at_ = kNever;
  Value value_;
};

class WriteGroups {
 public:
  static constexpr size_t kKeptKeyBytesMax = 256;

  WriteGroups() : slots_(kSlotsMin) {}

  // Returns the group of `key`, new and unknown if this batch had none.
  Group& At(std::string_view key, uint64_t hash);
  // Groups in the order in which their keys came first.
  std::deque<Group>::iterator begin() { return groups_.begin(); }
  std::deque<Group>::iterator end() { return groups_.begin() + static_cast<std::ptrdiff_t>(size_); }
  size_t size() const { return size_; }
  // Ends the batch: lets go of all values and forgets all keys.
  void Clear();

 private:
  static constexpr size_t kSlotsMin = 64;

  // Open addressing with linear probing, never more than half full.
  struct Slot {
    uint64_t hash = 0;
    Group* group = nullptr;  // nullptr where the slot is free.
  };

  size_t mask() const { return slots_.size() - 1; }
  void Place(Group& group);
  void Grow();

  std::deque<Group> groups_;  // The first size_ are in use; the rest wait to be used again.
  size_t size_ = 0;
  std::vector<Slot> slots_;  // A power of two of them.
};

}  // namespace weir::cache
