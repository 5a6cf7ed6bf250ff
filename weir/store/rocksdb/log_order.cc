#include "weir/store/rocksdb/log_order.h"

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <rocksdb/file_system.h>

namespace weir::store {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// One log, shared by who writes it and by who begins the next. A closed one needs no sync: RocksDB
// closes a log when its content is in synced tables, or when the database is closed, and opening it
// puts the content there.
class Log {
 public:
  explicit Log(std::unique_ptr<rocksdb::FSWritableFile> file) : file_(std::move(file)) {}

  rocksdb::FSWritableFile* file() { return file_.get(); }

  // A sync that has failed is not tried again: the kernel may have dropped what it could not write.
  IOStatus SyncUnlessClosed() {
    std::lock_guard lock(mutex_);
    if (!closed_ && synced_.ok()) synced_ = file_->Sync(IOOptions(), nullptr);
    return closed_ ? IOStatus::OK() : synced_;
  }

  IOStatus Close(const IOOptions& options, IODebugContext* debug) {
    std::lock_guard lock(mutex_);
    closed_ = true;
    return file_->Close(options, debug);
  }

 private:
  std::mutex mutex_;
  bool closed_ = false;
  IOStatus synced_;
  const std::unique_ptr<rocksdb::FSWritableFile> file_;
};

class WriterOfLog final : public rocksdb::FSWritableFileWrapper {
 public:
  explicit WriterOfLog(std::shared_ptr<Log> log)
      : FSWritableFileWrapper(log->file()), log_(std::move(log)) {}

  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return log_->Close(options, debug);
  }

 private:
  const std::shared_ptr<Log> log_;
};

class LogsInOrder final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "weir.LogsInOrder"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (!path.ends_with(".log")) return target()->NewWritableFile(path, options, file, debug);
    std::lock_guard lock(mutex_);
    // Checkpoints copy logs to other directories.
    std::weak_ptr<Log>& newest = newest_[path.substr(0, path.find_last_of('/'))];
    if (const std::shared_ptr<Log> before = newest.lock()) {
      const IOStatus synced = before->SyncUnlessClosed();
      if (!synced.ok()) return synced;
    }
    std::unique_ptr<rocksdb::FSWritableFile> made;
    const IOStatus status = target()->NewWritableFile(path, options, &made, debug);
    if (!status.ok()) return status;
    auto log = std::make_shared<Log>(std::move(made));
    newest = log;
    *file = std::make_unique<WriterOfLog>(std::move(log));
    return status;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Log>> newest_;  // By directory.
};

class EnvWithLogsInOrder final : public rocksdb::EnvWrapper {
 public:
  explicit EnvWithLogsInOrder(std::unique_ptr<rocksdb::Env> env) : EnvWrapper(std::move(env)) {
    file_system_ = std::make_shared<LogsInOrder>(file_system_);
  }
  const char* Name() const override { return "weir.EnvWithLogsInOrder"; }
};

}  // namespace

std::unique_ptr<rocksdb::Env> KeepLogsInOrder(std::unique_ptr<rocksdb::Env> env) {
  return std::make_unique<EnvWithLogsInOrder>(std::move(env));
}

}  // namespace weir::store
