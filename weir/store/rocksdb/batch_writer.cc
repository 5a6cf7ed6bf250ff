#include "weir/store/rocksdb/batch_writer.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <random>
#include <tuple>

#include "weir/base/prefetch.h"
#include "weir/store/limits.h"
#include "weir/store/rocksdb/prepared_copies.h"

namespace weir::store {
namespace {

using rocksdb::Slice;
using rocksdb::SliceParts;
using rocksdb::Status;

// A batch larger than this gives its memory back.
constexpr size_t kStagedBytesKept = size_t{4} << 20;
// Moved into the tables with each batch, if there are so many, however small it is.
constexpr size_t kRunRecordsMin = 16;
// Records of a run whose bytes are asked for ahead.
constexpr size_t kRunAhead = 8;

// Below every position, and too short to be one (database.cc, OneHint).
const std::string kBeginOfPositions(1, '\0');
// Above every position but the last, and above every expiry.
const std::string kEndOfPositions(kPositionBytes, '\xff');

Error DamagedIndex() {
  return {ErrorCode::kCorrupt, "an expiry index entry is damaged; restore from a backup"};
}

// The beginning of a record, where small ones end; what follows the processor asks for by itself.
void PrefetchRecord(const PendingRecord& record) {
  constexpr size_t kLineBytes = 64;
  Prefetch(record.stored_key.data());
  Prefetch(record.stored_record.data() + kLineBytes);
}

// Nobody can choose keys that meet in the table of what is pending.
uint64_t SecretSeed() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

}  // namespace

BatchWriter::BatchWriter(Durability durability, size_t segment_bytes, ReadGate* gate,
                         const BackgroundErrors* background_errors)
    : durability_(durability),
      gate_(gate),
      background_errors_(background_errors),
      pending_(segment_bytes, SecretSeed()) {}

Result<Ok> BatchWriter::Attach(Database* database) {
  database_ = database;
  pending_.Clear();  // Opening the database has moved it all.
  return ReadState();
}

Result<Ok> BatchWriter::ReadState() {
  std::string stored;
  const Status status = database_->rocks().Get(rocksdb::ReadOptions(), database_->state(),
                                               Slice(kStateKey.data(), kStateKey.size()), &stored);
  if (!status.ok() && !status.IsNotFound()) return ReadError(status);
  std::optional<State> state = DecodeState(stored);
  if (!state || state->shards.size() != database_->shards()) {
    return Error{ErrorCode::kCorrupt,
                 "the state record is missing or damaged; restore from a backup"};
  }
  state_ = std::move(*state);
  commit_ = std::max(commit_, state_.commit);
  version_max_ = std::max(version_max(), state_.version_max);
  return Ok{};
}

Result<Ok> BatchWriter::Initialize(Database* database) {
  State empty;
  empty.shards.resize(database->shards());
  EncodeState(empty, &state_bytes_);
  rocksdb::WriteOptions options;
  options.sync = true;
  const Status status = database->rocks().Put(
      options, database->state(), Slice(kStateKey.data(), kStateKey.size()), state_bytes_);
  if (!status.ok()) {
    return Error{ErrorCode::kUnavailable, "the database cannot be made: " + status.ToString()};
  }
  return Ok{};
}

Result<Applied> BatchWriter::Apply(const Batch& batch) {
  if (batch.prepared) return Ingest(batch);
  Reset();
  now_ = batch.now;
  // At once, since a string that grows is in memory twice meanwhile.
  const size_t bytes = BytesOf(batch);
  if (bytes > kStagedBytesKept) staged_ = rocksdb::WriteBatch(bytes + bytes / 8);
  Applied applied;
  applied.priors.resize(batch.writes.size());
  auto found = batch.clear ? StageClear() : FindPriors(batch.writes, &applied.priors);
  if (!found.ok()) return found.error();
  Divide(batch, applied.priors);
  // First, so that what the batch writes to the same keys comes after it.
  if (!batch.clear) {
    StageRun(pending_.DueWith(batch.writes.size() - places_.size(), pending_bytes_.size()));
  }
  for (const Place& place : places_) Stage(batch.writes[place.index], applied.priors[place.index]);
  Version version_max = this->version_max();
  for (const Write& write : batch.writes) version_max = std::max(version_max, write.version);
  // Before the outcome is known, since an unknown one may yet be applied.
  version_max_.store(version_max, std::memory_order_relaxed);
  Result<CommitNumber> commit = Commit();
  if (!commit.ok()) return commit.error();
  applied.commit = commit.value();
  counters_.writes += batch.writes.size();
  counters_.left_pending += batch.writes.size() - places_.size();
  return applied;
}

// What is pending waits: only a batch that leaves something pending makes it move.
Result<Applied> BatchWriter::Ingest(const Batch& batch) {
  Reset();
  now_ = batch.now;
  auto& copies = static_cast<PreparedCopies&>(*batch.prepared);
  earliest_ = copies.earliest();
  ShardCounts& counts = state_.shards[copies.shard()];
  const ShardCounts before = counts;
  counts.records += batch.writes.size();
  counts.with_expiry += copies.with_expiry();
  version_max_.store(std::max(version_max(), copies.version_max()), std::memory_order_relaxed);
  state_.commit = ++commit_;
  state_.version_max = version_max();
  EncodeState(state_, &state_bytes_);
  if (const Status status = copies.WriteState(state_bytes_); !status.ok()) {
    counts = before;
    state_.commit = --commit_;
    return Error{ErrorCode::kUnavailable, "copies cannot be written: " + status.ToString()};
  }
  gate_->BeginBatch(commit_, earliest_);
  const Status status = copies.Ingest(*database_);
  if (!status.ok()) return Failed(status);
  gate_->EndBatch(now_, [] {});
  ++counters_.batches;
  ++counters_.ingested;
  counters_.writes += batch.writes.size();
  counters_.bytes_written += copies.bytes();
  Applied applied;
  applied.commit = commit_;
  applied.priors.resize(batch.writes.size());
  return applied;
}

// One Get after another, so that one old value at a time is in memory, however large they are.
Result<Ok> BatchWriter::FindPriors(const std::vector<Write>& writes, std::vector<Prior>* priors) {
  for (size_t i = 0; i < writes.size(); ++i) {
    const Write& write = writes[i];
    Prior& prior = (*priors)[i];
    if (write.known) {
      prior = *write.known;
      continue;
    }
    if (pending_.Find(write.key)) {
      prior = {true, kNever};
      continue;
    }
    lookup_key_.resize(kPositionBytes);
    EncodePosition(write.key.position, lookup_key_.data());
    lookup_key_ += write.key.key;
    lookup_value_.Reset();
    const Status status = database_->rocks().Get(
        rocksdb::ReadOptions(), database_->records(write.key.shard), lookup_key_, &lookup_value_);
    ++counters_.lookups;
    if (status.IsNotFound()) continue;
    if (!status.ok()) return ReadError(status);
    const auto record = DecodeRecord(lookup_key_, lookup_value_.ToStringView());
    if (!record) return ReadError(Status::Corruption("record"));
    prior = {true, record->expires_at};
  }
  lookup_value_.Reset();
  return Ok{};
}

// Copies come in order of position and many at once: for them a stay among what is pending would be
// a second write to the log, and save nothing.
void BatchWriter::Divide(const Batch& batch, const std::vector<Prior>& priors) {
  const std::vector<Write>& writes = batch.writes;
  const auto is_plain = [&](uint32_t index) {
    const std::optional<Record>& record = writes[index].record;
    return !batch.copies && record && record->expires_at == kNever &&
           record->value.size() <= PendingWrites::kValueBytesMax &&
           (!priors[index].existed || priors[index].expires_at == kNever);
  };
  places_.clear();
  size_t bytes = 0;
  for (uint32_t i = 0; i < writes.size(); ++i) {
    assert(writes[i].key.shard < database_->shards());
    if (is_plain(i)) {
      bytes += PendingPutBytes(writes[i].key, *writes[i].record);
    } else {
      places_.push_back({writes[i].key.position, writes[i].key.shard, i});
    }
  }
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return std::tie(a.shard, a.position, a.index) < std::tie(b.shard, b.position, b.index);
  });
  pending_bytes_.reserve(bytes);
  for (uint32_t i = 0; i < writes.size(); ++i) {
    const Write& write = writes[i];
    if (is_plain(i)) {
      assert(write.record->version == write.version);
      AppendPendingPut(write.key, *write.record, &pending_bytes_);
      state_.shards[write.key.shard].records += uint64_t{!priors[i].existed};
    } else if (pending_.Find(write.key)) {
      AppendPendingSettled(write.key, &pending_bytes_);
    }
  }
}

