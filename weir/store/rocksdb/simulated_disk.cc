#include "weir/store/rocksdb/simulated_disk.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace weir::store {

using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

constexpr size_t kSectorBytes = 512;

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  assert(slash != std::string::npos);
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string NameIn(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

// Or the values beside one.
bool IsTable(const std::string& path) {
  return path.ends_with(".sst") || path.ends_with(".blob");
}

// RocksDB joins paths with doubled and trailing slashes now and then.
std::string Plain(const std::string& path) {
  std::string plain;
  for (const char c : path) {
    if (c != '/' || !plain.ends_with('/')) plain += c;
  }
  if (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
  return plain;
}

class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  size_t GetLogFileSize() const override { return 0; }
};

class SimulatedLock final : public rocksdb::FileLock {
 public:
  explicit SimulatedLock(std::string held) : path(std::move(held)) {}
  const std::string path;
};

}  // namespace

// One open file, for any of the three ways to use it.
class SimulatedFile final : public rocksdb::FSSequentialFile,
                            public rocksdb::FSRandomAccessFile,
                            public rocksdb::FSWritableFile {
 public:
  SimulatedFile(SimulatedDisk* disk, std::shared_ptr<SimulatedDisk::File> file, std::string path)
      : disk_(disk), file_(std::move(file)), path_(std::move(path)) {}

  IOStatus Read(uint64_t offset, size_t n, const rocksdb::IOOptions&, Slice* result, char* scratch,
                rocksdb::IODebugContext*) const override {
    std::lock_guard lock(disk_->mutex_);
    const std::string& content = file_->content;
    const size_t begin = std::min<size_t>(offset, content.size());
    const size_t size = std::min(n, content.size() - begin);
    std::memcpy(scratch, content.data() + begin, size);
    *result = Slice(scratch, size);
    return IOStatus::OK();
  }
  IOStatus Read(size_t n, const rocksdb::IOOptions& options, Slice* result, char* scratch,
                rocksdb::IODebugContext* debug) override {
    const IOStatus status = Read(at_, n, options, result, scratch, debug);
    if (status.ok()) at_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t n) override {
    at_ += n;
    return IOStatus::OK();
  }

  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return disk_->Append(file_.get(), path_, data);
  }
  IOStatus Flush(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return IOStatus::OK();
  }
  IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return disk_->Sync(file_.get(), path_);
  }
  IOStatus Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return IOStatus::OK();
  }
  IOStatus Truncate(uint64_t size, const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    disk_->Truncate(file_.get(), size);
    return IOStatus::OK();
  }
  uint64_t GetFileSize(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    std::lock_guard lock(disk_->mutex_);
    return file_->content.size();
  }
  bool use_direct_io() const override { return false; }
  size_t GetRequiredBufferAlignment() const override { return 4096; }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 private:
  SimulatedDisk* const disk_;
  const std::shared_ptr<SimulatedDisk::File> file_;
  const std::string path_;
  uint64_t at_ = 0;
};

class SimulatedDirectory final : public rocksdb::FSDirectory {
 public:
  SimulatedDirectory(SimulatedDisk* disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return disk_->SyncEntries(path_);
  }
  size_t GetUniqueId(char*, size_t) const override { return 0; }

 private:
  SimulatedDisk* const disk_;
  const std::string path_;
};

void SimulatedDisk::CutPowerAfter(uint64_t operations) {
  std::lock_guard lock(mutex_);
  assert(powered_ || operations == 0);
  cut_is_set_ = operations > 0;
  operations_left_ = operations;
  if (operations == 0 && powered_) Cut();
}

void SimulatedDisk::Cut() {
  powered_ = false;
  left_.clear();
  for (const auto& [path, directory] : directories_) {
    const size_t changes = random_.Below(2) == 0 ? 0 : random_.Below(directory.since.size() + 1);
    Entries entries;
    for (const auto& [name, file] :
         changes == 0 ? directory.synced : directory.since[changes - 1]) {
      entries[name] = LeftOf(*file);
    }
    left_[path] = {entries, entries};
  }
}

