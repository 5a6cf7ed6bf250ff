#include "weir/store/rocksdb/pending_segment.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "weir/base/key_hash.h"
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

// Returns the slot of the key, or the empty one where it belongs.
size_t PendingSegment::SlotOf(uint32_t shard, uint64_t position, std::string_view key) const {
  auto slot = static_cast<size_t>(SeededHash(key, seed_ ^ shard));
  for (;; ++slot) {
    slot &= slots_.size() - 1;
    if (slots_[slot] == 0) return slot;
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.position == position && entry.shard == shard && KeyOf(entry.stored_key) == key) {
      return slot;
    }
  }
}

std::optional<std::string_view> PendingSegment::Find(uint32_t shard, uint64_t position,
                                                     std::string_view key) const {
  const size_t slot = SlotOf(shard, position, key);
  if (slots_[slot] == 0) return std::nullopt;
  const std::string_view record = entries_[slots_[slot] - 1].stored_record;
  return record.empty() ? std::nullopt : std::optional(record);
}

void PendingSegment::Add(CommitNumber commit, std::string writes) {
  assert(commit > last_);
  if (first_ == 0) first_ = commit;
  last_ = commit;
  bytes_ += writes.size();
  std::string_view left = batches_.emplace_back(std::move(writes));
  while (!left.empty()) {
    const std::optional<PendingWrite> write = TakePendingWrite(&left);
    assert(write.has_value());
    if (write->put) {
      Put(*write);
    } else {
      Settle(write->shard, write->stored_key);
    }
  }
}

void PendingSegment::Put(const PendingWrite& write) {
  const uint64_t position = DecodePosition(write.stored_key.data());
  const size_t slot = SlotOf(write.shard, position, KeyOf(write.stored_key));
  if (slots_[slot] != 0) {
    entries_[slots_[slot] - 1].stored_record = write.stored_record;
    return;
  }
  uint32_t& head = heads_[BucketOf(position)];
  entries_.push_back({position, write.stored_key, write.stored_record, write.shard, head});
  head = slots_[slot] = static_cast<uint32_t>(entries_.size());
  bytes_ += kBytesOfKey;
  if (entries_.size() * 2 > slots_.size()) Grow();
}

void PendingSegment::Settle(uint32_t shard, std::string_view stored_key) {
  const size_t slot = SlotOf(shard, DecodePosition(stored_key.data()), KeyOf(stored_key));
  if (slots_[slot] != 0) entries_[slots_[slot] - 1].stored_record = {};
}

void PendingSegment::Grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    slots_[SlotOf(entry.shard, entry.position, KeyOf(entry.stored_key))] = i + 1;
  }
}

void PendingSegment::SortBucket(size_t bucket, std::vector<uint32_t>* order) const {
  order->clear();
  for (uint32_t at = heads_[bucket]; at != 0; at = entries_[at - 1].next) {
    if (!entries_[at - 1].stored_record.empty()) order->push_back(at - 1);
  }
  std::sort(order->begin(), order->end(), [this](uint32_t a, uint32_t b) {
    const Entry& left = entries_[a];
    const Entry& right = entries_[b];
    if (left.shard != right.shard) return left.shard < right.shard;
    if (left.position != right.position) return left.position < right.position;
    return left.stored_key < right.stored_key;
  });
}

void PendingSegment::Collect(size_t bucket, uint32_t shard,
                             std::vector<PendingRecord>* found) const {
  std::vector<uint32_t> order;
  SortBucket(bucket, &order);
  for (const uint32_t index : order) {
    const Entry& entry = entries_[index];
    if (entry.shard == shard) {
      found->push_back({shard, entry.stored_key, entry.stored_record});
    }
  }
}

void PendingSegment::RestartRuns() {
  next_bucket_ = 0;
  order_.clear();
  order_at_ = 0;
}

void PendingSegment::TakeRun(size_t count, std::vector<PendingRecord>* run) {
  while (run->size() < count && !taken_all()) {
    if (order_at_ == order_.size()) {
      SortBucket(next_bucket_++, &order_);
      order_at_ = 0;
      continue;
    }
    const Entry& entry = entries_[order_[order_at_++]];
    if (entry.stored_record.empty()) continue;  // Settled since it was sorted.
    run->push_back({entry.shard, entry.stored_key, entry.stored_record});
  }
}

}  // namespace weir::store
