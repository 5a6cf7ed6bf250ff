#include "weir/store/rocksdb/data_directory.h"

#include <charconv>
#include <string_view>
#include <vector>

#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::store {
namespace {

using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::string_view kCreatingText = "weir-data 1 creating shards=";
constexpr std::string_view kRestoringText = "weir-data 1 restoring shards=";
constexpr std::string_view kReadyText = "weir-data 1 ready shards=";
// What a backup has in place of FORMAT.
constexpr std::string_view kBackupManifest = "BACKUP";

Error Unavailable(const std::string& path, const IOStatus& status) {
  return {ErrorCode::kUnavailable, "data directory " + path + ": " + status.ToString()};
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

IOStatus SyncDirectory(rocksdb::FileSystem& files, const std::string& path) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  IOStatus status = files.NewDirectory(path, IOOptions(), &directory, nullptr);
  return status.ok() ? directory->Fsync(IOOptions(), nullptr) : status;
}

// Returns: nullopt unless `text` is `prefix`, a shard count and a newline.
std::optional<uint32_t> ShardsAfter(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix) || !text.ends_with('\n')) return std::nullopt;
  text.remove_prefix(prefix.size());
  text.remove_suffix(1);
  uint32_t shards = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), shards);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (shards == 0 || shards > kShardsMax) return std::nullopt;
  return shards;
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::Lock(
    std::shared_ptr<rocksdb::FileSystem> files, std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  IOStatus status = files->CreateDirIfMissing(path, IOOptions(), nullptr);
  if (status.ok()) status = SyncDirectory(*files, ParentOf(path));
  if (!status.ok()) return Unavailable(path, status);
  rocksdb::FileLock* lock = nullptr;
  status = files->LockFile(path + "/LOCK", IOOptions(), &lock, nullptr);
  if (!status.ok()) {
    return Error{ErrorCode::kUnavailable,
                 "data directory " + path +
                     " is in use by another weir; stop that one or choose another directory (" +
                     status.ToString() + ")"};
  }
  return std::unique_ptr<DataDirectory>(new DataDirectory(std::move(files), std::move(path), lock));
}

DataDirectory::~DataDirectory() {
  files_->UnlockFile(lock_, IOOptions(), nullptr).PermitUncheckedError();
}

Result<std::optional<DataDirectory::Format>> DataDirectory::ReadFormat() const {
  IOStatus status = files_->FileExists(format_path(), IOOptions(), nullptr);
  if (status.IsNotFound()) {
    std::vector<std::string> names;
    status = files_->GetChildren(path_, IOOptions(), &names, nullptr);
    if (!status.ok()) return Unavailable(path_, status);
    for (const std::string& name : names) {
      if (name == "." || name == ".." || name == "LOCK" || name == "FORMAT.new" ||
          name == "lost+found") {
        continue;
      }
      if (name == kBackupManifest) {
        return Error{ErrorCode::kCorrupt, path_ +
                                              " is a backup; restore it into a new data directory "
                                              "with `weir restore`, and serve that"};
      }
      return Error{
          ErrorCode::kCorrupt,
          "directory " + path_ + " holds " + name +
              " but no FORMAT, so it is not a complete weir data directory; restore FORMAT "
              "from a backup or choose an empty directory"};
    }
    return std::optional<Format>();
  }
  std::string text;
  if (status.ok()) status = rocksdb::ReadFileToString(files_.get(), format_path(), &text);
  if (!status.ok()) return Unavailable(path_, status);
  using enum Format::Phase;
  if (const auto shards = ShardsAfter(kReadyText, text)) {
    return std::optional(Format{kReady, *shards});
  }
  if (const auto shards = ShardsAfter(kCreatingText, text)) {
    return std::optional(Format{kCreating, *shards});
  }
  if (ShardsAfter(kRestoringText, text)) {
    return Error{ErrorCode::kCorrupt, "a restore into data directory " + path_ +
                                          " was not finished; remove the directory and restore "
                                          "again"};
  }
  return Error{ErrorCode::kCorrupt,
               "data directory " + path_ +
                   " has a format that this weir does not know; open it with the version of weir "
                   "that wrote it (FORMAT begins with \"" +
                   text.substr(0, text.find_first_of("\n")).substr(0, 60) + "\")"};
}

Result<Ok> DataDirectory::WriteFormat(Format format) {
  std::string_view begin = kReadyText;
  if (format.phase == Format::Phase::kCreating) begin = kCreatingText;
  if (format.phase == Format::Phase::kRestoring) begin = kRestoringText;
  const std::string text = std::string(begin) + std::to_string(format.shards) + "\n";
  const std::string fresh = path_ + "/FORMAT.new";
  IOStatus status = rocksdb::WriteStringToFile(files_.get(), text, fresh, /*should_sync=*/true);
  if (status.ok()) status = files_->RenameFile(fresh, format_path(), IOOptions(), nullptr);
  if (status.ok()) status = SyncDirectory(*files_, path_);
  if (!status.ok()) return Unavailable(path_, status);
  return Ok{};
}

}  // namespace weir::store
