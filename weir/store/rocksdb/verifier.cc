#include "weir/store/rocksdb/verifier.h"

#include <algorithm>
#include <utility>

#include <rocksdb/sst_file_reader.h>

#include "weir/base/key_hash.h"
#include "weir/store/rocksdb/data_directory.h"
#include "weir/store/rocksdb/database.h"
#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

constexpr uint64_t kRecordsBetweenProgress = 50'000;
constexpr size_t kReadAheadBytes = size_t{2} << 20;
constexpr size_t kKeyBytesShown = 60;

// A key as text: what is not plain ASCII is escaped, what is too long is cut.
std::string Shown(std::string_view key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : key.substr(0, kKeyBytesShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 127 && c != '"' && c != '\\') {
      text += c;
    } else {
      text += "\\x";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
  }
  return text + (key.size() > kKeyBytesShown ? "...\"" : "\"");
}

std::string ShownStored(std::string_view stored_key) {
  if (stored_key.size() < kPositionBytes) return "a key of " + std::to_string(stored_key.size());
  return "key " + Shown(stored_key.substr(kPositionBytes)) + " at position " +
         std::to_string(DecodePosition(stored_key.data()));
}

std::string IndexKey(WallTime expires_at, std::string_view stored_key) {
  std::string key(kExpiryBytes, '\0');
  EncodeExpiry(expires_at, key.data());
  key += stored_key;
  return key;
}

// A set of index entries, as the sum of their hashes: equal sets have equal sums, and different
// ones practically never do. So an index is compared with its records without a look-up for each.
struct EntrySet {
  uint64_t count = 0;
  uint64_t sum = 0;

  void Add(std::string_view entry) {
    ++count;
    sum += StableHash(entry);
  }
  bool operator==(const EntrySet&) const = default;
};

}  // namespace

void VerifyReport::Add(std::string problem) {
  if (++problem_count <= VerifyOptions::kProblemsMax) problems.push_back(std::move(problem));
}

namespace {

// One run over a database.
class Check {
 public:
  Check(const DatabaseSetting& setting, Database& database, const VerifyOptions& options)
      : setting_(setting), database_(database), options_(options) {}

  VerifyReport Run() {
    CheckTables();
    CheckState();
    ReadPending();
    for (uint32_t shard = 0; shard < database_.shards(); ++shard) CheckShard(shard);
    return std::move(report_);
  }

 private:
  void Tell(const std::string& what, uint64_t done, uint64_t total) const {
    if (options_.progress) options_.progress({what, done, total});
  }

  static rocksdb::ReadOptions WholeScan() {
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    options.readahead_size = kReadAheadBytes;
    return options;
  }

  std::unique_ptr<rocksdb::Iterator> All(rocksdb::ColumnFamilyHandle* family) const {
    std::unique_ptr<rocksdb::Iterator> at(database_.rocks().NewIterator(WholeScan(), family));
    at->SeekToFirst();
    if (at->Valid() && at->key() == Slice(kLowestKey.data(), kLowestKey.size())) at->Next();
    return at;
  }

  void CheckTables() {
    std::vector<rocksdb::LiveFileMetaData> tables;
    database_.rocks().GetLiveFilesMetaData(&tables);
    uint64_t total = 0;
    for (const auto& table : tables) total += table.size;
    uint64_t done = 0;
    const rocksdb::Options options(setting_.db_options, setting_.index_options);
    for (const auto& table : tables) {
      Tell("tables, bytes", done, total);
      rocksdb::SstFileReader reader(options);
      const std::string path = table.db_path + table.name;
      Status status = reader.Open(path);
      if (status.ok()) status = reader.VerifyChecksum(WholeScan());
      if (!status.ok()) {
        report_.Add("table " + path + " (" + table.column_family_name + "): " + status.ToString());
      }
      done += table.size;
      ++report_.tables;
    }
    Tell("tables, bytes", done, total);
  }

  void CheckState() {
    bool found = false;
    const std::unique_ptr<rocksdb::Iterator> at = All(database_.state());
    for (; at->Valid(); at->Next()) {
      const std::string_view key = at->key().ToStringView();
      if (key == kStateKey) {
        found = true;
        state_ = DecodeState(at->value().ToStringView());
        if (!state_) report_.Add("the state record is damaged");
      } else if (!key.starts_with(kMetadataPrefix)) {
        report_.Add("an unknown entry " + Shown(key) + " beside the state record");
      }
    }
    if (!at->status().ok()) report_.Add("the state cannot be read: " + at->status().ToString());
    if (!found && at->status().ok()) report_.Add("the state record is missing");
    if (state_ && state_->shards.size() != database_.shards()) {
      report_.Add("the state record counts " + std::to_string(state_->shards.size()) +
                  " shards, and there are " + std::to_string(database_.shards()));
      state_.reset();
    }
  }

