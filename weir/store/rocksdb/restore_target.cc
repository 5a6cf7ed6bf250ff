#include "weir/store/rocksdb/restore_target.h"

#include <utility>

#include "weir/store/rocksdb/data_directory.h"

namespace weir::store {
namespace {

using Phase = DataDirectory::Format::Phase;

class RestoreTargetOnDisk final : public RestoreTarget {
 public:
  RestoreTargetOnDisk(std::unique_ptr<DataDirectory> directory, uint32_t shards)
      : directory_(std::move(directory)), shards_(shards) {}

  std::string files() const override { return directory_->database_path(); }
  Result<Ok> Finish() override { return directory_->WriteFormat({Phase::kReady, shards_}); }

 private:
  const std::unique_ptr<DataDirectory> directory_;
  const uint32_t shards_;
};

}  // namespace

Result<std::unique_ptr<RestoreTarget>> RestoreTarget::Begin(const std::string& directory,
                                                            uint32_t shards) {
  const auto files = rocksdb::FileSystem::Default();
  auto locked = DataDirectory::Lock(files, directory);
  if (!locked.ok()) return locked.error();
  std::unique_ptr<DataDirectory> data = std::move(locked).value();
  const auto format = data->ReadFormat();
  if (!format.ok() || format.value().has_value()) {
    return Error{ErrorCode::kInvalid,
                 "data directory " + data->path() + " is not empty; choose one that is"};
  }
  // Before the first file, so that a crash leaves nothing that could be opened.
  if (auto written = data->WriteFormat({Phase::kRestoring, shards}); !written.ok()) {
    return written.error();
  }
  const rocksdb::IOStatus status =
      files->CreateDir(data->database_path(), rocksdb::IOOptions(), nullptr);
  if (!status.ok()) {
    return Error{ErrorCode::kUnavailable,
                 "cannot make " + data->database_path() + ": " + status.ToString()};
  }
  return std::unique_ptr<RestoreTarget>(
      std::make_unique<RestoreTargetOnDisk>(std::move(data), shards));
}

}  // namespace weir::store