void BatchWriter::StageRun(size_t due) {
  const std::vector<PendingRecord> run = pending_.TakeRun(std::max(due, kRunRecordsMin));
  for (size_t i = 0; i < run.size(); ++i) {
    if (i + kRunAhead < run.size()) PrefetchRecord(run[i + kRunAhead]);
    const PendingRecord& record = run[i];
    const Status status = staged_.Put(database_->records(record.shard), Slice(record.stored_key),
                                      Slice(record.stored_record));
    assert(status.ok());
  }
  counters_.moved += run.size();
  moves_last_ = pending_.taken_all();
  if (!moves_last_) return;
  const auto [first, last] = pending_.sealed_commits();
  StageForgetPending(first, last + 1);
}

void BatchWriter::StageForgetPending(CommitNumber from, CommitNumber to) {
  StageRemoval(database_->pending(), StoredCommit(from), StoredCommit(to));
}

// With an entry that stays, below all others. A compaction that keeps nothing at all, and then
// fails to write it, ends the process by an assertion of RocksDB on the bounds of its output.
void BatchWriter::StageRemoval(rocksdb::ColumnFamilyHandle* family, const std::string& from,
                               const std::string& to) {
  Status status = staged_.DeleteRange(family, from, to);
  if (status.ok())
    status = staged_.Put(family, Slice(kLowestKey.data(), kLowestKey.size()), Slice());
  assert(status.ok());
}