std::shared_ptr<SimulatedDisk::File> SimulatedDisk::LeftOf(const File& file) {
  const size_t unsynced = file.content.size() - file.synced_bytes;
  const size_t torn = random_.Below(2) == 0 ? 0 : random_.Below(unsynced + 1);
  size_t size = file.synced_bytes + torn;
  std::string content = file.content.substr(0, size);
  const auto drop = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < std::min(end, content.size()); ++i) content[i] = '\0';
  };
  if (tears_ == Tears::kSectors) {
    // A sector that was synced in part is written whole or as it was.
    for (size_t begin = file.synced_bytes; begin < size;) {
      const size_t end = begin / kSectorBytes * kSectorBytes + kSectorBytes;
      if (random_.Below(4) == 0) drop(begin, end);
      begin = end;
    }
  }
  for (const auto& [begin, end] : file.dropped) drop(begin, end);
  if (!file.truncated.empty() && random_.OneIn(2)) content += file.truncated;
  size = content.size();
  return std::make_shared<File>(File{std::move(content), size});
}

bool SimulatedDisk::powered() const {
  std::lock_guard lock(mutex_);
  return powered_;
}

void SimulatedDisk::PowerOn() {
  std::lock_guard lock(mutex_);
  assert(!powered_);
  directories_ = std::move(left_);
  locks_.clear();
  powered_ = true;
  cut_is_set_ = false;
  one_sync_ = OneSync::kNone;
}

void SimulatedDisk::FailAfter(Fault fault, uint64_t skip) {
  std::lock_guard lock(mutex_);
  fault_ = fault;
  fault_skip_ = skip;
}

void SimulatedDisk::FailOneSyncAfter(uint64_t skip) {
  std::lock_guard lock(mutex_);
  one_sync_ = OneSync::kWillFail;
  one_sync_skip_ = skip;
}

bool SimulatedDisk::sync_has_failed() const {
  std::lock_guard lock(mutex_);
  return one_sync_ == OneSync::kHasFailed;
}

std::shared_ptr<SimulatedDisk> SimulatedDisk::Copy() const {
  std::lock_guard lock(mutex_);
  assert(locks_.empty());
  auto copy = std::make_shared<SimulatedDisk>(7, syncs_, tears_);
  copy->directories_made_ = directories_made_;
  for (const auto& [path, directory] : directories_) {
    Entries entries;
    for (const auto& [name, file] : directory.now) entries[name] = std::make_shared<File>(*file);
    copy->directories_[path] = {entries, entries};
  }
  return copy;
}

void SimulatedDisk::HoldLogSync() {
  std::lock_guard lock(mutex_);
  hold_ = Hold::kWanted;
}

void SimulatedDisk::AwaitHeldSync() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return hold_ == Hold::kHeld; });
}

void SimulatedDisk::ReleaseLogSync() {
  std::lock_guard lock(mutex_);
  hold_ = Hold::kNone;
  changed_.notify_all();
}

std::vector<std::string> SimulatedDisk::FilesEndingIn(const std::string& suffix) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, directory] : directories_) {
    for (const auto& [name, file] : directory.now) {
      if (name.ends_with(suffix)) paths.push_back(path + "/" + name);
    }
  }
  return paths;
}

void SimulatedDisk::Edit(const std::string& path, const std::function<void(std::string*)>& edit) {
  std::lock_guard lock(mutex_);
  const auto file = Find(path);
  assert(file != nullptr);
  edit(&file->content);
  file->synced_bytes = file->content.size();
}

void SimulatedDisk::Operate() {
  if (powered_ && cut_is_set_ && operations_left_-- == 0) Cut();
}

bool SimulatedDisk::Fails(Fault fault) {
  if (fault_ != fault) return false;
  if (fault_skip_ == 0) return true;
  --fault_skip_;
  return false;
}

IOStatus SimulatedDisk::Append(File* file, const std::string& path, const Slice& data) {
  std::lock_guard lock(mutex_);
  Operate();
  const bool fails = (path.ends_with(".log") && Fails(Fault::kLogAppend)) ||
                     (IsTable(path) && Fails(Fault::kTableAppend));
  if (fails) {
    // Half of it arrives, as when the device fills up.
    file->content.append(data.data(), data.size() / 2);
    IOStatus status = IOStatus::NoSpace("simulated", path);
    status.SetRetryable(true);  // As the real one is.
    return status;
  }
  file->content.append(data.data(), data.size());
  return IOStatus::OK();
}

void SimulatedDisk::Truncate(File* file, size_t size) {
  std::lock_guard lock(mutex_);
  Operate();
  file->truncated.insert(0, file->content, size);
  file->content.resize(size);
  file->synced_bytes = std::min<size_t>(file->synced_bytes, size);
}

