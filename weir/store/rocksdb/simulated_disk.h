// SimulatedDisk: a file system in memory that forgets what was not synced, for tests of this
// folder.
//
// What a power cut leaves, as POSIX promises it and no more:
//   - of a file's content, what its last Sync covered, and a random part of what was appended since
//     (a torn write): its beginning or, with Tears::kSectors, any sectors of it, with zeroes
//     between;
//   - of a directory, the entries at its last Fsync and some of the changes since, in order: the
//     other files created, renamed or deleted since are back in their old place.
// A sync that fails drops what it was to cover: the file still shows it, and no later sync writes
// it. It also fails the n-th operation of a kind, and holds one Sync of a log until it is let go.
// Threads: thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "weir/base/random.h"

namespace weir::store {

class SimulatedDisk final : public rocksdb::FileSystem {
 public:
  // With kLogsForgotten a sync of a log answers that all is well and does nothing: what a checker
  // must find out.
  enum class Syncs { kKept, kLogsForgotten };

  enum class Tears { kEnds, kSectors };

  explicit SimulatedDisk(uint64_t seed, Syncs syncs = Syncs::kKept, Tears tears = Tears::kEnds)
      : random_(seed), syncs_(syncs), tears_(tears) {}

  // A disk with the same content, on its own from now on. Requires: nobody uses this one.
  std::shared_ptr<SimulatedDisk> Copy() const;

  // The power goes off after `operations` more appends, syncs, renames, deletions and creations.
  // What the disk holds for PowerOn is fixed at that instant. Calls go on as if nothing were, for a
  // process does not see its power fail: whoever uses the disk is doomed, and what it is told once
  // powered() is false counts for nothing.
  void CutPowerAfter(uint64_t operations);
  // At once.
  void CutPower() { CutPowerAfter(0); }
  bool powered() const;
  // Requires: whoever used the disk is gone. The disk is as the power cut left it.
  void PowerOn();

  // Fails appends or syncs of one kind of file: the first after `skip` successes, and all until
  // Repair. Appends find no space left, syncs fail as a broken device does.
  enum class Fault { kNone, kLogAppend, kLogSync, kTableAppend, kTableSync, kManifestSync };
  void FailAfter(Fault fault, uint64_t skip);
  void Repair() { FailAfter(Fault::kNone, 0); }
  // Fails one sync, of whatever file: the one after `skip` others, if the power stays on so long.
  void FailOneSyncAfter(uint64_t skip);
  // Whether it has failed.
  bool sync_has_failed() const;

  // Holds the next log sync. AwaitHeldSync returns when one is held.
  void HoldLogSync();
  void AwaitHeldSync();
  void ReleaseLogSync();

  // Files whose name ends in `suffix`, by path; all of them for "".
  std::vector<std::string> FilesEndingIn(const std::string& suffix) const;
  // Changes a file behind everyone's back. Requires: it exists.
  void Edit(const std::string& path, const std::function<void(std::string*)>& edit);

