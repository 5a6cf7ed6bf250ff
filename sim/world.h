// World: one run of one seed: a node with its databases, its clients, a network, clocks, and
// everything that goes wrong with them; and what the checkers say of it.
//
// A run is made of rounds. In a round clients do as they please while things break. Then everything
// comes to rest, every key is read once more, and the round is judged: one order must explain all
// replies (order_check.h), registers on their own besides (zone_check.h), the cache must hold what
// the databases hold and count its bytes right, so must the caches that clients keep, the limiter
// must not have let more pass than it may. The next round begins with what the keys were found to
// hold. Threads: single-owner.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/bystander.h"
#include "sim/caching_client.h"
#include "sim/client.h"
#include "sim/limit_history.h"
#include "sim/node.h"
#include "sim/op.h"
#include "sim/order_check.h"
#include "sim/plan.h"
#include "sim/scheduler.h"
#include "sim/workload.h"

#include "weir/gateway/cache_snapshot.h"
#include "weir/gateway/key_list.h"
#include "weir/shard/map_copies.h"

namespace weir::sim {

struct Outcome {
  uint64_t trace_hash = 0;
  uint64_t operations = 0;  // Checked.
  uint64_t states = 0;      // Entered by the search for an order.
  uint64_t rounds = 0;
  uint64_t undecided = 0;  // Of these, those whose search was given up.
  std::string problem;     // Empty: all is well.
  std::string history;     // Of the round that no order explains.
};

class World {
 public:
  // `left_out`: numbers of operations that are drawn and not sent.
  World(const Plan& plan, std::set<uint32_t> left_out);
  ~World();

  Outcome Run();

  // For clients.
  const Plan& plan() const { return plan_; }
  Scheduler& scheduler() { return scheduler_; }
  Workload& workload() { return workload_; }
  Node& node() { return *node_; }
  bool node_up() const { return node_ != nullptr; }
  bool acting() const { return acting_; }
  Stamp Next() { return stamp_ += kPlacesMax; }
  // Of what took effect just now, in a batch whose replies come one after another: before Next.
  Stamp InBatch(uint32_t place) const { return stamp_ + std::min<Stamp>(place, kPlacesMax - 1); }
  // Of each cell, the database that it is in; nullptr where ranges do not move.
  std::shared_ptr<const std::vector<uint32_t>> PlacesNow();
  int64_t NowMs() { return clock_.Wall().ms; }
  Op* NewOp(Op op, uint32_t session);
  // A drawn operation, which counts. Returns nullptr when it is left out.
  Op* Draw(Op op, uint32_t session);
  uint64_t NextConnection() { return ++connections_; }
  uint32_t NewSession() { return ++sessions_; }
  void OnAction();
  void OnCleared(uint32_t database);
  // Whether the client that asks loses its connection now.
  bool TakeDisconnect() { return std::exchange(disconnect_due_, false); }
  LimitHistory& limits() { return limits_; }
  void CheckAccess(const Client& client, const Words& words, const resp::Value& reply);
  void Problem(const std::string& problem);

 private:
  Node::Options NodeOptions();
  shard::RangeMap Ranges() const;
  shard::StoredMap StoredRanges() const;
  shard::RangeMap RangesNow() const;
  std::string AnyRange();
  void FillMemory();
  bool SnapshotHolds() const;
  void RestoreSome();
  void Warm();
  void LookAtMemory();
  void TakeSnapshot();
  void Reload();
  void Move();
  void MoveAsPlanned();
  std::string UnrestedMoves() const;
  void JudgeMoves();
  void ReadMetrics();
  gateway::ShardPlace PlaceOf(shard::ShardId shard) const;
  uint32_t DatabaseOf(const std::string& key);
  void Start();
  void Crash();
  void Round();
  bool Rest();
  bool StepUntil(const std::function<bool()>& done, std::chrono::nanoseconds most);
  void Audit();
  void AuditCrowd();
  resp::Value Ask(const Words& words);
  void Judge();
  void JudgeOrder();
  void JudgeRegisters();
  void JudgeLimits();
  void JudgeCache();
  void JudgeCounts();
  void JudgeClientCaches();
  bool HasExpiredAnywhere(const std::string& key, const std::string& value);
  void CheckKept(const CachingClient& client);
  int64_t LiveRecords();
  std::map<std::string, std::string> LiveIn(const shard::Range& range,
                                            const gateway::ShardPlace& place);
  void CheckEntry(const std::string& key);
  std::optional<cache::Cache::Hit> FindEntry(const std::string& key);
  bool failed() const { return !problem_.empty(); }

  const Plan& plan_;
  std::set<uint32_t> left_out_;
  Scheduler scheduler_;
  SimClock clock_;
  Random random_;
  const shard::RangeMap ranges_;  // Of the first process; later ones cut and join them.
  std::vector<std::shared_ptr<gateway::ScriptedStore::Contents>> contents_;
  std::unique_ptr<Node> node_;
  gateway::KeyList listed_;  // What was in memory when the last process was last asked.
  struct Snapshot {
    struct Entry {
      std::string key;
      std::string value;
      gateway::SnapshotEntry rest;  // Its views are not to be used.
    };
    std::vector<Entry> entries;
    std::vector<store::CommitNumber> commits;  // By database.
  };
  Snapshot snapshot_;                             // Of the last process that could end by itself.
  size_t restored_ = 0;                           // Entries that this process has come to.
  uint64_t processes_ = 0;                        // Begun.
  Workload workload_;                             // Asks where keys are.
  std::vector<std::unique_ptr<Client>> clients_;  // The last one audits.
  std::vector<std::unique_ptr<Bystander>> bystanders_;
  std::vector<std::unique_ptr<CachingClient>> caching_clients_;
  bool acting_ = false;
  bool crash_due_ = false;
  bool disconnect_due_ = false;
  static constexpr Stamp kPlacesMax = 1024;  // Stamps between two moments.
  Stamp stamp_ = 0;
  uint32_t numbers_ = 0;
  uint64_t connections_ = 0;
  uint32_t sessions_ = 0;
  size_t round_end_ = 0;  // Operations drawn when it ends.
  std::deque<Op> ops_;    // Of the round.
  std::vector<Cell> cells_;
  LimitHistory limits_;
  Outcome outcome_;
  std::string problem_;
};

}  // namespace weir::sim
