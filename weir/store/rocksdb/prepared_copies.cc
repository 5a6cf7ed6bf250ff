#include "weir/store/rocksdb/prepared_copies.h"

#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/sst_file_writer.h>

#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

// No name that RocksDB knows, so that it neither uses nor removes the file.
constexpr char kNamePrefix[] = "copies-";

// One table file that is being written.
class TableFile {
 public:
  TableFile(const DatabaseSetting& setting, const rocksdb::ColumnFamilyOptions& family)
      : env_(*setting.env),
        options_(setting.db_options, family),
        writer_(rocksdb::EnvOptions(options_), options_, nullptr,
                /*invalidate_page_cache=*/false) {}

  Status Open(const std::string& path) {
    if (env_.FileExists(path).ok()) {
      const Status removed = env_.DeleteFile(path);
      if (!removed.ok()) return removed;
    }
    return writer_.Open(path);
  }
  Status Put(const Slice& key, const Slice& value) { return writer_.Put(key, value); }
  // Synced when it returns.
  Status Finish() { return writer_.Finish(); }

 private:
  rocksdb::Env& env_;
  const rocksdb::Options options_;
  rocksdb::SstFileWriter writer_;
};

bool InOrder(const Write& before, const Write& after) {
  return std::tie(before.key.position, before.key.key) <
         std::tie(after.key.position, after.key.key);
}

void AppendPlace(const Key& key, std::string* to) {
  char position[kPositionBytes];
  EncodePosition(key.position, position);
  to->append(position, kPositionBytes);
  to->append(key.key);
}

}  // namespace

bool PreparedCopies::Fits(const Batch& batch) {
  if (!batch.copies || batch.clear || batch.writes.empty()) return false;
  const uint32_t shard = batch.writes.front().key.shard;
  const auto fits = [shard](const store::Write& write) {
    return write.record && write.known && !write.known->existed && write.key.shard == shard &&
           write.record->value.size() < kBlobBytesMin;
  };
  const auto unordered = [](const store::Write& before, const store::Write& after) {
    return !InOrder(before, after);
  };
  return std::all_of(batch.writes.begin(), batch.writes.end(), fits) &&
         std::adjacent_find(batch.writes.begin(), batch.writes.end(), unordered) ==
             batch.writes.end();
}

PreparedCopies::PreparedCopies(const DatabaseSetting& setting, uint64_t number)
    : setting_(setting),
      env_(setting.env),
      records_path_(setting.path + "/" + kNamePrefix + "records-" + std::to_string(number)),
      expiries_path_(setting.path + "/" + kNamePrefix + "expiries-" + std::to_string(number)),
      state_path_(setting.path + "/" + kNamePrefix + "state-" + std::to_string(number)) {}

PreparedCopies::~PreparedCopies() {
  for (const std::string* path : {&records_path_, &expiries_path_, &state_path_}) {
    // Most are gone; one that stays is removed when the directory is opened.
    env_->DeleteFile(*path).PermitUncheckedError();
  }
}

Result<Ok> PreparedCopies::RemoveLeft(const DatabaseSetting& setting) {
  std::vector<std::string> names;
  // A directory that is not there holds nothing.
  if (!setting.env->GetChildren(setting.path, &names).ok()) return Ok{};
  for (const std::string& name : names) {
    if (!name.starts_with(kNamePrefix)) continue;
    const Status removed = setting.env->DeleteFile(setting.path + "/" + name);
    if (!removed.ok()) {
      return Error{ErrorCode::kUnavailable,
                   "a file that a copy left cannot be removed: " + removed.ToString()};
    }
  }
  return Ok{};
}

Result<std::shared_ptr<PreparedCopies>> PreparedCopies::Write(const DatabaseSetting& setting,
                                                              const Batch& batch, uint64_t number) {
  assert(Fits(batch));
  std::shared_ptr<PreparedCopies> copies(new PreparedCopies(setting, number));
  const Status status = copies->WriteRecords(batch);
  if (status.ok()) return copies;
  return Error{ErrorCode::kUnavailable, "copies cannot be written: " + status.ToString()};
}

Status PreparedCopies::WriteRecords(const Batch& batch) {
  shard_ = batch.writes.front().key.shard;
  TableFile file(setting_, setting_.records_options);
  Status status = file.Open(records_path_);
  std::string key;
  std::string stored;
  std::vector<std::string> expiries;
  for (const store::Write& write : batch.writes) {
    if (!status.ok()) return status;
    const Record& record = *write.record;
    assert(record.version == write.version);
    key.clear();
    AppendPlace(write.key, &key);
    char header[kRecordHeaderBytesMax];
    stored.assign(header, EncodeRecordHeader(write.key.position, write.key.key, record, header));
    stored.append(record.value.view());
    status = file.Put(key, stored);
    bytes_ += key.size() + stored.size();
    version_max_ = std::max(version_max_, write.version);
    if (record.expires_at == kNever) continue;
    earliest_ = std::min(earliest_, record.expires_at);
    char expiry[kExpiryBytes];
    EncodeExpiry(record.expires_at, expiry);
    expiries.push_back(std::string(expiry, kExpiryBytes) + key);
  }
  if (status.ok()) status = file.Finish();
  return status.ok() ? WriteExpiries(std::move(expiries)) : status;
}

Status PreparedCopies::WriteExpiries(std::vector<std::string> entries) {
  with_expiry_ = entries.size();
  if (entries.empty()) return Status::OK();
  std::sort(entries.begin(), entries.end());
  TableFile file(setting_, setting_.index_options);
  Status status = file.Open(expiries_path_);
  for (const std::string& entry : entries) {
    if (status.ok()) status = file.Put(entry, Slice());
  }
  return status.ok() ? file.Finish() : status;
}

Status PreparedCopies::WriteState(const std::string& state) {
  TableFile file(setting_, setting_.index_options);
  Status status = file.Open(state_path_);
  if (status.ok()) status = file.Put(Slice(kStateKey.data(), kStateKey.size()), state);
  return status.ok() ? file.Finish() : status;
}

// While a snapshot is held the files get a sequence number of their own, so that no view from
// before shows anything of them.
Status PreparedCopies::Ingest(Database& database) {
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.write_global_seqno = false;
  std::vector<rocksdb::IngestExternalFileArg> files(2);
  files[0].column_family = database.state();
  files[0].external_files = {state_path_};
  files[1].column_family = database.records(shard_);
  files[1].external_files = {records_path_};
  if (with_expiry_ > 0) {
    files.emplace_back();
    files[2].column_family = database.expiry(shard_);
    files[2].external_files = {expiries_path_};
  }
  for (rocksdb::IngestExternalFileArg& each : files) each.options = options;
  const rocksdb::ManagedSnapshot before(&database.rocks());
  return database.rocks().IngestExternalFiles(files);
}

}  // namespace weir::store
