// BackupJob: makes backups of the databases of a running gateway, one at a time.
//
//   flush ─► hold every committer ─► checkpoint every database ─► release ─► copy ─► manifest ─►
//   rename
//            └──────────── no write begins: milliseconds ───────┘
//
// While all are held, every acknowledged write is in its database and no batch is half in any; so
// the checkpoints together are the state of that moment: a cut through all databases, at which
// every transaction is whole. The copy is of files that no longer change.
// The directory is made under the name DIR.partial and renamed when it is complete and durable, so
// what has the name DIR is whole. What goes wrong, cancelling included, leaves nothing behind; a
// crash leaves DIR.partial, which is no backup, and a checkpoint, which goes at the next start.
// Threads: thread-safe. A thread of its own for each backup; `begun` runs there.
// Limits: one backup at a time; writes are held for kHoldMax at most while waiting for databases.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "weir/backup/manifest.h"
#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/gateway/backup_control.h"
#include "weir/gateway/committer.h"
#include "weir/gateway/log_holds.h"
#include "weir/store/checkpoints.h"

namespace weir::backup {

class BackupJob final : public gateway::BackupControl {
 public:
  static constexpr std::chrono::seconds kHoldMax{5};
  // What must stay free beside a backup.
  static constexpr uint64_t kFreeBytesMin = uint64_t{64} << 20;

  struct Database {
    gateway::Committer* committer = nullptr;
    store::Checkpoints* checkpoints = nullptr;
  };
  struct Options {
    std::vector<Database> databases;     // Borrowed, as AddDatabase does.
    gateway::LogHolds* holds = nullptr;  // Borrowed: the right to hold the databases' logs.
    std::vector<Manifest::Shard> shards;
    std::string weir_version;
  };

  BackupJob(Options options, Clock& clock);
  // Cancels what is running, and waits for it.
  ~BackupJob() override;

  // A database of one shard, which is the last from now on. Before a range may go there: a backup
  // whose cut comes later has it.
  void AddDatabase(const Database& database);

  void Start(std::string directory, std::function<void(const Result<Ok>&)> begun) override;
  gateway::BackupStatus status() const override;
  bool Cancel() override;

 private:
  void Run(const std::string& directory, const std::function<void(const Result<Ok>&)>& begun);
  Result<std::string> Claim(const std::string& directory) const;
  Result<Ok> Write(const std::string& directory, const std::string& partial);
  Result<std::vector<store::Checkpoints::Made>> Cut(Manifest* manifest);
  static Result<Ok> HoldAll(const std::vector<Database>& databases);
  // Holds the logs of all databases, and puts their shards into the manifest.
  Result<std::vector<Database>> HoldAllThereAre(Manifest* manifest);
  std::vector<Database> Databases() const;
  Result<Ok> CopyAll(const std::vector<store::Checkpoints::Made>& made,
                     const std::filesystem::path& partial, Manifest* manifest);
  void Finish(const Result<Ok>& result);
  void Update(const std::function<void(gateway::BackupStatus&)>& change);

  const Options options_;  // But for databases and shards.
  Clock& clock_;
  std::atomic<bool> cancelled_{false};

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  gateway::BackupStatus status_;
  std::vector<Database> databases_;
  std::vector<Manifest::Shard> shards_;
  std::thread thread_;
};

}  // namespace weir::backup
