#include "weir/store/rocksdb/pending_segment.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "weir/base/key_hash.h"
#include "weir/base/prefetch.h"
#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

constexpr size_t kSlotsAtFirst = 1024;

std::string_view KeyOf(std::string_view stored_key) {
  return stored_key.substr(kPositionBytes);
}

}  // namespace

PendingSegment::PendingSegment(uint64_t seed, size_t keys)
    : seed_(seed), slots_(std::max(kSlotsAtFirst, std::bit_ceil(keys * 2))) {
  entries_.reserve(keys);
}

// Where the search for a key begins, before it is cut to the size of the table.
size_t PendingSegment::HomeOf(uint32_t shard, std::string_view stored_key) const {
  return static_cast<size_t>(SeededHash(KeyOf(stored_key), seed_ ^ shard));
}

void PendingSegment::Prefetch(std::span<const size_t> homes) const {
  const size_t mask = slots_.size() - 1;
  for (const size_t home : homes) weir::Prefetch(&slots_[home & mask]);
  for (const size_t home : homes) {
    if (const uint32_t slot = slots_[home & mask]; slot != 0) {
      weir::Prefetch(&entries_[slot - 1]);
    }
  }
  for (const size_t home : homes) {
    if (const uint32_t slot = slots_[home & mask]; slot != 0) {
      weir::Prefetch(entries_[slot - 1].stored_key.data());
    }
  }
}

// Returns the slot of the key, or the empty one where it belongs.
size_t PendingSegment::SlotOf(size_t home, uint32_t shard, std::string_view stored_key) const {
  const uint64_t position = DecodePosition(stored_key.data());
  for (size_t slot = home;; ++slot) {
    slot &= slots_.size() - 1;
    if (slots_[slot] == 0) return slot;
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.position == position && entry.shard == shard && entry.stored_key == stored_key) {
      return slot;
    }
  }
}

std::optional<std::string_view> PendingSegment::Find(uint32_t shard,
                                                     std::string_view stored_key) const {
  const size_t slot = SlotOf(HomeOf(shard, stored_key), shard, stored_key);
  if (slots_[slot] == 0) return std::nullopt;
  const std::string_view record = entries_[slots_[slot] - 1].stored_record;
  return record.empty() ? std::nullopt : std::optional(record);
}

void PendingSegment::RemoveFound(std::vector<PendingRecord>* records) const {
  size_t kept = 0;
  for (size_t begin = 0; begin < records->size(); begin += kTogether) {
    const size_t count = std::min(kTogether, records->size() - begin);
    std::array<size_t, kTogether> homes{};
    for (size_t i = 0; i < count; ++i) {
      const PendingRecord& record = (*records)[begin + i];
      homes[i] = HomeOf(record.shard, record.stored_key);
    }
    Prefetch({homes.data(), count});
    for (size_t i = 0; i < count; ++i) {
      const PendingRecord& record = (*records)[begin + i];
      const size_t slot = SlotOf(homes[i], record.shard, record.stored_key);
      const bool found = slots_[slot] != 0 && !entries_[slots_[slot] - 1].stored_record.empty();
      if (!found) (*records)[kept++] = record;
    }
  }
  records->resize(kept);
}

void PendingSegment::Add(CommitNumber commit, std::string writes) {
  assert(commit > last_);
  if (first_ == 0) first_ = commit;
  last_ = commit;
  bytes_ += writes.size();
  std::string_view left = batches_.emplace_back(std::move(writes));
  std::array<PendingWrite, kTogether> some;
  std::array<size_t, kTogether> homes{};
  while (!left.empty()) {
    size_t count = 0;
    for (; count < kTogether && !left.empty(); ++count) {
      const std::optional<PendingWrite> write = TakePendingWrite(&left);
      assert(write.has_value());
      some[count] = *write;
      homes[count] = HomeOf(write->shard, write->stored_key);
    }
    Prefetch({homes.data(), count});
    for (size_t i = 0; i < count; ++i) {
      if (some[i].put) {
        Put(homes[i], some[i]);
      } else {
        SettleAt(homes[i], some[i].shard, some[i].stored_key);
      }
    }
  }
}

void PendingSegment::Put(size_t home, const PendingWrite& write) {
  const size_t slot = SlotOf(home, write.shard, write.stored_key);
  if (slots_[slot] != 0) {
    entries_[slots_[slot] - 1].stored_record = write.stored_record;
    return;
  }
  const uint64_t position = DecodePosition(write.stored_key.data());
  buckets_[BucketOf(position)].push_back(static_cast<uint32_t>(entries_.size()));
  entries_.push_back({position, write.stored_key, write.stored_record, write.shard});
  slots_[slot] = static_cast<uint32_t>(entries_.size());
  bytes_ += kBytesOfKey;
  if (entries_.size() * 2 > slots_.size()) Grow();
}

void PendingSegment::Settle(uint32_t shard, std::string_view stored_key) {
  SettleAt(HomeOf(shard, stored_key), shard, stored_key);
}

void PendingSegment::SettleAt(size_t home, uint32_t shard, std::string_view stored_key) {
  const size_t slot = SlotOf(home, shard, stored_key);
  if (slots_[slot] != 0) entries_[slots_[slot] - 1].stored_record = {};
}

void PendingSegment::Grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const size_t home = HomeOf(entry.shard, entry.stored_key);
    slots_[SlotOf(home, entry.shard, entry.stored_key)] = i + 1;
  }
}

void PendingSegment::SortBucket(size_t bucket, std::vector<Place>* order) const {
  order->clear();
  for (const uint32_t index : buckets_[bucket]) {
    const Entry& entry = entries_[index];
    if (!entry.stored_record.empty()) order->push_back({entry.position, entry.shard, index});
  }
  std::sort(order->begin(), order->end(), [this](const Place& a, const Place& b) {
    if (a.shard != b.shard) return a.shard < b.shard;
    if (a.position != b.position) return a.position < b.position;
    return entries_[a.index].stored_key < entries_[b.index].stored_key;
  });
}

void PendingSegment::Collect(size_t bucket, uint32_t shard,
                             std::vector<PendingRecord>* found) const {
  std::vector<Place> order;
  SortBucket(bucket, &order);
  for (const Place& place : order) {
    const Entry& entry = entries_[place.index];
    if (entry.shard == shard) {
      found->push_back({shard, entry.stored_key, entry.stored_record});
    }
  }
}

void PendingSegment::RestartRuns() {
  next_bucket_ = 0;
  order_.clear();
  order_at_ = 0;
  taken_ = 0;
}

void PendingSegment::TakeRun(size_t count, std::vector<PendingRecord>* run) {
  while (run->size() < count && !taken_all()) {
    if (order_at_ == order_.size()) {
      SortBucket(next_bucket_++, &order_);
      order_at_ = 0;
      continue;
    }
    const Entry& entry = entries_[order_[order_at_++].index];
    ++taken_;
    if (entry.stored_record.empty()) continue;  // Settled since it was sorted.
    run->push_back({entry.shard, entry.stored_key, entry.stored_record});
  }
}

}  // namespace weir::store
