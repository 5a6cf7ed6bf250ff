#include "weir/store/rocksdb/rocksdb_store.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <future>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include "weir/store/limits.h"
#include "weir/store/rocksdb/batch_writer.h"
#include "weir/store/rocksdb/checkpoint.h"
#include "weir/store/rocksdb/data_directory.h"
#include "weir/store/rocksdb/database.h"
#include "weir/store/rocksdb/file_check.h"
#include "weir/store/rocksdb/free_space.h"
#include "weir/store/rocksdb/read_gate.h"
#include "weir/store/rocksdb/record_format.h"
#include "weir/store/rocksdb/record_reads.h"
#include "weir/store/rocksdb/rocksdb_open.h"
#include "weir/store/task_threads.h"

namespace weir::store {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

// What a write adds to the log and the memtables beyond its key and value, at most.
constexpr uint64_t kWriteOverheadBytes = 128;

constexpr int kCheckNiceness = 19;  // Of the thread that checks files, which uses the CPU for it.

class RocksDbStoreOnDisk final : public RocksDbStore {
 public:
  RocksDbStoreOnDisk(const RocksDbOptions& options, std::unique_ptr<DataDirectory> directory,
                     std::unique_ptr<DatabaseSetting> setting)
      : setting_(std::move(setting)),
        directory_(std::move(directory)),
        forgotten_flush_after_(options.forgotten_flush_after),
        free_space_({options.free_space_floor_bytes, options.free_space_every, options.free_space}),
        writer_(options.durability, setting_->pending_segment_bytes, &gate_,
                setting_->background_errors.get()),
        read_threads_(options.read_threads),
        write_thread_(1),
        check_thread_(1),
        resumer_(setting_->background_errors.get(), [this] { return Resume(); }) {}

  ~RocksDbStoreOnDisk() override { closing_ = true; }

  // Opens the database, anew when `create`. Before any other call.
  Result<Ok> Start(bool create);

  void LoadWithin(std::vector<Key> keys, size_t bytes_max, Done<Loads> done) override {
    auto over = OverLimit(limits_, keys);
    auto wanted = std::make_shared<const std::vector<Key>>(std::move(keys));
    Read(
        std::move(over), std::move(done),
        [this, wanted] { return LookForLoads(writer_.pending(), *wanted); },
        [this, wanted, bytes_max](const auto& view, const PendingLoads& pending) {
          ++loads_;
          load_keys_ += wanted->size();
          return LoadRecords(*database_, view, pending, *wanted, bytes_max);
        });
  }

  void Scan(ScanRange range, Done<Scanned> done) override {
    assert(range.limit > 0);
    assert(range.shard < setting_->shards);
    Read(
        OverLimit(limits_, range), std::move(done),
        [this, range] { return LookForScan(writer_.pending(), range); },
        [this, range](const auto& view, const PendingScan& pending) {
          return ScanRecords(*database_, view, pending, range);
        });
  }

  void Count(WallTime now, Done<Counts> done) override {
    Read(
        std::nullopt, std::move(done), [] { return Ok{}; },
        [this, now](const auto& view, Ok) { return CountRecords(*database_, view, now); });
  }

  void Apply(Batch batch, Done<Applied> done) override {
    auto over = OverLimit(limits_, batch);
    Write(std::move(over), std::move(done), [this, batch = std::move(batch)]() -> Result<Applied> {
      if (auto error = ReserveFor(batch)) return *error;
      Result<Applied> applied = writer_.Apply(batch);
      if (applied.ok() && batch.clear) database_->ReclaimInBackground();
      return applied;
    });
  }

  void Expire(WallTime now, size_t limit, Done<Expired> done) override {
    Write(OverExpireLimit(limits_, limit), std::move(done),
          [this, now, limit]() -> Result<Expired> {
            if (auto error = free_space_.Take(0, FreeSpace::Use::kRemove)) return *error;
            return writer_.Expire(now, limit);
          });
  }

  void Clear(Done<CommitNumber> done) override {
    PostWrite<CommitNumber>(std::move(done), [this]() -> Result<CommitNumber> {
      if (auto error = MayNotWrite()) return *error;
      if (auto error = free_space_.Take(0, FreeSpace::Use::kRemove)) return *error;
      Result<CommitNumber> commit = writer_.Clear();
      if (commit.ok()) database_->ReclaimInBackground();
      return commit;
    });
  }

