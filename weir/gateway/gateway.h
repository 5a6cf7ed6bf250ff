// Gateway: a node's request pipeline without its sockets: route → admit → look up → load or write.
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
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/gateway/admission.h"
#include "weir/gateway/alarms.h"
#include "weir/gateway/authentication.h"
#include "weir/gateway/backup_control.h"
#include "weir/gateway/burst.h"
#include "weir/gateway/cache_snapshot.h"
#include "weir/gateway/cache_warmer.h"
#include "weir/gateway/client_pause.h"
#include "weir/gateway/client_tracking.h"
#include "weir/gateway/clients.h"
#include "weir/gateway/database.h"
#include "weir/gateway/growing.h"
#include "weir/gateway/heavy_work.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/latency_events.h"
#include "weir/gateway/log_holds.h"
#include "weir/gateway/memory.h"
#include "weir/gateway/miss_ratio_window.h"
#include "weir/gateway/monitors.h"
#include "weir/gateway/peer_sessions.h"
#include "weir/gateway/peers.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/process_info.h"
#include "weir/gateway/range_keeper.h"
#include "weir/gateway/range_moves.h"
#include "weir/gateway/rates.h"
#include "weir/gateway/shard_adder.h"
#include "weir/gateway/slow_log.h"
#include "weir/gateway/stats.h"
#include "weir/gateway/stats_totals.h"
#include "weir/gateway/version_clock.h"
#include "weir/nodes/node_table.h"
#include "weir/ring/slot_table.h"

namespace weir::gateway {

// One moment in both times, read once for a burst of requests.
struct Moment {
  MonoTime mono;
  WallTime wall;
};

// What an event loop collects in one round and hands on at its end.
struct Outbox {
  // Commands of several keys look at so many keys in one round; one that comes then waits for the
  // next round.
  static constexpr size_t kRoundKeysMax = 4096;

  Moment now;
  size_t keys_looked_at = 0;  // By such commands, in this round.
  LoopStats* stats = nullptr;
  Burst burst;
  Admission::View limits;
  Random draws{0};  // Of requests, for the journal of limits.
  Alarms alarms;    // To be rung by the loop: Pipeline::OnAlarm.
  std::vector<std::vector<std::unique_ptr<WriteItem>>> writes;  // By database, also those to come.
  std::vector<std::vector<LoadRequest>> loads;                  // As writes.
  std::vector<std::shared_ptr<Forward>> forwards;               // To other nodes, in order.
  std::string monitored;          // Lines that monitors have not been shown.
  ClientTracking::Untold untold;  // To clients that track keys.
};

// What the databases have counted, added up.
struct StoreTotals {
  bool healthy = true;  // Every database takes writes.
  Committer::Counters committer;
};

class Gateway {
 public:
  static constexpr ring::NodeId kThisNode{0};
  // There may be so many databases, and shards, more than it begins with.
  static constexpr size_t kAddedMax = 64;
  static ring::SlotTable OwnsAll(ring::NodeId node);

  struct Options {
    Placement::Options placement;
    RangeKeeper::Options ranges;
    RangeMoves::Options moves;
    size_t cache_bytes = size_t{64} << 20;
    cache::Cache::Objective cache_objective = cache::Cache::Objective::kHits;
    Memory::Limits memory;
    // How long requests may wait for a place at their database.
    limit::QueueDelay::Options waits;
    Admission::Options admission;
    Authentication::Options authentication;
    // The nodes that serve clients together; nullptr: this one alone, and Redis Cluster's protocol
    // is not spoken.
    std::shared_ptr<const nodes::NodeTable> nodes = nullptr;
    PeerSessions::Options peers;
    Redirect redirect = Redirect::kAuto;
    std::chrono::milliseconds peer_timeout{5000};  // How long a forwarded command may take.
    bool serves_at_once = true;                    // false: not before StartServing.
    // For reads of large values, LCS and the like. One more thread composes batches that copy large
    // values. 0: both happen at once, on the thread that finds them.
    size_t heavy_read_threads = 2;
    // Keys that clients are tracked for at once.
    size_t tracked_keys_max = ClientTracking::kKeysMax;
    ProcessInfo process;
  };

  // Errors: kInvalid for policies that cannot be. Takes one store for each database.
  static Result<std::unique_ptr<Gateway>> Create(Options options,
                                                 std::vector<std::unique_ptr<store::Store>> stores,
                                                 Clock& clock);
  // Waits for all writes that are under way. Requires: nobody submits any more.
  ~Gateway();

