// Database: one store with its committer, and the loads that fill the cache from it.
//
// Threads: thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "weir/base/clock.h"
#include "weir/cache/loads.h"
#include "weir/gateway/commit_gate.h"
#include "weir/gateway/committer.h"
#include "weir/gateway/home.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/load_queue.h"
#include "weir/gateway/memory.h"
#include "weir/gateway/placement.h"
#include "weir/shard/load_sample.h"
#include "weir/store/store.h"

namespace weir::gateway {

class Database {
 public:
  Database(std::unique_ptr<store::Store> store, Lanes& lanes, const Placement& placement,
           VersionClock& versions, const Memory& memory, Clock& clock, LatencyEvents& events,
           HeavyWork& heavy_batches, ClientTracking& tracking,
           const limit::QueueDelay::Options& waits = {});
  ~Database();

  // Reads end with an error from now on, so that one which goes on from another database when that
  // one ends finds nobody. Then End ends the store, with which its last callbacks come. For several
  // databases that reads go through: EndReads of all, then End of all, then destruction.
  void EndReads();
  void End();

  // Who places loads anew that found their keys moved. Set before anything is loaded.
  void UseRedirect(std::function<void(std::vector<LoadRequest>)> redirect) {
    redirect_ = std::move(redirect);
  }

  // Performs loads that were begun, or refuses them; their waiters are told through their homes.
  void Load(std::vector<LoadRequest> requests);
  // Returns why a load of `key`, asked for by `flow`, would be refused now; and counts it as that.
  // Cost: one load while nothing is refused.
  std::optional<Error> LoadRefusal(const store::Key& key, limit::FlowId flow);
  // Whether loads may begin that nobody waits for: none is refused, and none has failed for
  // kRefreshPause. Cost: two loads.
  static constexpr auto kRefreshPause = std::chrono::seconds(1);
  bool TakesRefreshes(MonoTime now) const {
    return !loads_shed_.load(std::memory_order_relaxed) &&
           now.ns >= refreshes_after_ns_.load(std::memory_order_relaxed);
  }
  AdmissionFacts LoadAdmission() const;
  // Goes on with loads that waited for memory. Cost: one load when none does.
  void ContinueLoads();
  // To be called a few times a second.
  void Tick();

  // Reads of the store whose result is passed on once all it saw has been published. Its `now` is
  // the time to judge expiry by (CommitGate says why no other will do). A snapshot, which has at
  // least one key, waits for places like a load, or is refused.
  void LoadSnapshot(SnapshotLoad load, limit::FlowId flow);
  void Scan(store::ScanRange range, store::Done<store::Scanned> done);
  void Count(store::Done<store::Counts> done);

  // What reads of the store took, from the call to the answer.
  LatencyTotals LoadDurations() const;
  // Of which keys the reads were that the store was asked for, once each: what memory answers is
  // not among them, nor is a scan or what a write looks at.
  shard::LoadSample ReadLoad() const;

  Committer& committer() { return committer_; }
  store::Store& store() { return *store_; }

 private:
  // A read of the store that was asked for: how to make it, and who gets what it finds.
  template <typename T>
  struct Reading {
    CommitGate::Asked asked;
    std::function<void(store::Done<T>)> read;
    store::Done<T> done;
  };
  template <typename T>
  void Read(std::function<void(store::Done<T>)> read, store::Done<T> done);
  template <typename T>
  void Begin(std::shared_ptr<Reading<T>> reading);
  void BeginLoads();
  void EndSnapshots();
  void NoteLoads();
  void RefuseLoads(std::vector<LoadQueue::Refused> refused);
  void NoteReads(const LoadQueue::Batch& batch);
  void PerformLoad(LoadQueue::Batch batch);
  void OnAnswered(uint64_t call, const Result<store::Loads>& found);
  void OnLoaded(uint64_t call, Result<store::Loads> loaded, std::chrono::nanoseconds took);
  void FinishLoads(const std::vector<LoadRequest>& requests, const Result<store::Loads>& loaded,
                   std::chrono::nanoseconds took = {});
  std::chrono::nanoseconds CountLoad(MonoTime began);

  Lanes& lanes_;
  const Placement& placement_;
  const Memory& memory_;
  Clock& clock_;
  LatencyEvents& events_;
  ClientTracking& tracking_;
  mutable std::mutex mutex_;
  LatencyCounters load_latency_;  // Written holding mutex_: the store has several readers.
  CommitGate gate_;
  LoadQueue loads_;                     // Guarded by mutex_.
  shard::LoadSample read_load_;         // Guarded by mutex_.
  std::shared_mutex ending_;            // Held shared while a read is given to the store.
  std::atomic<bool> reads_end_{false};  // Set while holding ending_: nothing is given to it.
  // Of loads_, when last seen:
  std::atomic<bool> loads_wait_{false};  // It was not empty.
  std::atomic<bool> loads_shed_{false};  // It refused some.
  std::atomic<int64_t> refreshes_after_ns_{std::numeric_limits<int64_t>::min()};
  std::function<void(std::vector<LoadRequest>)> redirect_;
  std::unique_ptr<store::Store> owned_;
  store::Store* store_;  // Stays while the store ends: its last callbacks come back here.
  Committer committer_;
};

// Returns what a record means at `now`: nullopt when it has expired.
std::optional<cache::Value> LiveValue(const std::optional<store::Record>& record, WallTime now);

}  // namespace weir::gateway