  void PutMetadata(std::string name, std::string value, Done<CommitNumber> done) override {
    std::optional<Error> over;
    if (name.size() + value.size() > kMetadataBytesMax) {
      over = Error{ErrorCode::kOverloaded, "metadata " + name + " is over kMetadataBytesMax"};
    }
    Write(std::move(over), std::move(done),
          [this, name = std::move(name), value = std::move(value)]() -> Result<CommitNumber> {
            const uint64_t bytes = name.size() + value.size();
            // What leads to free space begins here: that a range moves, or that its copy goes.
            if (auto error = free_space_.Take(bytes, FreeSpace::Use::kRemove)) return *error;
            return writer_.PutMetadata(name, value);
          });
  }

  void Settle(Done<CommitNumber> done) override {
    PostWrite<CommitNumber>(std::move(done), [this] { return SettleNow(); });
  }

  bool CheckFiles(const FileRange& range, const Done<Ok>& done) override {
    assert(range.shard < setting_->shards);
    check_thread_.Post([this, range, done] { done(CheckFilesNow(range)); });
    return true;
  }

  Result<std::optional<std::string>> Metadata(const std::string& name) override;
  const std::string& data_directory() const override { return directory_->path(); }
  Result<Ok> PrepareCheckpoint() override;
  Result<Made> MakeCheckpoint() override;
  void RemoveCheckpoint() override {
    RemoveCheckpointIn(directory_->checkpoint_path(), *setting_->env);
  }
  void SetMemory(size_t block_cache_bytes, size_t write_buffer_bytes) override {
    SetMemoryOf(*setting_, block_cache_bytes, write_buffer_bytes);
  }
  uint32_t shards() const override { return setting_->shards; }
  Version VersionFloor() const override { return writer_.version_max() + 1; }
  const Limits& limits() const override { return limits_; }
  Result<Ok> Health() const override;
  std::vector<std::pair<std::string, uint64_t>> Counters() const override;

 private:
  // Runs `call` with a view, and what `look` found at its moment, on a read thread and passes its
  // result to `done`.
  template <typename T, typename Look, typename Call>
  void Read(std::optional<Error> refused, Done<T> done, Look look, Call call);

  // Runs `call` on the write thread unless refused or unsettled.
  template <typename T, typename Call>
  void Write(std::optional<Error> refused, Done<T> done, Call call);

  template <typename T, typename Call>
  void PostWrite(Done<T> done, Call call);

  std::optional<Error> MayNotWrite() const;
  std::optional<Error> ReserveFor(const Batch& batch);
  Result<Ok> CheckFilesNow(const FileRange& range);
  Result<CommitNumber> SettleNow();
  Error Unsettled() const;
  bool Resume();
  bool Reopen();