IOStatus SimulatedDisk::Sync(File* file, const std::string& path) {
  std::unique_lock lock(mutex_);
  const bool is_log = path.ends_with(".log");
  if (is_log && hold_ == Hold::kWanted) {
    hold_ = Hold::kHeld;
    changed_.notify_all();
    changed_.wait(lock, [this] { return hold_ == Hold::kNone; });
  }
  Operate();
  if (is_log && Fails(Fault::kLogSync)) return FailSync(file, "");
  if ((IsTable(path) && Fails(Fault::kTableSync)) ||
      (path.find("MANIFEST") != std::string::npos && Fails(Fault::kManifestSync))) {
    return FailSync(file, path);
  }
  if (one_sync_ == OneSync::kWillFail && one_sync_skip_-- == 0) {
    one_sync_ = OneSync::kHasFailed;
    return FailSync(file, is_log ? "" : path);
  }
  if (syncs_ == Syncs::kKept || !is_log) {
    file->synced_bytes = file->content.size();
    file->truncated.clear();
  }
  return IOStatus::OK();
}

// The kernel takes what it could not write for written.
IOStatus SimulatedDisk::FailSync(File* file, const std::string& path) {
  if (file->synced_bytes < file->content.size()) {
    file->dropped.emplace_back(file->synced_bytes, file->content.size());
  }
  file->synced_bytes = file->content.size();
  return IOStatus::IOError("simulated sync failure", path);
}

IOStatus SimulatedDisk::SyncEntries(const std::string& path) {
  std::lock_guard lock(mutex_);
  Operate();
  Directory& directory = directories_[path];
  directory.synced = directory.now;
  directory.since.clear();
  return IOStatus::OK();
}

std::shared_ptr<SimulatedDisk::File> SimulatedDisk::Find(const std::string& raw) const {
  const std::string path = Plain(raw);
  const auto directory = directories_.find(DirectoryOf(path));
  if (directory == directories_.end()) return nullptr;
  const auto file = directory->second.now.find(NameIn(path));
  return file == directory->second.now.end() ? nullptr : file->second;
}

template <typename T>
IOStatus SimulatedDisk::OpenFile(const std::string& path, std::unique_ptr<T>* file) {
  std::lock_guard lock(mutex_);
  auto found = Find(path);
  if (found == nullptr) return IOStatus::PathNotFound(path);
  *file = std::make_unique<SimulatedFile>(this, std::move(found), path);
  return IOStatus::OK();
}

IOStatus SimulatedDisk::NewSequentialFile(const std::string& path, const rocksdb::FileOptions&,
                                          std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                          Debug*) {
  return OpenFile(path, file);
}

IOStatus SimulatedDisk::NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions&,
                                            std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                            Debug*) {
  return OpenFile(path, file);
}

IOStatus SimulatedDisk::NewWritableFile(const std::string& raw, const rocksdb::FileOptions&,
                                        std::unique_ptr<rocksdb::FSWritableFile>* file, Debug*) {
  std::lock_guard lock(mutex_);
  Operate();
  const std::string path = Plain(raw);
  auto fresh = std::make_shared<File>();
  Directory& directory = directories_[DirectoryOf(path)];
  directory.now[NameIn(path)] = fresh;
  directory.since.push_back(directory.now);
  *file = std::make_unique<SimulatedFile>(this, std::move(fresh), path);
  return IOStatus::OK();
}

IOStatus SimulatedDisk::ReopenWritableFile(const std::string& path, const rocksdb::FileOptions&,
                                           std::unique_ptr<rocksdb::FSWritableFile>* file, Debug*) {
  return OpenFile(path, file);
}

IOStatus SimulatedDisk::NewDirectory(const std::string& path, const Options&,
                                     std::unique_ptr<rocksdb::FSDirectory>* directory, Debug*) {
  *directory = std::make_unique<SimulatedDirectory>(this, Plain(path));
  return IOStatus::OK();
}

IOStatus SimulatedDisk::FileExists(const std::string& path, const Options&, Debug*) {
  std::lock_guard lock(mutex_);
  const bool exists = Find(path) != nullptr || directories_made_.contains(Plain(path));
  return exists ? IOStatus::OK() : IOStatus::NotFound(path);
}