void BatchWriter::Stage(const Write& write, const Prior& prior) {
  assert(!write.record || write.record->version == write.version);
  const WallTime before = prior.existed ? prior.expires_at : kNever;
  const WallTime after = write.record ? write.record->expires_at : kNever;
  rocksdb::ColumnFamilyHandle* const records = database_->records(write.key.shard);
  ShardCounts& counts = state_.shards[write.key.shard];
  char position[kPositionBytes];
  EncodePosition(write.key.position, position);
  const Slice key[] = {Slice(position, kPositionBytes), write.key.key};
  Status status;
  if (write.record) {
    char header[kRecordHeaderBytesMax];
    const size_t header_bytes =
        EncodeRecordHeader(write.key.position, write.key.key, *write.record, header);
    const std::string_view bytes = write.record->value.view();
    const Slice value[] = {Slice(header, header_bytes), Slice(bytes.data(), bytes.size())};
    status = staged_.Put(records, SliceParts(key, 2), SliceParts(value, 2));
  } else if (prior.existed) {
    status = staged_.Delete(records, SliceParts(key, 2));
  }
  assert(status.ok());
  if (before != after) {
    if (before != kNever) StageIndexEntry(write.key, before, /*present=*/false);
    if (after != kNever) StageIndexEntry(write.key, after, /*present=*/true);
    earliest_ = std::min(earliest_, after);
  }
  counts.records += uint64_t{write.record.has_value()} - uint64_t{prior.existed};
  counts.with_expiry += uint64_t{after != kNever} - uint64_t{before != kNever};
}

void BatchWriter::StageIndexEntry(const Key& key, WallTime expires_at, bool present) {
  char prefix[kExpiryBytes + kPositionBytes];
  EncodeExpiry(expires_at, prefix);
  EncodePosition(key.position, prefix + kExpiryBytes);
  const Slice parts[] = {Slice(prefix, sizeof(prefix)), key.key};
  rocksdb::ColumnFamilyHandle* const index = database_->expiry(key.shard);
  const Slice empty;
  const Status status = present ? staged_.Put(index, SliceParts(parts, 2), SliceParts(&empty, 1))
                                : staged_.Delete(index, SliceParts(parts, 2));
  assert(status.ok());
}

Result<Expired> BatchWriter::Expire(WallTime now, size_t limit) {
  Reset();
  now_ = now;
  Expired expired;
  const std::vector<ShardCounts> counts = state_.shards;
  const Status status = StageRemovals(now, limit, &expired);
  if (!status.ok()) {
    state_.shards = counts;
    return status.IsCorruption() ? DamagedIndex() : ReadError(status);
  }
  expired.commit = commit_;
  if (expired.removed > 0) {
    Result<CommitNumber> commit = Commit();
    if (!commit.ok()) return commit.error();
    expired.commit = commit.value();
    counters_.writes += expired.removed;
  }
  gate_->RaiseExpiryFloor(expired.next);
  return expired;
}

// Merges the shards' indexes, which are few, by looking at the head of each.
Status BatchWriter::StageRemovals(WallTime now, size_t limit, Expired* expired) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  char floor[kExpiryBytes];
  EncodeExpiry(gate_->expiry_floor(), floor);
  std::vector<std::unique_ptr<rocksdb::Iterator>> heads(database_->shards());
  for (uint32_t shard = 0; shard < heads.size(); ++shard) {
    heads[shard].reset(database_->rocks().NewIterator(options, database_->expiry(shard)));
    heads[shard]->Seek(Slice(floor, kExpiryBytes));
  }
  for (;;) {
    std::optional<uint32_t> first;
    for (uint32_t shard = 0; shard < heads.size(); ++shard) {
      if (!heads[shard]->Valid()) {
        if (!heads[shard]->status().ok()) return heads[shard]->status();
        continue;
      }
      const Slice entry = heads[shard]->key();
      if (entry.size() < kExpiryBytes + kPositionBytes) return Status::Corruption("index entry");
      if (!first || entry.compare(heads[*first]->key()) < 0) first = shard;
    }
    if (!first) return Status::OK();
    const Slice entry = heads[*first]->key();
    expired->next = DecodeExpiry(entry.data());
    if (expired->next > now || expired->removed == limit) return Status::OK();
    const Slice record_key(entry.data() + kExpiryBytes, entry.size() - kExpiryBytes);
    Status status = staged_.Delete(database_->expiry(*first), entry);
    if (status.ok()) status = staged_.Delete(database_->records(*first), record_key);
    assert(status.ok());
    --state_.shards[*first].records;
    --state_.shards[*first].with_expiry;
    ++expired->removed;
    expired->keys.emplace_back(entry.data() + kExpiryBytes + kPositionBytes,
                               entry.size() - kExpiryBytes - kPositionBytes);
    expired->next = kNever;
    heads[*first]->Next();
  }
}