  const Limits limits_;
  const std::unique_ptr<DatabaseSetting> setting_;
  const std::unique_ptr<DataDirectory> directory_;  // Uses the environment of the setting.
  std::unique_ptr<Database> database_;  // Changed by the write thread, while the gate is closed.
  ReadGate gate_;
  const std::chrono::milliseconds forgotten_flush_after_;
  FreeSpace free_space_;  // Of the write thread, as is the writer.
  BatchWriter writer_;
  std::atomic<size_t> outstanding_reads_{0};
  std::atomic<bool> writing_{false};
  std::atomic<bool> flushes_forgotten_{false};  // The open database is of no more use.
  std::atomic<uint64_t> loads_{0};
  std::atomic<uint64_t> load_keys_{0};
  std::atomic<uint64_t> settles_{0};
  TaskThreads read_threads_;  // Last, so that they end first.
  TaskThreads write_thread_;
  std::atomic<bool> closing_{false};
  TaskThreads check_thread_;
  Resumer resumer_;
};

template <typename T, typename Look, typename Call>
void RocksDbStoreOnDisk::Read(std::optional<Error> refused, Done<T> done, Look look, Call call) {
  if (!refused && outstanding_reads_.fetch_add(1) >= limits_.outstanding_reads_max) {
    outstanding_reads_.fetch_sub(1);
    refused = TooManyReads(limits_);
  }
  if (refused) {
    read_threads_.PostFirst([error = std::move(*refused), done = std::move(done)] { done(error); });
    return;
  }
  read_threads_.Post(
      [this, look = std::move(look), call = std::move(call), done = std::move(done)] {
        decltype(look()) pending;
        const auto view = gate_.Enter([&] { pending = look(); });
        Result<T> result = view ? call(*view, pending) : Result<T>(Unsettled());
        if (view && !gate_.Leave(*view)) result = Unsettled();
        outstanding_reads_.fetch_sub(1);
        done(std::move(result));
      });
}

template <typename T, typename Call>
void RocksDbStoreOnDisk::PostWrite(Done<T> done, Call call) {
  [[maybe_unused]] const bool second = writing_.exchange(true);
  assert(!second && "at most one of Apply, Expire, Clear and Settle may be outstanding");
  write_thread_.Post([this, call = std::move(call), done = std::move(done)]() mutable {
    Result<T> result = call();
    writing_.store(false);
    done(std::move(result));
  });
}

template <typename T, typename Call>
void RocksDbStoreOnDisk::Write(std::optional<Error> refused, Done<T> done, Call call) {
  PostWrite<T>(std::move(done),
               [this, refused = std::move(refused), call = std::move(call)]() mutable -> Result<T> {
                 if (refused) return std::move(*refused);
                 if (auto error = MayNotWrite()) return std::move(*error);
                 return call();
               });
}

Result<Ok> RocksDbStoreOnDisk::Start(bool create) {
  auto opened = create ? Database::Create(*setting_) : Database::Open(*setting_);
  if (!opened.ok()) return opened.error();
  database_ = std::move(opened).value();
  if (create) {
    if (auto made = writer_.Initialize(database_.get()); !made.ok()) return made;
    if (auto made =
            directory_->WriteFormat({DataDirectory::Format::Phase::kReady, setting_->shards});
        !made.ok())
      return made;
  }
  if (auto attached = writer_.Attach(database_.get()); !attached.ok()) return attached;
  gate_.Open(&database_->rocks(), writer_.commit());
  return Ok{};
}

// Closing and reopening replays whatever the failed log holds into tables that are synced before
// the manifest drops the log. What was not there is gone for good, and what was is durable.
Result<CommitNumber> RocksDbStoreOnDisk::SettleNow() {
  if (!gate_.closed()) return writer_.commit();
  gate_.Drain();
  database_.reset();
  setting_->background_errors->Clear(setting_->background_errors->count());
  auto started = Start(/*create=*/false);
  if (!started.ok()) {
    database_.reset();
    return Error{
        started.error().code == ErrorCode::kCorrupt ? ErrorCode::kCorrupt : ErrorCode::kUnavailable,
        "not settled: " + started.error().message};
  }
  flushes_forgotten_ = false;
  ++settles_;
  return writer_.commit();
}

std::optional<Error> RocksDbStoreOnDisk::MayNotWrite() const {
  if (gate_.closed()) return Unsettled();
  return setting_->background_errors->refusal();
}

bool RocksDbStoreOnDisk::Resume() {
  if (flushes_forgotten_) return Reopen();
  const auto view = gate_.Enter();
  if (!view) return false;  // Settle opens it anew.
  BackgroundErrors& errors = *setting_->background_errors;
  const uint64_t count = errors.count();
  const TriedResume tried = TryResume(database_->rocks(), forgotten_flush_after_);
  flushes_forgotten_ = tried.forgotten;
  if (tried.status.ok()) errors.Clear(count);
  if (!gate_.Leave(*view)) return false;
  return tried.forgotten ? Reopen() : tried.status.ok();
}

// No batch is in doubt, so nobody else settles.
bool RocksDbStoreOnDisk::Reopen() {
  std::promise<bool> reopened;
  write_thread_.Post([this, &reopened] {
    if (flushes_forgotten_ && !gate_.closed()) gate_.Close("RocksDB forgot a flush");
    const auto settled = SettleNow();
    if (!settled.ok()) setting_->background_errors->NotOpened(settled.error().message);
    reopened.set_value(settled.ok());
  });
  return reopened.get_future().get();
}

Error RocksDbStoreOnDisk::Unsettled() const {
  return {ErrorCode::kUnavailable,
          "the database is to be opened anew: " + gate_.closed().value_or("it has been")};
}

std::optional<Error> RocksDbStoreOnDisk::ReserveFor(const Batch& batch) {
  const bool stores =
      std::any_of(batch.writes.begin(), batch.writes.end(),
                  [](const store::Write& write) { return write.record.has_value(); });
  const auto stored = batch.copies ? FreeSpace::Use::kCopy : FreeSpace::Use::kStore;
  return free_space_.Take(BytesOf(batch) + batch.writes.size() * kWriteOverheadBytes,
                          stores ? stored : FreeSpace::Use::kRemove);
}

Result<std::optional<std::string>> RocksDbStoreOnDisk::Metadata(const std::string& name) {
  const auto view = gate_.Enter();
  if (!view) return Unsettled();
  rocksdb::ReadOptions options;
  options.snapshot = view->snapshot;
  std::string value;
  const Status status = database_->rocks().Get(options, database_->state(),
                                               std::string(kMetadataPrefix) + name, &value);
  if (!gate_.Leave(*view)) return Unsettled();
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return ReadError(status);
  return std::optional(std::move(value));
}

// Settle, which closes the database, waits until the view is left.
Result<Ok> RocksDbStoreOnDisk::PrepareCheckpoint() {
  const auto view = gate_.Enter();
  if (!view) return Unsettled();
  Result<Ok> flushed = FlushAll(*database_);
  if (!gate_.Leave(*view)) return Unsettled();
  return flushed;
}

// Settle waits for the view, so the check gives up when it is to begin.
Result<Ok> RocksDbStoreOnDisk::CheckFilesNow(const FileRange& range) {
  // Linux keeps the priority of each thread; what is refused here is only less polite.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kCheckNiceness);
  const auto view = gate_.Enter();
  if (!view) return Unsettled();
  Result<Ok> checked = CheckFilesOf(*setting_, *directory_, *database_, range,
                                    [this] { return closing_ || gate_.closed().has_value(); });
  if (!gate_.Leave(*view)) return Unsettled();
  return checked;
}

Result<Checkpoints::Made> RocksDbStoreOnDisk::MakeCheckpoint() {
  const auto view = gate_.Enter();
  if (!view) return Unsettled();
  RemoveCheckpoint();
  Result<Made> made = MakeCheckpointIn(directory_->checkpoint_path(), *database_);
  if (!gate_.Leave(*view)) made = Unsettled();
  if (!made.ok()) RemoveCheckpoint();
  return made;
}

Result<Ok> RocksDbStoreOnDisk::Health() const {
  if (auto error = MayNotWrite()) return std::move(*error);
  return Ok{};
}

std::vector<std::pair<std::string, uint64_t>> RocksDbStoreOnDisk::Counters() const {
  const BatchWriter::Counters& writes = writer_.counters();
  return {{"batches", writes.batches.load()},
          {"writes", writes.writes.load()},
          {"fsyncs", writes.fsyncs.load()},
          {"lookups", writes.lookups.load()},
          {"bytes_written", writes.bytes_written.load()},
          {"left_pending", writes.left_pending.load()},
          {"moved", writes.moved.load()},
          {"loads", loads_.load()},
          {"load_keys", load_keys_.load()},
          {"settles", settles_.load()},
          {"background_errors", setting_->background_errors->count()}};
}

}  // namespace

