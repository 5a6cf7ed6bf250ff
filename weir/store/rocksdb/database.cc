#include "weir/store/rocksdb/database.h"

#include <algorithm>
#include <map>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include "weir/store/rocksdb/log_check.h"
#include "weir/store/rocksdb/log_order.h"
#include "weir/store/rocksdb/pending_format.h"
#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

// What goes into the tables comes in sorted runs (pending_writes.h), so a larger memtable costs its
// insertions little and saves flushes and compactions.
constexpr size_t kMemtableBytesMax = size_t{16} << 20;
constexpr size_t kMemtableBytesMin = size_t{64} << 10;
// Two segments are in memory, and their records once more in the memtable of `pending`, with those
// that have moved since it was flushed. It is flushed when a segment has just moved, because then
// there is least to write: what has moved is dropped, not written.
constexpr size_t kSegmentBytesMax = size_t{64} << 20;
constexpr size_t kSegmentBytesMin = size_t{32} << 10;
constexpr size_t kSegmentsPerFlush = 2;
constexpr size_t kSegmentsPerPendingMemtable = kSegmentsPerFlush + 1;
constexpr size_t kBlobFileBytes = size_t{64} << 20;
constexpr double kBlobGarbageMax = 0.5;  // Of the oldest files; then their tables are compacted.
// What the memtables may hold beyond their part while they are flushed, before a write waits.
constexpr size_t kFlushingBytesMax = size_t{16} << 20;
constexpr size_t kLogBytesMin = size_t{64} << 20;
constexpr size_t kLogBytesMax = size_t{512} << 20;  // Read when it opens: some seconds.
constexpr size_t kBytesPerSync = size_t{1} << 20;   // What the kernel may keep back of a file.
constexpr int kOpenFilesMax = 256;
constexpr size_t kMoveBytes = size_t{1} << 20;  // In one write, of what was left pending.

// The parts of `write_buffer_bytes`.
struct WriteBuffers {
  size_t segment = 0;
  size_t pending_memtable = 0;
  size_t memtable = 0;
  size_t memtables_all = 0;  // What the write-buffer manager may hold.
};

WriteBuffers DivideWriteBuffers(size_t bytes, uint32_t shards) {
  WriteBuffers buffers;
  buffers.segment = std::clamp(bytes / 8, kSegmentBytesMin, kSegmentBytesMax);
  buffers.pending_memtable = buffers.segment * kSegmentsPerPendingMemtable;
  buffers.memtables_all = bytes - 2 * buffers.segment;
  // Room for one memtable that is filled and one that is flushed, for each shard.
  const size_t share = (buffers.memtables_all - buffers.pending_memtable) / (size_t{2} * shards);
  buffers.memtable = std::clamp(share, kMemtableBytesMin, kMemtableBytesMax);
  return buffers;
}

// RocksDB's own writes its LOG to the same device, and asserts that an append to a file that has
// failed is never repeated, which on a full device ends the process. What matters is in the errors
// that calls return and that BackgroundErrors keeps.
class NoInfoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::DBOptions MakeDbOptions(const RocksDbOptions& options, const WriteBuffers& buffers,
                                 rocksdb::Env* env) {
  rocksdb::DBOptions db;
  db.env = env;
  // Point-in-time recovery, the default, ends quietly at the first damage and drops acknowledged
  // writes behind it. This one forgives an incomplete end alone. It rules out recycled log files,
  // whose old content behind the end cannot be told from damage; so every fsync of the growing log
  // pays for its new size, as any append-only log does.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.paranoid_checks = true;
  // What the log held is in synced tables when Open returns, and the log is never read again.
  db.avoid_flush_during_recovery = false;
  db.max_bgerror_resume_count = 0;  // Resumer does; nothing resumes behind its back.
  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(buffers.memtables_all);
  db.max_total_wal_size = std::clamp(2 * options.write_buffer_bytes, kLogBytesMin, kLogBytesMax);
  db.max_open_files = kOpenFilesMax;
  db.max_background_jobs = 2;
  db.bytes_per_sync = kBytesPerSync;
  if (options.durability == Durability::kOs) db.wal_bytes_per_sync = kBytesPerSync;
  // There is one writer, so nothing of the machinery for many is of use.
  db.allow_concurrent_memtable_write = false;
  db.enable_write_thread_adaptive_yield = false;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.info_log = std::make_shared<NoInfoLog>();
  return db;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(size_t memtable_bytes,
                                               std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = memtable_bytes;
  family.max_write_buffer_number = 3;
  family.compression = rocksdb::kNoCompression;
  return family;
}

// One hint for a whole memtable. Records come sorted by position (see BatchWriter), so each
// insertion into the skip list begins where the one before ended. Keys too short to hold a position
// are the begins of range deletions: those go to a list of their own, for which RocksDB would take
// the same hint, so they must have none.
class OneHint final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "weir.OneHint"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), 0}; }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() >= kPositionBytes; }
};

