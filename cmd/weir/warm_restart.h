// WarmRestart: what is in memory when the process ends is in memory soon after the next one begins.
//
// When clients have been served to the end, what is in memory is written to a file, values and all
// (snapshot_file.h), and each database is sealed with its id (snapshot_seal.h). The next process
// puts it back into memory as fast as it can read it, if the seals prove that it still holds; and
// if not, reads its keys from the store in the background (gateway::CacheWarmer), as it does those
// of the file of names (hot_keys.h) that is written every `warm_restart_interval` for a process
// that is killed, but no more often than that it takes a hundredth of the time. Each of the two
// files takes the place of the other; but a snapshot that was cut short stands beside the names,
// and both are used, and it never takes the place of a snapshot. As long as one has not been read
// to its end, and its keys been asked for, it stays as it is.
//
// Neither is written where less than kFreeMin and its names would be left of the disk: that room is
// the database's.
//
// Threads: has one of its own, which reads the file, steps the warmer, and writes while clients are
// served; Configure at any time, on any. Ownership: borrows the gateway and the stores.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "cmd/weir/config.h"
#include "cmd/weir/snapshot_file.h"
#include "cmd/weir/snapshot_seal.h"
#include "cmd/weir/stores.h"

#include "weir/gateway/gateway.h"

namespace weir::cmd {

class WarmRestart {
 public:
  // Of the time, what listing keys takes at most while clients are served.
  static constexpr int kTimePart = 100;
  // After a failure, how many times the interval passes before the next try.
  static constexpr int kIntervalsAfterFailure = 10;
  // Twice the room without which the database refuses writes.
  static constexpr uint64_t kFreeMin = uint64_t{128} << 20;

  // Requires: nobody is served yet, and nothing has been written since `opened` was, but removals
  // of what had expired by then.
  WarmRestart(const Config& config, gateway::Gateway& gateway, const OpenedStores& opened);
  ~WarmRestart();
  WarmRestart(const WarmRestart&) = delete;
  WarmRestart& operator=(const WarmRestart&) = delete;

  // Begins, in the background. What cannot be used of the file is said in the log.
  void Start();
  // The configuration has been read again.
  void Configure(const CacheConfig& config);
  bool enabled() const;
  // Ends what goes on in the background, and with it what has not been read yet. Waits for the disk
  // while that takes what is being written.
  void Stop();
  // Takes what is in memory out of it, the most wanted first, and writes it down. What is not
  // written as soon as `interrupted` says so, which it is asked before each MiB that is written, is
  // left out. Waits for the disk and the databases for as long as they take.
  // Requires: Stop; Gateway::StopWrites; `stores` are all databases.
  void SaveAll(const SealedStores& stores, std::function<bool()> interrupted);

 private:
  using Visit = std::function<bool(std::string_view key)>;

  void Run();
  void ReadSnapshot();
  // Begins to read `names` from the store, and those of the list after them.
  void ReadList(gateway::KeyList names);
  void Warm(gateway::KeyList keys);
  void SayDamage(std::string_view file, const std::string& damage) const;
  // Writes the names, while clients are served.
  void Save();
  std::string NewId() const;
  std::chrono::milliseconds interval() const;
  size_t names_bytes_max() const;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  CacheConfig config_;  // Guarded by mutex_.
  std::atomic<bool> stops_{false};
  const bool keeps_data_;
  const std::string directory_;
  gateway::Gateway& gateway_;
  const WallTime began_;
  std::optional<SnapshotReader> snapshot_;  // While it is to be read.
  bool restores_ = false;                   // It holds.
  bool read_all_ = false;                   // Nothing is left of the files.
  bool failed_ = false;                     // The last time.
  std::chrono::milliseconds took_{0};       // The last Save.
  std::thread thread_;
};

}  // namespace weir::cmd