  // What a batch left pending is the newest version of its key, whatever the tables hold.
  void ReadPending() {
    const Status status = database_.ReadPending(&pending_);
    if (!status.ok()) report_.Add("what is pending cannot be read: " + status.ToString());
  }

  void CheckShard(uint32_t shard) {
    ShardCounts found;
    EntrySet wanted;
    const std::optional<EntrySet> indexed = ReadIndex(shard);
    const bool whole = ReadRecords(shard, &found, &wanted);
    report_.records += found.records;
    report_.with_expiry += found.with_expiry;
    // What cannot be read to its end has been reported, and can be compared with nothing.
    if (!whole || !indexed) return;
    if (!(*indexed == wanted)) NameWrongEntries(shard);
    if (!state_) return;
    const ShardCounts& counted = state_->shards[shard];
    if (counted.records != found.records || counted.with_expiry != found.with_expiry) {
      report_.Add("shard " + std::to_string(shard) + " counts " + std::to_string(counted.records) +
                  " records, " + std::to_string(counted.with_expiry) + " with expiry, and holds " +
                  std::to_string(found.records) + ", " + std::to_string(found.with_expiry));
    }
  }

  // Returns whether all could be read.
  bool ReadRecords(uint32_t shard, ShardCounts* found, EntrySet* wanted) {
    const std::string name = std::to_string(shard);
    const uint64_t total = state_ ? state_->shards[shard].records : 0;
    const std::unique_ptr<rocksdb::Iterator> at = All(database_.records(shard));
    auto pending = pending_.lower_bound({shard, ""});
    const auto end = pending_.lower_bound({shard + 1, ""});
    while (at->Valid() || pending != end) {
      if (found->records++ % kRecordsBetweenProgress == 0) {
        Tell("records of shard " + name, found->records, total);
      }
      const bool is_pending =
          pending != end && (!at->Valid() || pending->first.second <= at->key().ToStringView());
      if (!is_pending) {
        ReadRecord(shard, at->key().ToStringView(), at->value().ToStringView(), found, wanted);
        at->Next();
        continue;
      }
      if (at->Valid() && pending->first.second == at->key().ToStringView()) at->Next();
      const uint64_t expiring = found->with_expiry;
      ReadRecord(shard, pending->first.second, pending->second, found, wanted);
      if (found->with_expiry != expiring) {
        report_.Add("shard " + name + ", " + ShownStored(pending->first.second) +
                    ": it is pending, and expires");
      }
      ++pending;
    }
    Tell("records of shard " + name, found->records, total);
    if (at->status().ok()) return true;
    report_.Add("shard " + name + " cannot be read to its end: " + at->status().ToString());
    return false;
  }

  void ReadRecord(uint32_t shard, std::string_view key, std::string_view stored, ShardCounts* found,
                  EntrySet* wanted) {
    const std::optional<StoredRecord> record = DecodeRecord(key, stored);
    if (!record) {
      report_.Add("shard " + std::to_string(shard) + ", " + ShownStored(key) +
                  ": the record is damaged");
      return;
    }
    CheckRecord(shard, key, *record);
    if (record->expires_at == kNever) return;
    ++found->with_expiry;
    wanted->Add(IndexKey(record->expires_at, key));
  }

  void CheckRecord(uint32_t shard, std::string_view stored_key, const StoredRecord& record) {
    const std::string_view key = stored_key.substr(kPositionBytes);
    const auto add = [&](const std::string& problem) {
      report_.Add("shard " + std::to_string(shard) + ", " + ShownStored(stored_key) + ": " +
                  problem);
    };
    if (state_ && record.version > state_->version_max) {
      add("its version " + std::to_string(record.version) + " is above the highest, " +
          std::to_string(state_->version_max));
    }
    if (!options_.check_place) return;
    const std::string problem = options_.check_place(shard, DecodePosition(stored_key.data()), key);
    if (!problem.empty()) add(problem);
  }

  // Returns: nullopt when the index could not be read to its end.
  std::optional<EntrySet> ReadIndex(uint32_t shard) {
    EntrySet entries;
    const std::unique_ptr<rocksdb::Iterator> at = All(database_.expiry(shard));
    for (; at->Valid(); at->Next()) {
      if (at->key().size() < kExpiryBytes + kPositionBytes || !at->value().empty()) {
        report_.Add("shard " + std::to_string(shard) + ": an expiry index entry is damaged");
      }
      entries.Add(at->key().ToStringView());
    }
    if (at->status().ok()) return entries;
    report_.Add("the expiry index of shard " + std::to_string(shard) +
                " cannot be read to its end: " + at->status().ToString());
    return std::nullopt;
  }

