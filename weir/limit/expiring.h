// Expiring: a bounded map from numbers to things that lapse unless they are taken out in time.
// When not to use: where what lapses must be noticed at that moment; it is found by looking.
// Threads: single-owner. Cost: O(log n) and an allocation to add or move; O(1) to find.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "weir/base/time.h"

namespace weir::limit {

template <typename T>
class Expiring {
 public:
  struct Entry {
    MonoTime expires_at;
    T value;
  };

  explicit Expiring(size_t entries_max) : entries_max_(entries_max) {}

  size_t size() const { return entries_.size(); }
  bool full() const { return entries_.size() >= entries_max_; }

  // Requires: !full(), and no entry has this number.
  void Add(uint64_t id, MonoTime expires_at, T value) {
    assert(!full());
    const bool added = entries_.try_emplace(id, Entry{expires_at, std::move(value)}).second;
    assert(added);
    order_.emplace(expires_at, id);
  }
  // The entry, also when it has expired and nobody has taken it out; valid until it is.
  const Entry* Find(uint64_t id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
  }
  // Requires: the entry is there.
  void Move(uint64_t id, MonoTime expires_at) {
    Entry& entry = entries_.at(id);
    order_.erase({entry.expires_at, id});
    entry.expires_at = expires_at;
    order_.emplace(expires_at, id);
  }
  std::optional<Entry> TakeOut(uint64_t id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return std::nullopt;
    order_.erase({found->second.expires_at, id});
    std::optional<Entry> entry = std::move(found->second);
    entries_.erase(found);
    return entry;
  }
  // The number of the entry that expires first, if it has.
  std::optional<uint64_t> FirstExpired(MonoTime now) const {
    if (order_.empty() || order_.begin()->first > now) return std::nullopt;
    return order_.begin()->second;
  }

 private:
  const size_t entries_max_;
  std::unordered_map<uint64_t, Entry> entries_;
  std::set<std::pair<MonoTime, uint64_t>> order_;
};

}  // namespace weir::limit