const char kDamaged[] =
    "; weir does not open it, because that would silently drop acknowledged writes: check the "
    "device, then restore the directory from a backup";

Error OpenError(const std::string& path, const rocksdb::Status& status) {
  // A log or table that the manifest names and the directory lacks is reported as an IO error.
  const bool damaged = status.IsCorruption() || status.IsInvalidArgument() ||
                       status.IsPathNotFound() || status.IsNotFound();
  if (damaged) {
    return {ErrorCode::kCorrupt,
            "database " + path + " is damaged: " + status.ToString() + kDamaged};
  }
  return {ErrorCode::kUnavailable, "database " + path + " does not open: " + status.ToString()};
}

}  // namespace

std::unique_ptr<DatabaseSetting> MakeDatabaseSetting(const RocksDbOptions& options,
                                                     std::unique_ptr<rocksdb::Env> env,
                                                     std::string path, uint32_t shards) {
  auto setting = std::make_unique<DatabaseSetting>();
  setting->path = std::move(path);
  setting->shards = shards;
  setting->durability = options.durability;
  setting->warn = options.warn;
  const bool is_synced = options.durability == Durability::kFsync;
  setting->env = is_synced ? std::move(env) : KeepLogsInOrder(std::move(env));
  const WriteBuffers buffers = DivideWriteBuffers(options.write_buffer_bytes, shards);
  setting->background_errors = std::make_shared<BackgroundErrors>();
  setting->db_options = MakeDbOptions(options, buffers, setting->env.get());
  setting->db_options.listeners.push_back(setting->background_errors);
  setting->block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  const std::shared_ptr<rocksdb::Cache>& cache = setting->block_cache;
  setting->records_options = MakeFamilyOptions(buffers.memtable, cache);
  setting->index_options = MakeFamilyOptions(buffers.memtable, cache);
  setting->pending_options = MakeFamilyOptions(buffers.pending_memtable, cache);
  setting->pending_segment_bytes = buffers.segment;
  setting->records_options.enable_blob_files = true;
  setting->records_options.min_blob_size = kBlobBytesMin;
  setting->records_options.blob_file_size = kBlobFileBytes;
  setting->records_options.enable_blob_garbage_collection = true;
  setting->records_options.blob_garbage_collection_force_threshold = kBlobGarbageMax;
  setting->records_options.memtable_insert_with_hint_prefix_extractor = std::make_shared<OneHint>();
  return setting;
}

// Of the write buffers, segments of pending writes keep their size.
void SetMemoryOf(const DatabaseSetting& setting, size_t block_cache_bytes,
                 size_t write_buffer_bytes) {
  setting.block_cache->SetCapacity(block_cache_bytes);
  const size_t segments = 2 * setting.pending_segment_bytes;
  const size_t least = write_buffer_bytes / 2;
  setting.db_options.write_buffer_manager->SetBufferSize(
      write_buffer_bytes < segments + least ? least : write_buffer_bytes - segments);
}