  // Slow, with a look-up for each: only when something is wrong.
  void NameWrongEntries(uint32_t shard) {
    const std::string name = "shard " + std::to_string(shard) + ", ";
    std::string value;
    const std::unique_ptr<rocksdb::Iterator> record_at = All(database_.records(shard));
    for (; record_at->Valid(); record_at->Next()) {
      const std::string_view key = record_at->key().ToStringView();
      const auto record = DecodeRecord(key, record_at->value().ToStringView());
      if (!record || record->expires_at == kNever) continue;
      const std::string entry = IndexKey(record->expires_at, key);
      if (database_.rocks().Get(WholeScan(), database_.expiry(shard), entry, &value).IsNotFound()) {
        report_.Add(name + ShownStored(key) + ": it expires, and the expiry index lacks it");
      }
    }
    const std::unique_ptr<rocksdb::Iterator> entry_at = All(database_.expiry(shard));
    for (; entry_at->Valid(); entry_at->Next()) {
      const std::string_view entry = entry_at->key().ToStringView();
      if (entry.size() < kExpiryBytes + kPositionBytes) continue;  // Reported.
      const std::string_view key = entry.substr(kExpiryBytes);
      const Status status = database_.rocks().Get(WholeScan(), database_.records(shard),
                                                  Slice(key.data(), key.size()), &value);
      const auto record = status.ok() ? DecodeRecord(key, value) : std::nullopt;
      if (!record || record->expires_at != DecodeExpiry(entry.data())) {
        report_.Add(name + ShownStored(key) + ": the expiry index has it for no such record");
      }
    }
  }

  const DatabaseSetting& setting_;
  Database& database_;
  const VerifyOptions& options_;
  std::optional<State> state_;
  Database::PendingRecords pending_;
  VerifyReport report_;
};

class VerifierOnDisk final : public Verifier {
 public:
  VerifierOnDisk(std::unique_ptr<DatabaseSetting> setting, std::unique_ptr<Database> database,
                 std::unique_ptr<DataDirectory> directory)
      : directory_(std::move(directory)),
        setting_(std::move(setting)),
        database_(std::move(database)) {}

  uint32_t shards() const override { return database_->shards(); }

  Result<std::optional<std::string>> Metadata(const std::string& name) override {
    std::string value;
    const Status status = database_->rocks().Get(rocksdb::ReadOptions(), database_->state(),
                                                 std::string(kMetadataPrefix) + name, &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return ReadError(status);
    return std::optional(std::move(value));
  }

  Result<bool> IsEmpty() override {
    Database::PendingRecords pending;
    const Status status = database_->ReadPending(&pending);
    if (!status.ok()) return ReadError(status);
    bool empty = pending.empty();
    for (uint32_t shard = 0; shard < shards(); ++shard) {
      const std::unique_ptr<rocksdb::Iterator> at(
          database_->rocks().NewIterator(rocksdb::ReadOptions(), database_->records(shard)));
      at->SeekToFirst();
      if (at->Valid() && at->key() == Slice(kLowestKey.data(), kLowestKey.size())) at->Next();
      if (!at->status().ok()) return ReadError(at->status());
      empty &= !at->Valid();
    }
    return empty;
  }

  VerifyReport Run(const VerifyOptions& options) override {
    return Check(*setting_, *database_, options).Run();
  }

 private:
  const std::unique_ptr<DataDirectory> directory_;  // Or nullptr: of a backup.
  const std::unique_ptr<DatabaseSetting> setting_;
  const std::unique_ptr<Database> database_;
};

Result<std::unique_ptr<Verifier>> OpenOn(const std::string& files, uint32_t shards,
                                         std::unique_ptr<DataDirectory> directory) {
  auto setting = MakeDatabaseSetting(
      RocksDbOptions(), rocksdb::NewCompositeEnv(rocksdb::FileSystem::Default()), files, shards);
  auto database = Database::OpenReadOnly(*setting);
  if (!database.ok()) return database.error();
  return std::unique_ptr<Verifier>(std::make_unique<VerifierOnDisk>(
      std::move(setting), std::move(database).value(), std::move(directory)));
}

}  // namespace

Result<std::unique_ptr<Verifier>> Verifier::Open(const std::string& directory) {
  const auto files = rocksdb::FileSystem::Default();
  if (!files->FileExists(directory, rocksdb::IOOptions(), nullptr).ok()) {
    return Error{ErrorCode::kUnavailable, "there is no data directory " + directory};
  }
  auto locked = DataDirectory::Lock(files, directory);
  if (!locked.ok()) return locked.error();
  const auto format = locked.value()->ReadFormat();
  if (!format.ok()) return format.error();
  if (!format.value() || !format.value()->ready()) {
    return Error{ErrorCode::kUnavailable, directory + " holds no data: nothing was stored in it"};
  }
  const std::string path = locked.value()->database_path();
  return OpenOn(path, format.value()->shards, std::move(locked).value());
}

Result<std::unique_ptr<Verifier>> Verifier::OpenCheckpoint(const std::string& files,
                                                           uint32_t shards) {
  return OpenOn(files, shards, nullptr);
}

}  // namespace weir::store