Result<std::unique_ptr<RocksDbStore>> OpenRocksDbOn(RocksDbOptions options,
                                                    std::unique_ptr<rocksdb::Env> env) {
  assert(options.shards > 0);
  assert(options.shards <= kShardsMax);
  assert(options.read_threads > 0);
  assert(options.write_buffer_bytes >= kWriteBufferBytesMin);
  auto locked = DataDirectory::Lock(env->GetFileSystem(), options.directory);
  if (!locked.ok()) return locked.error();
  std::unique_ptr<DataDirectory> directory = std::move(locked).value();
  auto read = directory->ReadFormat();
  if (!read.ok()) return read.error();
  if (!options.create && !(read.value() && read.value()->ready())) {
    return Error{ErrorCode::kCorrupt, "data directory " + directory->path() +
                                          " is empty, but the other directories hold data that "
                                          "needs it; mount it, or restore all from a backup"};
  }
  DataDirectory::Format format = read.value().value_or(DataDirectory::Format{});
  if (!format.ready()) {
    format.shards = options.shards;
    if (auto written = directory->WriteFormat(format); !written.ok()) return written.error();
  }
  if (!options.free_space) {
    options.free_space = [path = directory->path()] { return FreeBytesOf(path); };
  }
  auto setting =
      MakeDatabaseSetting(options, std::move(env), directory->database_path(), format.shards);
  RemoveCheckpointIn(directory->checkpoint_path(), *setting->env);
  auto store =
      std::make_unique<RocksDbStoreOnDisk>(options, std::move(directory), std::move(setting));
  if (auto started = store->Start(!format.ready()); !started.ok()) return started.error();
  return std::unique_ptr<RocksDbStore>(std::move(store));
}

Result<std::unique_ptr<RocksDbStore>> OpenRocksDb(RocksDbOptions options) {
  return OpenRocksDbOn(std::move(options),
                       rocksdb::NewCompositeEnv(rocksdb::FileSystem::Default()));
}

}  // namespace weir::store