Result<std::unique_ptr<Database>> Database::OpenWith(const DatabaseSetting& setting,
                                                     rocksdb::DBOptions db_options, Access access) {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, setting.index_options);
  descriptors.emplace_back("pending", setting.pending_options);
  for (uint32_t shard = 0; shard < setting.shards; ++shard) {
    const std::string number = std::to_string(shard);
    descriptors.emplace_back("records." + number, setting.records_options);
    descriptors.emplace_back("expiry." + number, setting.index_options);
  }
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* rocks = nullptr;
  const rocksdb::Status status =
      access == Access::kWrite
          ? rocksdb::DB::Open(db_options, setting.path, descriptors, &families, &rocks)
          : rocksdb::DB::OpenForReadOnly(db_options, setting.path, descriptors, &families, &rocks);
  if (!status.ok()) return OpenError(setting.path, status);
  return std::unique_ptr<Database>(
      new Database(rocks, std::move(families), db_options.write_buffer_manager));
}

Result<std::unique_ptr<Database>> Database::Open(const DatabaseSetting& setting) {
  rocksdb::FileSystem& files = *setting.env->GetFileSystem();
  const auto torn = CheckLogs(files, setting.path, setting.durability);
  if (!torn.ok()) return Error{torn.error().code, torn.error().message + kDamaged};
  for (const TornWrite& write : torn.value()) {
    if (auto cut = CutOff(files, write); !cut.ok()) return cut.error();
    if (setting.warn) {
      const bool synced = setting.durability == Durability::kFsync;
      setting.warn("a power cut has torn the last " +
                   std::string(synced ? "write of " : "writes of ") + write.path + ", which " +
                   (synced ? "nobody was told of" : "durability=os had not made durable yet") +
                   "; its " + std::to_string(write.end - write.begin) + " bytes are cut off");
    }
  }
  auto opened = OpenWith(setting, setting.db_options, Access::kWrite);
  if (!opened.ok()) return opened;
  if (auto moved = opened.value()->MovePending(); !moved.ok()) {
    return moved.IsCorruption() ? Error{ErrorCode::kCorrupt, moved.ToString() + kDamaged}
                                : OpenError(setting.path, moved);
  }
  return opened;
}

rocksdb::Status Database::ReadPending(PendingRecords* records) {
  const std::unique_ptr<rocksdb::Iterator> at(
      rocks_->NewIterator(rocksdb::ReadOptions(), pending()));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    std::string_view left = at->value().ToStringView();
    while (!left.empty()) {
      const std::optional<PendingWrite> write = TakePendingWrite(&left);
      if (!write || write->shard >= shards()) return rocksdb::Status::Corruption("pending writes");
      std::pair<uint32_t, std::string> key(write->shard, write->stored_key);
      if (write->put) {
        records->insert_or_assign(std::move(key), std::string(write->stored_record));
      } else {
        records->erase(key);
      }
    }
  }
  return at->status();
}

// What is written here is in the log alone; all of it is in `pending` until its deletion, the last
// write, has reached the log.
rocksdb::Status Database::MovePending() {
  PendingRecords pending_records;
  rocksdb::Status status = ReadPending(&pending_records);
  rocksdb::WriteBatch batch;
  rocksdb::WriteOptions options;
  options.sync = true;  // As CheckLogs demands of all writes.
  for (const auto& [key, record] : pending_records) {
    if (!status.ok()) return status;
    status = batch.Put(records(key.first), key.second, record);
    if (status.ok() && batch.GetDataSize() > kMoveBytes) {
      status = rocks_->Write(options, &batch);
      batch.Clear();
    }
  }
  if (status.ok()) {
    status = batch.DeleteRange(pending(), StoredCommit(1), StoredCommit(kEndOfCommits));
    // See BatchWriter::StageRemoval.
    if (status.ok()) status = batch.Put(pending(), kLowestKey, "");
  }
  if (status.ok()) status = rocks_->Write(options, &batch);
  // Tables of `pending` hold nothing any more; without them, damage to one cannot matter either.
  if (status.ok() && !pending_records.empty()) {
    rocks_->CompactRange({}, pending(), nullptr, nullptr).PermitUncheckedError();
  }
  return status;
}

