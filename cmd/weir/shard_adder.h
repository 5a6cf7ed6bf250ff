// DiskShardAdder: makes a database in another directory for a running server (`weir shard add`).
//
//   open or make it ─► mark it ─► write it into shards.txt ─► use it
//        add_made        add_marked        add_kept
//
// Until shards.txt names the directory nothing has changed but in that directory, and what was left
// there is taken up by the next try; from then on the next start opens it. No range is there yet.
// Threads: thread-safe. A thread of its own for each addition, on which `done` runs; one at a time.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cmd/weir/added_shards.h"
#include "cmd/weir/budget.h"
#include "cmd/weir/config.h"

#include "weir/backup/backup_job.h"
#include "weir/base/result.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/shard_adder.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::cmd {

class DiskShardAdder final : public gateway::ShardAdder {
 public:
  static constexpr std::array<std::string_view, 3> kSteps{"add_made", "add_marked", "add_kept"};

  struct Options {
    Config config;
    Budget budget;
    std::vector<std::string> directories;      // By database; at least one.
    std::vector<store::RocksDbStore*> stores;  // As directories; owned by the gateway.
    gateway::Gateway* gateway = nullptr;       // Borrowed, as the next.
    backup::BackupJob* backup = nullptr;       // Is told of each database.
    std::function<void(std::string_view)> reached = nullptr;  // Told of each step, or nullptr.
  };

  explicit DiskShardAdder(Options options);
  ~DiskShardAdder() override;

  void Add(std::string place, std::function<void(const Result<uint32_t>&)> done) override;
  // Waits for what is under way. Nothing is added from now on.
  void End();
  // All databases. Requires: End.
  const std::vector<store::RocksDbStore*>& stores() const { return stores_; }

 private:
  Result<uint32_t> AddNow(const std::string& place);
  Result<std::string> Check(const std::string& place) const;
  Result<std::unique_ptr<store::RocksDbStore>> Open(const std::string& directory) const;
  Result<Ok> Keep(const AddedShard& shard) const;
  void ShareMemory(size_t count) const;
  void Reach(size_t step) const;

  const Options options_;
  // Of who adds, one at a time:
  std::vector<std::string> directories_;
  std::vector<store::RocksDbStore*> stores_;
  std::mutex mutex_;
  // Guarded by mutex_:
  bool busy_ = false;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace weir::cmd
