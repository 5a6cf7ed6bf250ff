#include "weir/store/rocksdb/pending_writes.h"

#include <algorithm>
#include <cassert>

#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

uint64_t PositionOf(const PendingRecord& record) {
  return DecodePosition(record.stored_key.data());
}

}  // namespace

// A key settled in the active segment is settled in the sealed one, too: Add sees to that.
std::optional<std::string_view> PendingWrites::Find(const Key& key) const {
  std::string stored_key(kPositionBytes, '\0');
  EncodePosition(key.position, stored_key.data());
  stored_key += key.key;
  auto record = active_->Find(key.shard, stored_key);
  if (!record && sealed_ != nullptr) record = sealed_->Find(key.shard, stored_key);
  return record;
}

uint64_t PendingWrites::Collect(uint32_t shard, uint64_t from, uint64_t to, size_t enough,
                                std::vector<PendingRecord>* found) const {
  const size_t end = to == 0 ? PendingSegment::kBuckets : PendingSegment::BucketOf(to - 1) + 1;
  std::vector<PendingRecord> newer;
  std::vector<PendingRecord> older;
  for (size_t bucket = PendingSegment::BucketOf(from); bucket < end; ++bucket) {
    newer.clear();
    older.clear();
    active_->Collect(bucket, shard, &newer);
    if (sealed_ != nullptr) sealed_->Collect(bucket, shard, &older);
    const auto by_key = [](const PendingRecord& a, const PendingRecord& b) {
      return a.stored_key < b.stored_key;  // Positions are big-endian, so this is their order.
    };
    const size_t begin = found->size();
    // Of equal keys, set_union takes the first range's.
    std::set_union(newer.begin(), newer.end(), older.begin(), older.end(),
                   std::back_inserter(*found), by_key);
    const auto outside = [&](const PendingRecord& record) {
      const uint64_t position = PositionOf(record);
      return position < from || (to != 0 && position >= to);
    };
    found->erase(
        std::remove_if(found->begin() + static_cast<std::ptrdiff_t>(begin), found->end(), outside),
        found->end());
    if (found->size() >= enough && bucket + 1 < end) {
      return static_cast<uint64_t>(bucket + 1) << 54;
    }
  }
  return to;
}

size_t PendingWrites::DueWith(size_t writes, size_t bytes) const {
  if (sealed_ == nullptr) return 0;
  const size_t left = sealed_->left();
  const size_t added = PendingSegment::BytesOf(writes, bytes);
  const size_t half = segment_bytes_ / 2;
  const size_t until = active_->bytes() < half ? half : segment_bytes_;
  const size_t room = until - std::min(until, active_->bytes());
  if (added >= room) return left;
  // Neither factor reaches 2^32: entries are counted in 32 bits, and `added` is below `room`.
  return static_cast<size_t>((uint64_t{left} * added + room - 1) / room);
}

std::vector<PendingRecord> PendingWrites::TakeRun(size_t count) {
  std::vector<PendingRecord> run;
  if (sealed_ == nullptr) return run;
  sealed_->TakeRun(count, &run);
  active_->RemoveFound(&run);
  return run;
}

void PendingWrites::RestartRuns() {
  if (sealed_ != nullptr) sealed_->RestartRuns();
}

void PendingWrites::Add(CommitNumber commit, std::string writes) {
  if (sealed_ != nullptr) {
    std::string_view left = writes;
    while (!left.empty()) {
      const std::optional<PendingWrite> write = TakePendingWrite(&left);
      assert(write.has_value());
      if (!write->put) sealed_->Settle(write->shard, write->stored_key);
    }
  }
  active_->Add(commit, std::move(writes));
  if (active_->bytes() >= segment_bytes_ && sealed_ == nullptr) {
    // The next one will be much like this one.
    sealed_ = std::exchange(active_, std::make_shared<PendingSegment>(seed_, active_->keys()));
  }
}

void PendingWrites::Clear() {
  active_ = std::make_shared<PendingSegment>(seed_);
  sealed_.reset();
}

size_t PendingWrites::bytes() const {
  return active_->bytes() + (sealed_ != nullptr ? sealed_->bytes() : 0);
}

}  // namespace weir::store
