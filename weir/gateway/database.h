// Database: one store with its committer, and the loads that fill the cache from it.
//
// Threads: thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "weir/base/clock.h"
#include "weir/cache/loads.h"
#include "weir/gateway/commit_gate.h"
#include "weir/gateway/committer.h"
#include "weir/gateway/home.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/placement.h"
#include "weir/store/store.h"

namespace weir::gateway {

// A load that a reader has begun in a lane and that must now be performed.
struct LoadRequest {
  cache::LoadId load = 0;
  uint32_t lane = 0;
  store::Key key;
};

class Database {
 public:
  Database(std::unique_ptr<store::Store> store, Lanes& lanes, const Placement& placement,
           VersionClock& versions, Clock& clock, LatencyEvents& events);
  ~Database();

  // Performs loads that were begun; their waiters are told through their homes.
  void Load(std::vector<LoadRequest> requests);

  // Reads of the store whose result is passed on once all it saw has been published.
  void LoadSnapshot(std::vector<store::Key> keys, store::Done<store::Loads> done);
  void Scan(store::ScanRange range, store::Done<store::Scanned> done);
  void Count(WallTime now, store::Done<store::Counts> done);

  // What reads of the store took, from the call to the answer.
  LatencyTotals LoadDurations() const;

  Committer& committer() { return committer_; }
  store::Store& store() { return *store_; }

 private:
  // Passes on what was found as soon as all commits that it saw are published.
  template <typename T>
  store::Done<T> OncePublished(store::Done<T> done);
  void FinishLoads(const std::vector<LoadRequest>& requests, const Result<store::Loads>& loaded);
  void CountLoad(MonoTime began);

  Lanes& lanes_;
  const Placement& placement_;
  Clock& clock_;
  LatencyEvents& events_;
  mutable std::mutex mutex_;
  LatencyCounters load_latency_;  // Written holding mutex_: the store has several readers.
  CommitGate gate_;
  std::unique_ptr<store::Store> owned_;
  store::Store* store_;  // Stays while the store ends: its last callbacks come back here.
  Committer committer_;
};

// Returns what a record means now: nullopt when it has expired.
std::optional<cache::Value> LiveValue(const std::optional<store::Record>& record, WallTime now);

}  // namespace weir::gateway
