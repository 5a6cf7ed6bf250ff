#include "weir/store/rocksdb/file_check.h"

#include <memory>
#include <string>
#include <vector>

#include <rocksdb/sst_file_reader.h>

#include "weir/store/rocksdb/checkpoint.h"
#include "weir/store/rocksdb/log_check.h"
#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

// No file is deleted while it lives.
class FilesStay {
 public:
  explicit FilesStay(rocksdb::DB& rocks) : rocks_(rocks), status_(rocks.DisableFileDeletions()) {}
  ~FilesStay() {
    // Whoever else keeps files, such as a backup that begins, goes on doing so.
    if (status_.ok()) rocks_.EnableFileDeletions(/*force=*/false).PermitUncheckedError();
  }
  FilesStay(const FilesStay&) = delete;
  FilesStay& operator=(const FilesStay&) = delete;
  const Status& status() const { return status_; }

 private:
  rocksdb::DB& rocks_;
  const Status status_;
};

Error GivenUp() {
  return {ErrorCode::kUnavailable, "the check of the files was given up"};
}

Error DamagedFile(const std::string& path, const Status& status) {
  // A file that ends too early, or whose footer is not one, is reported as this too.
  const bool damaged = status.IsCorruption() || status.IsInvalidArgument() ||
                       status.IsNotSupported() || status.IsPathNotFound();
  if (!damaged) return ReadError(status);
  return ReadError(Status::Corruption(path, status.ToString()));
}

// The database as a restart would find it.
class StoredFiles {
 public:
  StoredFiles(const DatabaseSetting& setting, const FileRange& range,
              const std::function<bool()>& stops)
      : range_(range), stops_(stops), shared_(setting.env->GetFileSystem()) {
    RocksDbOptions options;
    options.durability = setting.durability;
    options.block_cache_bytes = 0;
    options.write_buffer_bytes = kWriteBufferBytesMin;
    setting_ = MakeDatabaseSetting(options, rocksdb::NewCompositeEnv(shared_), setting.path,
                                   setting.shards);
  }

  Result<Ok> Check() {
    auto opened = Database::OpenReadOnly(*setting_);
    if (!opened.ok()) return opened.error();
    database_ = std::move(opened).value();
    if (!range_.tables) return Ok{};
    if (auto checked = CheckTables(); !checked.ok()) return checked;
    uint64_t files = 0;
    database_->rocks().GetIntProperty(records(), rocksdb::DB::Properties::kNumBlobFiles, &files);
    return files == 0 ? Result<Ok>(Ok{}) : CheckLargeValues();
  }

 private:
  rocksdb::ColumnFamilyHandle* records() const { return database_->records(range_.shard); }

  bool Concerns(const rocksdb::LiveFileMetaData& file) const {
    const std::string& family = file.column_family_name;
    if (family != records()->GetName()) {
      return family == database_->state()->GetName() || family == database_->pending()->GetName() ||
             family == database_->expiry(range_.shard)->GetName();
    }
    std::string bound(kPositionBytes, '\0');
    EncodePosition(range_.from, bound.data());
    if (file.largestkey < bound) return false;
    EncodePosition(range_.to, bound.data());
    return range_.to == 0 || file.smallestkey < bound;
  }

  Result<Ok> CheckTables() {
    std::vector<rocksdb::LiveFileMetaData> files;
    database_->rocks().GetLiveFilesMetaData(&files);
    for (const rocksdb::LiveFileMetaData& file : files) {
      if (!Concerns(file)) continue;
      if (stops_()) return GivenUp();
      const std::string path = setting_->path + file.name;
      rocksdb::SstFileReader table(
          rocksdb::Options(setting_->db_options, setting_->records_options));
      Status status = table.Open(path);
      if (status.ok()) status = table.VerifyChecksum();
      if (!status.ok()) return DamagedFile(path, status);
    }
    return Ok{};
  }

  Result<Ok> CheckLargeValues() {
    char from[kPositionBytes];
    char to[kPositionBytes];
    EncodePosition(range_.from, from);
    EncodePosition(range_.to, to);
    const Slice end(to, kPositionBytes);
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    if (range_.to != 0) options.iterate_upper_bound = &end;
    const std::unique_ptr<rocksdb::Iterator> at(database_->rocks().NewIterator(options, records()));
    for (at->Seek(Slice(from, kPositionBytes)); at->Valid(); at->Next()) {
      if (stops_()) return GivenUp();
    }
    if (!at->status().ok()) return DamagedFile(setting_->path, at->status());
    return Ok{};
  }

  const FileRange& range_;
  const std::function<bool()>& stops_;
  const std::shared_ptr<rocksdb::FileSystem> shared_;
  std::unique_ptr<DatabaseSetting> setting_;
  std::unique_ptr<Database> database_;
};

Result<Ok> CheckFormat(const DatabaseSetting& setting, const DataDirectory& directory) {
  const auto format = directory.ReadFormat();
  if (!format.ok()) return format.error();
  if (format.value() && format.value()->ready() && format.value()->shards == setting.shards) {
    return Ok{};
  }
  return Error{ErrorCode::kCorrupt, directory.path() + "/FORMAT is damaged"};
}

}  // namespace

Result<Ok> CheckFilesOf(const DatabaseSetting& setting, const DataDirectory& directory,
                        Database& database, const FileRange& range,
                        const std::function<bool()>& stops) {
  const FilesStay stay(database.rocks());
  if (!stay.status().ok()) return ReadError(stay.status());
  const Result<Ok> logs = CheckLogsInUse(*setting.env->GetFileSystem(), setting.path);
  if (stops()) return GivenUp();
  // Also of damaged logs, so that what they held is not lost at the next start.
  const Result<Ok> flushed = FlushAll(database);
  if (!logs.ok()) return logs;
  if (!flushed.ok()) {
    const auto refusal = setting.background_errors->refusal();
    return refusal && refusal->code == ErrorCode::kCorrupt ? Result<Ok>(*refusal) : flushed;
  }
  if (auto format = CheckFormat(setting, directory); !format.ok()) return format;
  return StoredFiles(setting, range, stops).Check();
}

}  // namespace weir::store