  const char* Name() const override { return "weir.SimulatedDisk"; }
  using Options = rocksdb::IOOptions;
  using Status = rocksdb::IOStatus;
  using Debug = rocksdb::IODebugContext;
  Status NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSSequentialFile>* file, Debug*) override;
  Status NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSRandomAccessFile>* file, Debug*) override;
  Status NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                         std::unique_ptr<rocksdb::FSWritableFile>* file, Debug*) override;
  Status ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                            std::unique_ptr<rocksdb::FSWritableFile>* file, Debug*) override;
  Status NewDirectory(const std::string& path, const Options& options,
                      std::unique_ptr<rocksdb::FSDirectory>* directory, Debug*) override;
  Status FileExists(const std::string& path, const Options&, Debug*) override;
  Status GetChildren(const std::string& path, const Options&, std::vector<std::string>* names,
                     Debug*) override;
  Status DeleteFile(const std::string& path, const Options&, Debug*) override;
  Status CreateDir(const std::string& path, const Options&, Debug*) override;
  Status CreateDirIfMissing(const std::string& path, const Options&, Debug*) override;
  Status DeleteDir(const std::string& path, const Options&, Debug*) override;
  Status GetFileSize(const std::string& path, const Options&, uint64_t* size, Debug*) override;
  Status GetFileModificationTime(const std::string& path, const Options&, uint64_t* time,
                                 Debug*) override;
  Status RenameFile(const std::string& from, const std::string& to, const Options&,
                    Debug*) override {
    return NameAnew(from, to, /*keeps_old=*/false);
  }
  Status LinkFile(const std::string& from, const std::string& to, const Options&, Debug*) override {
    return NameAnew(from, to, /*keeps_old=*/true);
  }
  Status LockFile(const std::string& path, const Options&, rocksdb::FileLock** lock,
                  Debug*) override;
  Status UnlockFile(rocksdb::FileLock* lock, const Options&, Debug*) override;
  Status GetTestDirectory(const Options&, std::string* path, Debug*) override;
  Status NewLogger(const std::string& path, const Options&,
                   std::shared_ptr<rocksdb::Logger>* logger, Debug*) override;
  Status GetAbsolutePath(const std::string& path, const Options&, std::string* absolute,
                         Debug*) override;
  Status IsDirectory(const std::string& path, const Options&, bool* is_directory, Debug*) override;

 private:
  friend class SimulatedFile;
  friend class SimulatedDirectory;

  struct File {
    std::string content;
    size_t synced_bytes = 0;
    // What a failed sync has dropped: begin and end.
    std::vector<std::pair<size_t, size_t>> dropped = {};
    std::string truncated = {};  // Since the last Sync: a power cut may bring it back.
  };
  using Entries = std::map<std::string, std::shared_ptr<File>>;  // By name in the directory.
  struct Directory {
    Entries now;
    Entries synced;
    std::vector<Entries> since = {};  // After each change since the sync.
  };

  // One operation that changes the disk: counts towards the power cut. Requires: mutex_ held.
  void Operate();
  void Cut();
  // What the power cut leaves of a file.
  std::shared_ptr<File> LeftOf(const File& file);
  Status FailSync(File* file, const std::string& path);
  Status Append(File* file, const std::string& path, const rocksdb::Slice& data);
  void Truncate(File* file, size_t size);
  Status Sync(File* file, const std::string& path);
  Status NameAnew(const std::string& from, const std::string& to, bool keeps_old);
  Status SyncEntries(const std::string& path);
  template <typename T>
  Status OpenFile(const std::string& path, std::unique_ptr<T>* file);
  bool Fails(Fault fault);
  std::shared_ptr<File> Find(const std::string& path) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Random random_;
  const Syncs syncs_;
  const Tears tears_;
  std::map<std::string, Directory> directories_;
  std::map<std::string, Directory> left_;   // By the power cut.
  std::set<std::string> directories_made_;  // Directories are durable when made, for simplicity.
  std::set<std::string> locks_;
  bool powered_ = true;
  bool cut_is_set_ = false;
  uint64_t operations_left_ = 0;
  Fault fault_ = Fault::kNone;
  uint64_t fault_skip_ = 0;
  enum class OneSync { kNone, kWillFail, kHasFailed } one_sync_ = OneSync::kNone;
  uint64_t one_sync_skip_ = 0;
  enum class Hold { kNone, kWanted, kHeld } hold_ = Hold::kNone;
};

// Does what the message of a refused log tells a person to run: truncate -s N 'PATH'. Returns
// whether it tells that.
bool DoAsTold(SimulatedDisk& disk, const std::string& message);

// An environment over `disk` in which nobody sleeps: RocksDB waits a second after a failed flush.
std::unique_ptr<rocksdb::Env> MakeEnv(std::shared_ptr<SimulatedDisk> disk);

}  // namespace weir::store