Result<CommitNumber> BatchWriter::Clear() {
  Reset();
  if (auto staged = StageClear(); !staged.ok()) return staged.error();
  return Commit();
}

Result<Ok> BatchWriter::StageClear() {
  for (uint32_t shard = 0; shard < database_->shards(); ++shard) {
    const Status status = StageClear(shard);
    if (!status.ok()) return ReadError(status);
  }
  StageForgetPending(1, kEndOfCommits);
  clears_ = true;
  state_.shards.assign(database_->shards(), {});
  return Ok{};
}

// A range deletion cannot name the end of the key space, so the records at the very last position,
// if there are any, are removed one by one.
Status BatchWriter::StageClear(uint32_t shard) {
  rocksdb::ColumnFamilyHandle* const records = database_->records(shard);
  StageRemoval(records, kBeginOfPositions, kEndOfPositions);
  StageRemoval(database_->expiry(shard), kBeginOfPositions, kEndOfPositions);
  const std::unique_ptr<rocksdb::Iterator> last(
      database_->rocks().NewIterator(rocksdb::ReadOptions(), records));
  for (last->Seek(kEndOfPositions); last->Valid(); last->Next()) {
    [[maybe_unused]] const Status status = staged_.Delete(records, last->key());
    assert(status.ok());
  }
  return last->status();
}

Result<CommitNumber> BatchWriter::PutMetadata(const std::string& name, const std::string& value) {
  Reset();
  const Status status = staged_.Put(database_->state(), std::string(kMetadataPrefix) + name, value);
  assert(status.ok());
  return Commit();
}

Result<CommitNumber> BatchWriter::Commit() {
  state_.commit = ++commit_;
  state_.version_max = version_max();
  EncodeState(state_, &state_bytes_);
  Status status =
      staged_.Put(database_->state(), Slice(kStateKey.data(), kStateKey.size()), state_bytes_);
  assert(status.ok());
  if (!pending_bytes_.empty()) {
    status = staged_.Put(database_->pending(), StoredCommit(commit_), pending_bytes_);
    assert(status.ok());
  }
  database_->MakeRoom(staged_.GetDataSize());
  gate_->BeginBatch(commit_, earliest_);
  rocksdb::WriteOptions options;
  // In this very write: a write that is synced afterwards is visible before it is durable.
  options.sync = durability_ == Durability::kFsync;
  status = database_->rocks().Write(options, &staged_);
  if (!status.ok()) return Failed(status);
  std::shared_ptr<const PendingSegment> moved;  // Freed when readers need not wait for it.
  gate_->EndBatch(now_, [&] {
    if (clears_) pending_.Clear();
    if (moves_last_) moved = pending_.Moved();
    if (!pending_bytes_.empty()) pending_.Add(commit_, std::exchange(pending_bytes_, {}));
  });
  if (moves_last_) database_->SegmentMoved();
  ++counters_.batches;
  counters_.fsyncs += options.sync ? 1 : 0;
  counters_.bytes_written += staged_.GetDataSize();
  DropStaged();
  return commit_;
}

Error BatchWriter::Failed(const Status& status) {
  if (background_errors_->Refused(status)) {
    gate_->AbandonBatch();
    --commit_;
    // Back to the state before this batch.
    pending_.RestartRuns();
    if (ReadState().ok()) {
      return background_errors_->refusal().value_or(TableError(status.ToString()));
    }
  }
  const std::string why = "the log could not be written (" + status.ToString() + ")";
  gate_->Close(why);
  return {ErrorCode::kUnknown, why + ", so the batch may or may not be applied"};
}

void BatchWriter::DropStaged() {
  if (staged_.GetDataSize() > kStagedBytesKept) {
    staged_ = rocksdb::WriteBatch();
  } else {
    staged_.Clear();
  }
}

void BatchWriter::Reset() {
  DropStaged();
  earliest_ = kNever;
  pending_bytes_.clear();
  moves_last_ = false;
  clears_ = false;
}

}  // namespace weir::store
