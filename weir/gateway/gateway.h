// Gateway: a node's request pipeline without its sockets: admit → route → look up → load or write.
//
// It holds what all connections share; each connection has a Pipeline (pipeline.h), each event loop
// an Outbox in which it collects a round's work for the databases.
// Threads: thread-safe after construction.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/gateway/admission.h"
#include "weir/gateway/database.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/stats.h"
#include "weir/gateway/version_clock.h"
#include "weir/ring/slot_table.h"

namespace weir::gateway {

// One moment in both times, read once for a burst of requests.
struct Moment {
  MonoTime mono;
  WallTime wall;
};

// What an event loop collects in one round and hands on at its end.
struct Outbox {
  Moment now;
  LoopStats* stats = nullptr;
  std::vector<std::vector<std::unique_ptr<WriteItem>>> writes;  // By database.
  std::vector<std::vector<LoadRequest>> loads;                  // By database.
};

// What INFO and CONFIG say of the process.
struct ProcessInfo {
  std::string version;
  std::string run_id;
  uint64_t process_id = 0;
  uint16_t tcp_port = 0;
  size_t threads = 1;
  size_t memory_budget_bytes = 0;
  uint64_t clients_max = 0;
  MonoTime started;
  std::function<uint64_t()> connected_clients = [] { return uint64_t{0}; };
  std::function<uint64_t()> resident_bytes = [] { return uint64_t{0}; };
  // Parameters that CONFIG GET shows.
  std::vector<std::pair<std::string, std::string>> parameters;
};

class Gateway {
 public:
  static constexpr ring::NodeId kThisNode{0};
  static ring::SlotTable OwnsAll(ring::NodeId node);

  struct Options {
    Placement::Options placement;
    size_t cache_bytes = size_t{64} << 20;
    Admission::Options admission;
    // Which node serves each slot, and which node this is. Default: this one serves all.
    ring::SlotTable slots = OwnsAll(kThisNode);
    ring::NodeId self = kThisNode;
    ProcessInfo process;
  };

  // Errors: kInvalid for policies that cannot be. Takes one store for each database.
  static Result<std::unique_ptr<Gateway>> Create(Options options,
                                                 std::vector<std::unique_ptr<store::Store>> stores,
                                                 Clock& clock);
  // Waits for all writes that are under way. Requires: nobody submits any more.
  ~Gateway();

  const Placement& placement() const { return placement_; }
  const ring::SlotTable& slots() const { return slots_; }
  // Whether this node serves the keys of `slot`. Cost: one load.
  bool Serves(uint32_t slot) const { return slots_.Owner(slot) == self_; }
  Lanes& lanes() { return lanes_; }
  Admission& admission() { return *admission_; }
  Clock& clock() { return clock_; }
  Database& database(size_t index) { return *databases_[index]; }
  size_t databases() const { return databases_.size(); }
  // The longest key that every database takes.
  size_t key_bytes_max() const { return key_bytes_max_; }
  const ProcessInfo& process() const { return process_; }

  Outbox MakeOutbox(LoopStats* stats) const;
  // Hands a round's work to the databases.
  void Flush(Outbox& outbox);

  // To be called ten times a second: expiry, settling, the counts that INFO shows.
  void Tick();

  void AddStats(const LoopStats* stats);
  // Calls `add` with the stats of every loop.
  void ForEachStats(const std::function<void(const LoopStats&)>& add) const;

  // Records, and those with an expiry, as counted within the last second or so.
  uint64_t recent_records() const;
  uint64_t recent_expiring() const;

 private:
  Gateway(Options options, std::vector<std::unique_ptr<store::Store>> stores,
          std::unique_ptr<Admission> admission, Clock& clock);
  void Recount();

  Clock& clock_;
  Placement placement_;
  ring::SlotTable slots_;
  ring::NodeId self_;
  Lanes lanes_;
  VersionClock versions_;
  std::unique_ptr<Admission> admission_;
  ProcessInfo process_;
  size_t key_bytes_max_ = SIZE_MAX;
  std::vector<std::unique_ptr<Database>> databases_;

  mutable std::mutex mutex_;
  std::vector<const LoopStats*> stats_;  // Guarded by mutex_.
  std::atomic<int64_t> next_count_ms_{0};
  // By database, as last counted.
  std::vector<std::atomic<uint64_t>> records_;
  std::vector<std::atomic<uint64_t>> expiring_;
};

}  // namespace weir::gateway