  const Placement& placement() const { return placement_; }
  RangeKeeper& ranges() { return *ranges_; }
  RangeMoves& moves() { return *moves_; }
  LogHolds& log_holds() { return log_holds_; }
  // nullptr: there is this node alone.
  const nodes::NodeTable* nodes() const { return nodes_.get(); }
  const ring::SlotTable& slots() const { return slots_; }
  // Whether this node serves the keys of `slot`. Cost: one load.
  bool Serves(uint32_t slot) const { return slots_.Owner(slot) == self_; }
  // Whether clients are served. Who comes before is answered LOADING, but for what begins and ends
  // a connection and tells of the process: kFlagLoading without keys and rights.
  bool serving() const { return serving_.load(std::memory_order_relaxed); }
  void StartServing() { serving_ = true; }
  // Whether it serves all slots, so that no key need be asked about.
  bool ServesAll() const { return serves_all_; }
  // What is in the cache already stays there for as long as it was put there for, but where the
  // cache is bypassed from now on: that is forgotten.
  void SetKeyspaces(std::vector<Keyspace> keyspaces);
  Lanes& lanes() { return lanes_; }
  // Begins to fill the cache with what these keys hold: see CacheWarmer::Begin.
  void Warm(KeyList keys) { warmer_.Begin(std::move(keys), databases_); }
  CacheWarmer& warmer() { return warmer_; }
  CacheRestore& restore() { return restore_; }
  Memory& memory() { return memory_; }
  const Memory& memory() const { return memory_; }
  HeavyWork& heavy_reads() { return heavy_reads_; }
  Admission& admission() { return *admission_; }
  Authentication& authentication() { return *authentication_; }
  Clock& clock() { return clock_; }
  Database& database(size_t index) { return *databases_[index]; }
  size_t databases() const { return databases_.size(); }
  // Whether there may be one more. Errors: kInvalid.
  Result<Ok> RoomForDatabase() const;
  // Makes `store`, which holds nothing, the last database, and returns its index. No key is there
  // before a shard is. By one thread at a time, while requests go on. Requires: there is room, and
  // it takes as much at once as the others.
  uint32_t AddDatabase(std::unique_ptr<store::Store> store);
  // Makes `place` the last shard, from where on ranges may be moved there. Returns its number.
  // `name`: of where it is, for people. Requires: as many were added as databases, at most.
  uint32_t AddShard(ShardPlace place, std::string name);
  // The longest key that every database takes.
  size_t key_bytes_max() const { return key_bytes_max_; }
  // The most keys that every database takes in one write.
  size_t write_keys_max() const { return write_keys_max_; }
  const ProcessInfo& process() const { return process_; }
  // What makes backups, or nullptr. Borrowed until the end, or until another is set.
  // Set before anything is served, and after nothing is any more.
  BackupControl* backup() const { return backup_; }
  void UseBackup(BackupControl* backup) { backup_ = backup; }
  PeerSessions& peer_sessions() { return peer_sessions_; }
  // The way to the other nodes, or nullptr: nothing is forwarded. As for backups.
  Peers* peers() const { return peers_; }
  void UsePeers(Peers* peers) { peers_ = peers; }
  Redirect redirect() const { return redirect_; }
  std::chrono::milliseconds peer_timeout() const { return peer_timeout_; }
  // What makes databases, or nullptr. As for backups.
  ShardAdder* shard_adder() const { return shard_adder_; }
  void UseShardAdder(ShardAdder* adder) { shard_adder_ = adder; }
  // The way to all connections. Borrowed; set before anything is served.
  ClientControl& clients() { return *clients_; }
  void UseClients(ClientControl* clients) { clients_ = clients; }
  uint64_t clients_max() const { return clients_max_; }
  void SetClientsMax(uint64_t clients) { clients_max_ = clients; }

  Outbox MakeOutbox(LoopStats* stats) const;
  // Hands a round's work to the databases, and what it has shown to the monitors.
  void Flush(Outbox& outbox);
  void PublishMonitored(Outbox& outbox);

  // A number for choices. Who has seen one can work out the others: those that must be secret are
  // of SecretNumbers. Threads: thread-safe.
  uint64_t NextRandom();

  // Bytes of names found by KEYS that no client has been given yet. May outlive the gateway.
  const std::shared_ptr<std::atomic<size_t>>& keys_bytes() const { return keys_bytes_; }