IOStatus SimulatedDisk::GetChildren(const std::string& raw, const Options&,
                                    std::vector<std::string>* names, Debug*) {
  std::lock_guard lock(mutex_);
  const std::string path = Plain(raw);
  if (!directories_made_.contains(path)) return IOStatus::PathNotFound(path);
  names->clear();
  for (const auto& [name, file] : directories_[path].now) names->push_back(name);
  for (const std::string& made : directories_made_) {
    if (made != path && DirectoryOf(made) == path) names->push_back(NameIn(made));
  }
  return IOStatus::OK();
}

IOStatus SimulatedDisk::DeleteFile(const std::string& raw, const Options&, Debug*) {
  std::lock_guard lock(mutex_);
  Operate();
  const std::string path = Plain(raw);
  Directory& directory = directories_[DirectoryOf(path)];
  const bool erased = directory.now.erase(NameIn(path)) > 0;
  directory.since.push_back(directory.now);
  return erased ? IOStatus::OK() : IOStatus::PathNotFound(path);
}

IOStatus SimulatedDisk::CreateDir(const std::string& path, const Options& options, Debug* debug) {
  return CreateDirIfMissing(path, options, debug);
}

IOStatus SimulatedDisk::CreateDirIfMissing(const std::string& path, const Options&, Debug*) {
  std::lock_guard lock(mutex_);
  directories_made_.insert(Plain(path));
  return IOStatus::OK();
}

IOStatus SimulatedDisk::DeleteDir(const std::string& path, const Options&, Debug*) {
  std::lock_guard lock(mutex_);
  directories_made_.erase(Plain(path));
  return IOStatus::OK();
}

IOStatus SimulatedDisk::GetFileSize(const std::string& path, const Options&, uint64_t* size,
                                    Debug*) {
  std::lock_guard lock(mutex_);
  const auto file = Find(path);
  if (file == nullptr) return IOStatus::PathNotFound(path);
  *size = file->content.size();
  return IOStatus::OK();
}

IOStatus SimulatedDisk::GetFileModificationTime(const std::string&, const Options&, uint64_t* time,
                                                Debug*) {
  *time = 0;
  return IOStatus::OK();
}

IOStatus SimulatedDisk::NameAnew(const std::string& raw_from, const std::string& raw_to,
                                 bool keeps_old) {
  std::lock_guard lock(mutex_);
  Operate();
  const std::string from = Plain(raw_from);
  const std::string to = Plain(raw_to);
  auto file = Find(from);
  if (file == nullptr) return IOStatus::PathNotFound(from);
  assert(DirectoryOf(from) == DirectoryOf(to));
  Directory& directory = directories_[DirectoryOf(from)];
  if (!keeps_old) directory.now.erase(NameIn(from));
  directory.now[NameIn(to)] = std::move(file);
  directory.since.push_back(directory.now);
  return IOStatus::OK();
}

IOStatus SimulatedDisk::LockFile(const std::string& path, const Options&, rocksdb::FileLock** lock,
                                 Debug*) {
  std::lock_guard guard(mutex_);
  if (!locks_.insert(Plain(path)).second) return IOStatus::IOError("lock is held: " + path);
  *lock = new SimulatedLock(Plain(path));
  return IOStatus::OK();
}

IOStatus SimulatedDisk::UnlockFile(rocksdb::FileLock* lock, const Options&, Debug*) {
  std::lock_guard guard(mutex_);
  const std::unique_ptr<SimulatedLock> held(static_cast<SimulatedLock*>(lock));
  locks_.erase(held->path);
  return IOStatus::OK();
}

IOStatus SimulatedDisk::GetTestDirectory(const Options&, std::string* path, Debug*) {
  *path = "/test";
  return IOStatus::OK();
}

IOStatus SimulatedDisk::NewLogger(const std::string&, const Options&,
                                  std::shared_ptr<rocksdb::Logger>* logger, Debug*) {
  *logger = std::make_shared<SilentLogger>();
  return IOStatus::OK();
}

IOStatus SimulatedDisk::GetAbsolutePath(const std::string& path, const Options&,
                                        std::string* absolute, Debug*) {
  *absolute = path;
  return IOStatus::OK();
}

IOStatus SimulatedDisk::IsDirectory(const std::string& path, const Options&, bool* is_directory,
                                    Debug*) {
  std::lock_guard lock(mutex_);
  *is_directory = directories_made_.contains(Plain(path));
  return IOStatus::OK();
}

}  // namespace weir::store
