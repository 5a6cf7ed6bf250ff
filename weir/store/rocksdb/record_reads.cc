#include "weir/store/rocksdb/record_reads.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <string>

#include "weir/store/limits.h"
#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

constexpr size_t kReadaheadBytes = size_t{256} << 10;

Error DamagedRecord() {
  return ReadError(Status::Corruption("record"));
}

// Takes records in order, until the scan has its fill.
class ScanTaker {
 public:
  ScanTaker(const ScanRange& range, Scanned* scanned) : range_(range), scanned_(*scanned) {}

  // Returns false when the scan stops before this one.
  Result<bool> Take(std::string_view stored_key, std::string_view stored_record) {
    const auto stored = DecodeRecord(stored_key, stored_record);
    if (!stored) return DamagedRecord();
    const uint64_t position = DecodePosition(stored_key.data());
    if (IsFull(range_, scanned_.items.size(), bytes_) &&
        position != scanned_.items.back().position) {
      scanned_.next = position;
      return false;
    }
    Scanned::Item& item = scanned_.items.emplace_back();
    item.position = position;
    item.key = stored_key.substr(kPositionBytes);
    item.record.expires_at = stored->expires_at;
    item.record.version = stored->version;
    if (range_.with_values) item.record.value = Bytes::Copy(stored->value);
    bytes_ += item.key.size() + item.record.value.size();
    return true;
  }

 private:
  const ScanRange& range_;
  Scanned& scanned_;
  size_t bytes_ = 0;
};

}  // namespace

PendingLoads LookForLoads(const PendingWrites& pending, const std::vector<Key>& keys) {
  PendingLoads found{pending.hold(), {}};
  found.records.reserve(keys.size());
  for (const Key& key : keys) found.records.push_back(pending.Find(key));
  return found;
}

PendingScan LookForScan(const PendingWrites& pending, const ScanRange& range) {
  PendingScan found{pending.hold(), {}, 0};
  found.complete_to =
      pending.Collect(range.shard, range.from, range.to, range.limit, &found.records);
  return found;
}

// One Get after another, not MultiGet: that reads the blocks of all keys of a table before it
// returns the first value, and a block is as large as the value in it.
Result<Loads> LoadRecords(Database& database, const ReadGate::View& view,
                          const PendingLoads& pending, const std::vector<Key>& keys,
                          size_t bytes_max) {
  Loads loads{view.commit, view.now, {}, {}};
  loads.records.reserve(keys.size());
  LoadRoom room(bytes_max);
  rocksdb::ReadOptions options;
  options.snapshot = view.snapshot;
  std::string stored_key;
  rocksdb::PinnableSlice value;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Key& key = keys[i];
    assert(key.shard < database.shards());
    stored_key.resize(kPositionBytes);
    EncodePosition(key.position, stored_key.data());
    stored_key += key.key;
    std::optional<Record>& record = loads.records.emplace_back();
    value.Reset();
    if (!pending.records[i]) {
      const Status status =
          database.rocks().Get(options, database.records(key.shard), stored_key, &value);
      if (status.IsNotFound()) continue;
      if (!status.ok()) return ReadError(status);
    }
    const auto stored = DecodeRecord(stored_key, pending.records[i].value_or(value.ToStringView()));
    if (!stored) return DamagedRecord();
    record = Record{Bytes(), stored->expires_at, stored->version};
    if (room.Take(stored->value.size())) {
      record->value = Bytes::Copy(stored->value);
    } else {
      loads.left.push_back({i, stored->value.size()});
    }
  }
  return loads;
}

Result<Scanned> ScanRecords(Database& database, const ReadGate::View& view,
                            const PendingScan& pending, const ScanRange& range) {
  Scanned scanned{view.commit, view.now, {}, std::nullopt};
  ScanTaker taker(range, &scanned);
  char from[kPositionBytes];
  char to[kPositionBytes];
  EncodePosition(range.from, from);
  EncodePosition(pending.complete_to, to);
  const Slice end(to, kPositionBytes);
  rocksdb::ReadOptions options;
  options.snapshot = view.snapshot;
  options.fill_cache = false;
  // Many values are read block after block.
  if (range.with_values && range.bytes_max > kReadaheadBytes)
    options.readahead_size = kReadaheadBytes;
  if (pending.complete_to != 0) options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> at(
      database.rocks().NewIterator(options, database.records(range.shard)));
  at->Seek(Slice(from, kPositionBytes));
  auto next = pending.records.begin();
  while (at->Valid() || next != pending.records.end()) {
    const bool is_pending = !at->Valid() || (next != pending.records.end() &&
                                             next->stored_key <= at->key().ToStringView());
    if (is_pending && at->Valid() && next->stored_key == at->key().ToStringView()) at->Next();
    const Result<bool> taken =
        is_pending ? taker.Take(next->stored_key, next->stored_record)
                   : taker.Take(at->key().ToStringView(), at->value().ToStringView());
    if (!taken.ok()) return taken.error();
    if (!taken.value()) return scanned;
    if (is_pending) {
      ++next;
    } else {
      at->Next();
    }
  }
  if (!at->status().ok()) return ReadError(at->status());
  if (pending.complete_to != range.to) scanned.next = pending.complete_to;
  return scanned;
}

Result<Counts> CountRecords(Database& database, const ReadGate::View& view, WallTime now) {
  rocksdb::ReadOptions options;
  options.snapshot = view.snapshot;
  std::string stored;
  const Status status = database.rocks().Get(options, database.state(),
                                             Slice(kStateKey.data(), kStateKey.size()), &stored);
  if (!status.ok()) return ReadError(status);
  const auto state = DecodeState(stored);
  if (!state) return ReadError(Status::Corruption("state record"));
  Counts counts;
  counts.commit = view.commit;
  counts.now = view.now;
  now = std::max(now, view.now);
  char floor[kExpiryBytes];
  EncodeExpiry(view.expiry_floor, floor);
  options.fill_cache = false;
  for (uint32_t shard = 0; shard < database.shards(); ++shard) {
    counts.records += state->shards[shard].records;
    counts.with_expiry += state->shards[shard].with_expiry;
    const std::unique_ptr<rocksdb::Iterator> at(
        database.rocks().NewIterator(options, database.expiry(shard)));
    for (at->Seek(Slice(floor, kExpiryBytes)); at->Valid(); at->Next()) {
      if (at->key().size() < kExpiryBytes) return ReadError(Status::Corruption("index entry"));
      if (DecodeExpiry(at->key().data()) > now) break;
      ++counts.due;
    }
    if (!at->status().ok()) return ReadError(at->status());
  }
  return counts;
}

}  // namespace weir::store
