#include "weir/backup/backup_job.h"

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "weir/backup/files.h"

namespace weir::backup {
namespace {

using gateway::BackupStatus;
using Made = store::Checkpoints::Made;

constexpr char kPartial[] = ".partial";

void RemoveTree(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

// Waits until as many holds as were wanted are under way. A hold that comes after the wait was
// given up is released at once.
class Holds {
 public:
  explicit Holds(size_t wanted) : wanted_(wanted) {}

  void Answer(gateway::Committer* committer, const Result<Ok>& result) {
    {
      const std::lock_guard lock(mutex_);
      ++answered_;
      if (!result.ok()) error_ = result.error();
      if (result.ok() && !given_up_) held_.push_back(committer);
      changed_.notify_all();
      if (!result.ok() || !given_up_) return;
    }
    committer->Release();
  }

  Result<Ok> Await(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    const bool all = changed_.wait_for(lock, most, [this] { return answered_ == wanted_; });
    if (all && !error_) return Ok{};
    given_up_ = true;
    std::vector<gateway::Committer*> held = std::exchange(held_, {});
    const Error error = error_.value_or(
        Error{ErrorCode::kUnavailable, "a database was busy for too long; try the backup again"});
    lock.unlock();
    for (gateway::Committer* committer : held) committer->Release();
    return error;
  }

 private:
  const size_t wanted_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t answered_ = 0;
  bool given_up_ = false;
  std::optional<Error> error_;
  std::vector<gateway::Committer*> held_;
};

}  // namespace

BackupJob::BackupJob(Options options, Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      databases_(options_.databases),
      shards_(options_.shards) {}

BackupJob::~BackupJob() {
  cancelled_ = true;
  if (thread_.joinable()) thread_.join();
}

void BackupJob::AddDatabase(const Database& database) {
  const std::lock_guard lock(mutex_);
  shards_.push_back({static_cast<uint32_t>(databases_.size()), 0});
  databases_.push_back(database);
}

std::vector<BackupJob::Database> BackupJob::Databases() const {
  const std::lock_guard lock(mutex_);
  return databases_;
}

void BackupJob::Start(std::string directory, std::function<void(const Result<Ok>&)> begun) {
  {
    const std::lock_guard lock(mutex_);
    if (status_.state != BackupStatus::State::kRunning) {
      if (thread_.joinable()) thread_.join();  // It has said its last word.
      cancelled_ = false;
      status_ = BackupStatus();
      status_.state = BackupStatus::State::kRunning;
      status_.directory = directory;
      thread_ = std::thread([this, directory = std::move(directory), begun = std::move(begun)] {
        Run(directory, begun);
      });
      return;
    }
  }
  begun(Error{ErrorCode::kUnavailable, "a backup is running; wait for it or cancel it"});
}

BackupStatus BackupJob::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool BackupJob::Cancel() {
  const std::lock_guard lock(mutex_);
  if (status_.state != BackupStatus::State::kRunning) return false;
  cancelled_ = true;
  return true;
}

void BackupJob::Update(const std::function<void(BackupStatus&)>& change) {
  const std::lock_guard lock(mutex_);
  change(status_);
}

void BackupJob::Run(const std::string& directory,
                    const std::function<void(const Result<Ok>&)>& begun) {
  const Result<std::string> partial = Claim(directory);
  if (!partial.ok()) {
    Finish(partial.error());
    begun(partial.error());
    return;
  }
  begun(Ok{});
  const Result<Ok> written = Write(RealPath(directory), partial.value());
  for (const Database& database : Databases()) database.checkpoints->RemoveCheckpoint();
  if (!written.ok()) RemoveTree(partial.value());
  Finish(written);
}

void BackupJob::Finish(const Result<Ok>& result) {
  Update([&](BackupStatus& status) {
    status.state = result.ok()  ? BackupStatus::State::kDone
                   : cancelled_ ? BackupStatus::State::kCancelled
                                : BackupStatus::State::kFailed;
    if (!result.ok()) status.message = result.error().message;
  });
}

// Makes the partial directory beside `directory` and returns its path.
Result<std::string> BackupJob::Claim(const std::string& directory) const {
  const auto refused = [&](const std::string& why) {
    return Error{ErrorCode::kInvalid, "cannot back up into " + directory + ": " + why};
  };
  if (!directory.starts_with('/')) return refused("give the whole path, beginning with /");
  const std::string real = RealPath(directory);
  for (const Database& database : Databases()) {
    const std::string data =
        RealPath(std::filesystem::absolute(database.checkpoints->data_directory()).string());
    if (IsWithin(real, data)) return refused("it lies in the data directory " + data);
    if (IsWithin(data, real)) return refused("the data directory " + data + " lies in it");
  }
  std::error_code error;
  if (std::filesystem::exists(real, error) && !std::filesystem::is_empty(real, error)) {
    return refused("it is not empty; choose a new directory");
  }
  std::string partial = real + kPartial;
  if (std::filesystem::exists(partial, error)) {
    return refused("an interrupted backup left " + partial + "; remove it");
  }
  if (auto made = MakeDirectory(partial); !made.ok()) return refused(made.error().message);
  return partial;
}

Result<Ok> BackupJob::Write(const std::string& directory, const std::string& partial) {
  for (const Database& database : Databases()) {
    if (auto flushed = database.checkpoints->PrepareCheckpoint(); !flushed.ok()) return flushed;
  }
  Manifest manifest;
  manifest.weir_version = options_.weir_version;
  const Result<std::vector<Made>> made = Cut(&manifest);
  if (!made.ok()) return made.error();
  if (auto copied = CopyAll(made.value(), partial, &manifest); !copied.ok()) return copied;
  const std::string name = partial + "/" + std::string(kManifestName);
  if (auto written = WriteWholeFile(name, manifest.ToText()); !written.ok()) return written;
  if (auto synced = SyncDirectory(partial); !synced.ok()) return synced;
  if (cancelled_) return Error{ErrorCode::kOverloaded, "cancelled"};
  // Over an empty directory of that name, if there is one.
  if (std::rename(partial.c_str(), directory.c_str()) != 0) {
    return Error{ErrorCode::kUnavailable, "cannot give the backup its name " + directory + ": " +
                                              std::strerror(errno) + "; choose a new directory"};
  }
  return SyncDirectory(ParentOf(directory));
}

Result<Ok> BackupJob::HoldAll(const std::vector<Database>& databases) {
  const auto holds = std::make_shared<Holds>(databases.size());
  for (const Database& database : databases) {
    gateway::Committer* committer = database.committer;
    committer->SubmitHold(
        [holds, committer](const Result<Ok>& result) { holds->Answer(committer, result); });
  }
  return holds->Await(kHoldMax);
}

// A move into a database that comes meanwhile may begin until the first log is held, since the
// range map is stored there. So one that came before all were held is taken in as well.
Result<std::vector<BackupJob::Database>> BackupJob::HoldAllThereAre(Manifest* manifest) {
  for (;;) {
    std::vector<Database> databases;
    {
      const std::lock_guard lock(mutex_);
      databases = databases_;
      manifest->shards = shards_;
    }
    if (auto held = HoldAll(databases); !held.ok()) return held.error();
    if (Databases().size() == databases.size()) return databases;
    for (const Database& database : databases) database.committer->Release();
  }
}

Result<std::vector<Made>> BackupJob::Cut(Manifest* manifest) {
  const MonoTime begin = clock_.Mono();
  if (!options_.holds->TakeWithin(kHoldMax)) {
    return Error{ErrorCode::kUnavailable, "a range goes over to its new place; try again"};
  }
  const Result<std::vector<Database>> held = HoldAllThereAre(manifest);
  if (!held.ok()) {
    options_.holds->Give();
    return held.error();
  }
  const std::vector<Database>& databases = held.value();
  std::vector<Made> all;
  std::optional<Error> error;
  for (const Database& database : databases) {
    Result<Made> made = database.checkpoints->MakeCheckpoint();
    if (!made.ok()) {
      error = made.error();
      break;
    }
    all.push_back(std::move(made).value());
  }
  manifest->cut_ms = clock_.Wall().ms;
  for (const Database& database : databases) database.committer->Release();
  options_.holds->Give();
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.Mono() - begin).count();
  Update([&](BackupStatus& status) { status.writes_held_us = static_cast<uint64_t>(took); });
  if (error) return *error;
  for (const Made& made : all) {
    manifest->databases.push_back(
        {made.shards, made.commit, made.version_max, made.records, made.with_expiry});
  }
  return all;
}

Result<Ok> BackupJob::CopyAll(const std::vector<Made>& made, const std::filesystem::path& partial,
                              Manifest* manifest) {
  std::vector<std::vector<NamedFile>> files;
  uint64_t bytes = 0;
  uint64_t count = 0;
  for (const Made& checkpoint : made) {
    Result<std::vector<NamedFile>> listed = ListFiles(checkpoint.directory);
    if (!listed.ok()) return listed.error();
    for (const NamedFile& file : listed.value()) bytes += file.bytes;
    count += listed.value().size();
    files.push_back(std::move(listed).value());
  }
  Update([&](BackupStatus& status) {
    status.files_total = count;
    status.bytes_total = bytes;
    status.records = manifest->TotalRecords();
  });
  const Result<uint64_t> free = FreeBytesAt(partial);
  if (free.ok() && free.value() < bytes + kFreeBytesMin) {
    return Error{ErrorCode::kUnavailable,
                 "the backup needs " + std::to_string(bytes + kFreeBytesMin) + " bytes and " +
                     std::to_string(free.value()) + " are free; make room and try again"};
  }
  const Advance advance = [this](uint64_t done) {
    Update([&](BackupStatus& status) { status.bytes_done += done; });
    return !cancelled_;
  };
  for (size_t database = 0; database < made.size(); ++database) {
    const std::filesystem::path from = made[database].directory;
    const std::filesystem::path folder = DatabaseFolder(database);
    const std::filesystem::path to = partial / folder;
    if (auto done = MakeDirectory(to); !done.ok()) return done;
    for (const NamedFile& file : files[database]) {
      const Result<FileSum> sum = CopyFile(from / file.name, to / file.name, advance);
      if (!sum.ok()) return sum.error();
      manifest->files.push_back({folder / file.name, sum.value().bytes, sum.value().hash});
      Update([](BackupStatus& status) { ++status.files_done; });
    }
    if (auto synced = SyncDirectory(to); !synced.ok()) return synced;
  }
  return Ok{};
}

}  // namespace weir::backup