Result<std::unique_ptr<Database>> Database::OpenReadOnly(const DatabaseSetting& setting) {
  const auto torn = CheckLogs(*setting.env->GetFileSystem(), setting.path, setting.durability);
  if (!torn.ok()) return Error{torn.error().code, torn.error().message + kDamaged};
  if (!torn.value().empty()) {
    return Error{ErrorCode::kUnavailable, "a power cut has torn the last write of " +
                                              torn.value()[0].path +
                                              "; the server cuts it off when it starts"};
  }
  std::vector<std::string> names;
  const rocksdb::Status status =
      rocksdb::DB::ListColumnFamilies(setting.db_options, setting.path, &names);
  if (!status.ok()) return OpenError(setting.path, status);
  // Open finds this itself, but a reader may leave families out.
  if (names.size() != 2 + 2 * size_t{setting.shards}) {
    return Error{ErrorCode::kCorrupt, "database " + setting.path +
                                          " has another number of shards "
                                          "than its FORMAT says; restore FORMAT from a backup"};
  }
  return OpenWith(setting, setting.db_options, Access::kReadOnly);
}

Result<std::unique_ptr<Database>> Database::Create(const DatabaseSetting& setting) {
  rocksdb::DBOptions db_options = setting.db_options;
  rocksdb::Options destroyed(db_options, setting.index_options);
  rocksdb::Status status = setting.env->CreateDirIfMissing(setting.path);
  if (status.ok()) status = rocksdb::DestroyDB(setting.path, destroyed);
  if (status.ok()) status = setting.env->CreateDirIfMissing(setting.path);
  if (!status.ok()) return OpenError(setting.path, status);
  db_options.create_if_missing = true;
  db_options.create_missing_column_families = true;
  db_options.error_if_exists = true;
  return OpenWith(setting, db_options, Access::kWrite);
}

Database::~Database() {
  StopReclaiming();
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    rocks_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  }
  rocks_->Close().PermitUncheckedError();
}

// The largest first, which are those of large values; what the others hold is soon not worth a
// table.
void Database::MakeRoom(size_t bytes) {
  const size_t most = write_buffers_->buffer_size() +
                      std::min(write_buffers_->buffer_size() / 2, kFlushingBytesMax);
  for (size_t i = 0; i < families_.size(); ++i) {
    if (write_buffers_->memory_usage() + bytes <= most) return;
    std::pair<uint64_t, rocksdb::ColumnFamilyHandle*> largest{0, nullptr};
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      uint64_t held = 0;
      if (!rocks_->GetIntProperty(family, rocksdb::DB::Properties::kCurSizeAllMemTables, &held)) {
        continue;
      }
      largest = std::max(largest, {held, family});
    }
    if (largest.first < kMemtableBytesMin) return;
    rocksdb::FlushOptions options;
    options.allow_write_stall = true;
    // A failure is for the write that comes now to meet.
    if (!rocks_->Flush(options, largest.second).ok()) return;
  }
}

void Database::SegmentMoved() {
  if (++segments_moved_ < kSegmentsPerFlush) return;
  segments_moved_ = 0;
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;
  // A failure leaves the memtable to be flushed when it is full.
  rocks_->Flush(options, pending()).PermitUncheckedError();
}

void Database::StopReclaiming() {
  stop_reclaiming_ = true;
  if (reclaimer_.joinable()) reclaimer_.join();
}

void Database::ReclaimInBackground() {
  StopReclaiming();
  stop_reclaiming_ = false;
  reclaimer_ = std::thread([this] {
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    options.canceled = &stop_reclaiming_;
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      if (stop_reclaiming_.load()) return;
      // A failure leaves the space to ordinary compaction.
      rocks_->CompactRange(options, family, nullptr, nullptr).PermitUncheckedError();
    }
  });
}

Error ReadError(const rocksdb::Status& status) {
  if (status.IsCorruption()) {
    return {ErrorCode::kCorrupt, "stored data is damaged: " + status.ToString() +
                                     "; check the device and restore from a backup"};
  }
  return {ErrorCode::kUnavailable, "the database cannot be read: " + status.ToString()};
}

}  // namespace weir::store
