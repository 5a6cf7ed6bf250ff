// BackgroundErrors: what RocksDB's flushes and compactions failed with, and the way back.
//
// When a flush or a compaction fails, nothing is lost: the records are in the memtables and in the
// log. RocksDB stops writing until it is told to try again, and goes on reading. So writes are
// refused before they begin, and Resumer tries again, by itself, until the device lets it.
// RocksDB may forget, of all things, the flush that its resuming waits for: a flush is taken off
// the count of those to be started when its job is queued, and a job that begins while background
// work is stopped ends without its flush (7.8, DBImpl::BackgroundFlush). TryResume notices, and the
// database is opened anew.
// A failed write of the log is none of this: the write that met it is answered with kUnknown.
// Threads: thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include "weir/base/result.h"

namespace weir::store {

// What a write hears that was refused for `error`.
Error TableError(const std::string& error);

class BackgroundErrors final : public rocksdb::EventListener {
 public:
  // Why a write may not begin, or nullopt. kCorrupt when trying again is of no use.
  std::optional<Error> refusal() const;

  // Whether `failed`, the outcome of a write, is the error of a flush or compaction, be it of this
  // moment or of a moment ago: RocksDB refused the write before it wrote anything. (A manifest is
  // written by writes too, behind the log, so its errors say nothing.)
  bool Refused(const rocksdb::Status& failed) const;

  // Forgets the error, unless it is newer than the first `count`: RocksDB has resumed, or is to be
  // opened anew.
  void Clear(uint64_t count);

  // The database was closed to be opened anew, which failed with `error`: to be tried again.
  void NotOpened(const std::string& error);

  // Waits until there is an error that can be resumed from. Returns: false after Stop.
  bool Await();
  // Waits for `pause`. Returns: false after Stop.
  bool Pause(std::chrono::milliseconds pause);
  void Stop();

  // How many errors there have been.
  uint64_t count() const;

 private:
  static constexpr size_t kRemembered = 64;

  bool IsTableError(const rocksdb::Status& status) const;
  void Note(std::string error);
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> error_;
  std::deque<std::string> table_errors_;  // The last kRemembered, not those of a manifest.
  bool damage_ = false;
  bool stopping_ = false;
  uint64_t count_ = 0;
};

struct TriedResume {
  rocksdb::Status status;
  bool forgotten = false;  // Flushes; `rocks` is shut down, and nothing but closing it is of use.
};

// Has RocksDB resume. For `forgotten_after` there must be memtables to flush with no flush and no
// compaction at work until a flush counts as forgotten. Blocks while RocksDB flushes.
TriedResume TryResume(rocksdb::DB& rocks, std::chrono::milliseconds forgotten_after);

// A thread that calls `resume` while there is an error, at growing intervals.
// Requires: Stop before what `resume` uses is destroyed.
class Resumer {
 public:
  static constexpr std::chrono::milliseconds kPauseMin{100};
  static constexpr std::chrono::milliseconds kPauseMax{5000};

  // `resume` returns whether RocksDB has resumed. Borrows `errors`.
  Resumer(BackgroundErrors* errors, std::function<bool()> resume);
  ~Resumer() { Stop(); }
  void Stop();

 private:
  void Run();

  BackgroundErrors* const errors_;
  const std::function<bool()> resume_;
  std::thread thread_;
};

}  // namespace weir::store