  // A home has nothing more to read for now. To be called once soon after writes were delivered.
  void OnHomeIdle();
  // Whether a CLUSTER SLOT-STATS is under way: one at a time. May outlive the gateway.
  const std::shared_ptr<std::atomic<bool>>& slot_stats() const { return slot_stats_; }

  // Homes begin to go away. To be called before the first one may.
  void StopGathering();
  // Every write that was begun is durable and published, or refused, when this returns; reads of
  // the databases end with an error from now on. The databases stay open, for who looks at them
  // past this.
  void StopWrites();

  // Frees cache entries that are over, for at most about a millisecond. To be called ten times a
  // second, and again after the time it returns, if any.
  std::optional<std::chrono::milliseconds> ExpireCached();

  // To be called ten times a second: expiry of records, settling, the counts that INFO shows.
  void Tick();

  void AddStats(const LoopStats* stats);
  // What all loops have counted since the start.
  StatsTotals Totals() const;
  // And since the last ResetTotals, which is what INFO shows.
  StatsTotals TotalsSinceReset() const;
  void ResetTotals();
  StoreTotals StoreTotalsNow();
  Rates rates() const { return rates_.Read(); }
  // What the cache would have missed of late with other amounts of memory; nullopt when the cache
  // is too small for an estimate.
  std::optional<MissRatioWindow::Reading> MissRatios();
  ClientPause& pause() { return pause_; }
  Monitors& monitors() { return monitors_; }
  ClientTracking& tracking() { return tracking_; }
  SlowLog& slow_log() { return slow_log_; }
  LatencyEvents& latency_events() { return latency_events_; }

  // Records, and those with an expiry, as counted within the last second or so.
  uint64_t recent_records() const;
  uint64_t recent_records(size_t database) const { return records_[database]; }
  uint64_t recent_expiring() const;

 private:
  Gateway(Options options, std::vector<std::unique_ptr<store::Store>> stores,
          std::unique_ptr<Admission> admission, std::unique_ptr<Authentication> authentication,
          Clock& clock);
  uint32_t Append(std::unique_ptr<store::Store> store);
  void Recount(MonoTime began);
  // Places loads that found their keys moved, and begins them.
  void LoadAnew(std::vector<LoadRequest>& requests);
  void SampleRates();

  Clock& clock_;
  Placement placement_;
  const std::shared_ptr<const nodes::NodeTable> nodes_;
  const ring::SlotTable slots_;
  const ring::NodeId self_;
  const bool serves_all_;
  std::atomic<bool> serving_;
  Memory memory_;
  Lanes lanes_;
  VersionClock versions_;
  ClientPause pause_;
  Monitors monitors_;
  ClientTracking tracking_;
  CacheWarmer warmer_;
  CacheRestore restore_;
  SlowLog slow_log_;
  LatencyEvents latency_events_;
  RateMeter rates_;
  MissRatioWindow miss_ratios_;
  const std::unique_ptr<Admission> admission_;
  std::unique_ptr<Authentication> authentication_;
  ProcessInfo process_;
  BackupControl* backup_ = nullptr;
  ShardAdder* shard_adder_ = nullptr;
  PeerSessions peer_sessions_;
  Peers* peers_ = nullptr;
  const Redirect redirect_;
  const std::chrono::milliseconds peer_timeout_;
  ClientControl* clients_ = nullptr;
  std::atomic<uint64_t> clients_max_;
  size_t key_bytes_max_ = SIZE_MAX;
  size_t write_keys_max_ = SIZE_MAX;
  HeavyWork heavy_reads_;
  HeavyWork heavy_batches_;
  const limit::QueueDelay::Options waits_;
  Growing<std::unique_ptr<Database>> databases_;
  LogHolds log_holds_;
  std::unique_ptr<RangeKeeper> ranges_;
  std::unique_ptr<RangeMoves> moves_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::vector<const LoopStats*> stats_;
  StatsTotals reset_;  // What had been counted at the last ResetTotals.
  std::atomic<MonoTime> next_count_{};
  std::atomic<size_t> counting_{0};  // Databases that have not answered the last Recount.
  std::shared_ptr<std::atomic<size_t>> keys_bytes_ = std::make_shared<std::atomic<size_t>>(0);
  std::shared_ptr<std::atomic<bool>> slot_stats_ = std::make_shared<std::atomic<bool>>(false);
  uint64_t random_seed_;
  std::atomic<uint64_t> randoms_{0};
  // By database, as last counted.
  std::vector<std::atomic<uint64_t>> records_;
  std::vector<std::atomic<uint64_t>> expiring_;
};

}  // namespace weir::gateway
