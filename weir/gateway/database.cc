#include "weir/gateway/database.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

const Error kNoRoom = OverloadError(
    {"memory", Refusal::kUntilMemory,
     "the memory for large values is taken; this value could not be read, try again"});

const Error kEnding{ErrorCode::kUnavailable, "the server is stopping"};

// Whether what was found leaves open if some key is there (CommitGate).
bool IsDoubtful(const store::Loads& loads, const CommitGate::Asked& asked) {
  return asked.MissedBatch(loads.commit) &&
         std::any_of(loads.records.begin(), loads.records.end(), [&](const auto& record) {
           return record.has_value() && asked.Doubts(loads.commit, record->expires_at);
         });
}

bool IsDoubtful(const store::Scanned& scanned, const CommitGate::Asked& asked) {
  return asked.MissedBatch(scanned.commit) &&
         std::any_of(scanned.items.begin(), scanned.items.end(), [&](const auto& item) {
           return asked.Doubts(scanned.commit, item.record.expires_at);
         });
}

// Counts do not tell which keys have expired meanwhile.
bool IsDoubtful(const store::Counts& counts, const CommitGate::Asked& asked) {
  return asked.MissedBatch(counts.commit);
}

}  // namespace

std::optional<cache::Value> LiveValue(const std::optional<store::Record>& record, WallTime now) {
  if (!record.has_value() || record->expires_at <= now) return std::nullopt;
  return cache::Value{record->value, record->expires_at, record->version};
}

Database::Database(std::unique_ptr<store::Store> store, Lanes& lanes, const Placement& placement,
                   VersionClock& versions, const Memory& memory, Clock& clock,
                   LatencyEvents& events, HeavyWork& heavy_batches, ClientTracking& tracking,
                   const limit::QueueDelay::Options& waits)
    : lanes_(lanes),
      placement_(placement),
      memory_(memory),
      clock_(clock),
      events_(events),
      tracking_(tracking),
      loads_(waits),
      read_load_(~placement.RandomSeed(), clock.Mono()),
      owned_(std::move(store)),
      store_(owned_.get()),
      committer_(*store_, lanes, placement, versions, memory, gate_, clock, heavy_batches, tracking,
                 &events, waits) {
  // Settles what stood there before, so that reads need not wait for somebody to write.
  committer_.Tick();
}

Database::~Database() {
  End();
}

void Database::EndReads() {
  {
    const std::lock_guard lock(ending_);
    reads_end_ = true;
  }
  EndSnapshots();
}

// Who waits for one may hold a log, which ends only when it is let go of.
void Database::EndSnapshots() {
  std::vector<std::shared_ptr<SnapshotLoad>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = loads_.TakeSnapshots();
    NoteLoads();
  }
  for (const std::shared_ptr<SnapshotLoad>& snapshot : waiting) snapshot->done(kEnding);
}

void Database::End() {
  if (owned_ == nullptr) return;
  EndReads();
  committer_.Stop();
  owned_.reset();  // Its last callbacks still find everything else in place.
}

void Database::Load(std::vector<LoadRequest> requests) {
  std::vector<LoadQueue::Refused> refused;
  {
    const std::lock_guard lock(mutex_);
    loads_.Add(std::move(requests), clock_.Mono());
    refused = loads_.TakeRefused();
  }
  RefuseLoads(std::move(refused));
  BeginLoads();
}

void Database::ContinueLoads() {
  if (loads_wait_.load(std::memory_order_relaxed)) BeginLoads();
}

std::optional<Error> Database::LoadRefusal(const store::Key& key, limit::FlowId flow) {
  if (!loads_shed_.load(std::memory_order_relaxed)) [[likely]]
    return std::nullopt;
  std::optional<Overload> why;
  {
    const std::lock_guard lock(mutex_);
    why = loads_.Refusal(flow, clock_.Mono());
    if (why) loads_.CountRefused(why->reason);
  }
  if (!why) return std::nullopt;
  return OverloadError(*why, placement_.ShardAt(key.position));
}

AdmissionFacts Database::LoadAdmission() const {
  const std::lock_guard lock(mutex_);
  return loads_.Facts();
}

void Database::Tick() {
  committer_.Tick();
  std::vector<LoadRequest> overdue;
  std::vector<LoadQueue::Refused> refused;
  {
    const std::lock_guard lock(mutex_);
    const MonoTime now = clock_.Mono();
    overdue = loads_.TakeOverdue(now);
    loads_.Tick(now);
    refused = loads_.TakeRefused();
    NoteLoads();
  }
  if (!overdue.empty()) FinishLoads(overdue, kNoRoom);
  RefuseLoads(std::move(refused));
  ContinueLoads();
}

// Requires: mutex_ is held.
void Database::NoteLoads() {
  loads_wait_.store(!loads_.empty(), std::memory_order_relaxed);
  loads_shed_.store(loads_.sheds(), std::memory_order_relaxed);
}

// Gives the store what it may take now.
void Database::BeginLoads() {
  for (;;) {
    std::optional<LoadQueue::Batch> batch;
    std::vector<LoadQueue::Refused> refused;
    {
      const std::lock_guard lock(mutex_);
      if (!reads_end_) {
        batch = loads_.Next(memory_.value_room(), store_->limits().load_keys_max, clock_.Mono());
        refused = loads_.TakeRefused();
      }
      if (batch.has_value()) NoteReads(*batch);
      NoteLoads();
    }
    RefuseLoads(std::move(refused));
    if (!batch.has_value()) return reads_end_ ? EndSnapshots() : void();
    PerformLoad(std::move(*batch));  // Also when reads have just ended: it is told so.
  }
}

// Requires: mutex_ is held. A value that was left out is asked for again, and was noted before.
void Database::NoteReads(const LoadQueue::Batch& batch) {
  if (batch.reserved_bytes > 0) return;
  read_load_.Note(batch.keys.size(), clock_.Mono(), [&batch](size_t i) {
    const store::Key& key = batch.keys[i];
    return shard::LoadSample::Request{{key.position}, key.key};
  });
}

// What the store takes is measured where it answers: at the gate an answer may wait for a commit.
void Database::PerformLoad(LoadQueue::Batch batch) {
  struct Asked {
    std::atomic<bool> before{false};
    std::atomic<std::chrono::nanoseconds> took{};  // All calls together.
  };
  auto asked = std::make_shared<Asked>();
  Read<store::Loads>(
      [this, asked, call = batch.call, keys = std::move(batch.keys),
       bytes_max = batch.bytes_max](store::Done<store::Loads> done) {
        const MonoTime began = clock_.Mono();
        if (asked->before.exchange(true)) {
          const std::lock_guard lock(mutex_);
          loads_.OnAskedAgain(call, began);
        }
        store_->LoadWithin(
            keys, bytes_max,
            [this, asked, call, began, done = std::move(done)](Result<store::Loads> found) {
              OnAnswered(call, found);
              asked->took = asked->took.load() + CountLoad(began);
              done(std::move(found));
              ContinueLoads();  // There is a place, even if this waits at the gate.
            });
      },
      [this, asked, call = batch.call](Result<store::Loads> loaded) {
        OnLoaded(call, std::move(loaded), asked->took);
        ContinueLoads();
      });
}

void Database::OnAnswered(uint64_t call, const Result<store::Loads>& found) {
  std::vector<LoadQueue::Refused> refused;
  {
    const std::lock_guard lock(mutex_);
    // A damaged record says nothing of the database that told of it.
    const bool ok = found.ok() || found.error().code == ErrorCode::kCorrupt;
    loads_.OnAnswered(call, ok, clock_.Mono());
    refused = loads_.TakeRefused();
    NoteLoads();
  }
  RefuseLoads(std::move(refused));
}

void Database::OnLoaded(uint64_t call, Result<store::Loads> loaded, std::chrono::nanoseconds took) {
  std::vector<LoadRequest> requests;
  {
    const std::lock_guard lock(mutex_);
    requests = loads_.Finish(call);
  }
  if (requests.empty()) return;
  if (requests[0].snapshot != nullptr) {
    requests[0].snapshot->done(std::move(loaded));
    return;
  }
  FinishLoads(requests, loaded, took);
  if (!loaded.ok() || loaded.value().left.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const store::Loads::LeftOut& item : loaded.value().left) {
    loads_.AddLarge(std::move(requests[item.index]), item.bytes, clock_.Mono());
  }
  NoteLoads();
}

// Those of one shard and reason together.
void Database::RefuseLoads(std::vector<LoadQueue::Refused> refused) {
  std::map<std::string, std::vector<LoadRequest>> by_error;
  for (LoadQueue::Refused& each : refused) {
    Error error = OverloadError(each.why, placement_.ShardAt(each.request.key.position));
    if (each.request.snapshot != nullptr) {
      each.request.snapshot->done(std::move(error));
      continue;
    }
    by_error[std::move(error.message)].push_back(std::move(each.request));
  }
  for (const auto& [message, requests] : by_error) {
    FinishLoads(requests, Error{ErrorCode::kOverloaded, message});
  }
}

// Tells the waiters of each load but those whose value was left out. Of what the call took, each
// has a share.
void Database::FinishLoads(const std::vector<LoadRequest>& requests,
                           const Result<store::Loads>& loaded, std::chrono::nanoseconds took) {
  // A damaged record says nothing of the others.
  if (!loaded.ok() && loaded.error().code != ErrorCode::kCorrupt) {
    refreshes_after_ns_.store((clock_.Mono() + kRefreshPause).ns, std::memory_order_relaxed);
  }
  std::vector<std::pair<Home*, Completions>> by_home;
  ClientTracking::Untold untold;
  std::vector<LoadRequest> moved;
  size_t next_left = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (loaded.ok() && next_left < loaded.value().left.size() &&
        loaded.value().left[next_left].index == i) {
      ++next_left;
      continue;
    }
    const LoadRequest& request = requests[i];
    if (loaded.ok() && request.routes != placement_.routes()) {
      moved.push_back(request);  // What it read may be a copy that is no longer kept.
      continue;
    }
    LoadDone done;
    cache::Loads::Finished finished;
    if (loaded.ok()) {
      const WallTime now = loaded.value().now;
      const std::optional<store::Record>& record = loaded.value().records[i];
      done.value = LiveValue(record, now);
      const Lanes::Locked lane = lanes_.Lock(request.lane);
      const uint64_t hash = placement_.Hash(request.key.key).hash;
      cache::Lane::Keep keep = placement_.KeyspaceOf(request.key.key).KeepFrom(now, hash);
      // An expired record still stands in the database: "nothing there" would not be exact.
      if (record.has_value()) keep.absent_until = now;
      finished = lane->Finish(request.load, done.value, keep, now);
      if (finished.token == lane->CurrentToken(hash)) {
        tracking_.OnLoaded(request.key.key, hash, done.value.has_value() ? done.value->version : 0,
                           &untold);
      }
    } else {
      done.error = loaded.error();
      finished = lanes_.Lock(request.lane)->FinishFailed(request.load);
    }
    done.token = finished.token;
    const size_t shares = std::max<size_t>(requests.size() * finished.waiters.size(), 1);
    done.database_time = took / static_cast<int64_t>(shares);
    for (const cache::Waiter& waiter : finished.waiters) {
      auto* home = static_cast<Home*>(waiter.home);
      auto found = std::find_if(by_home.begin(), by_home.end(),
                                [home](const auto& entry) { return entry.first == home; });
      if (found == by_home.end()) found = by_home.insert(found, {home, Completions{}});
      done.origin = {home, waiter.connection, waiter.sequence};
      done.index = waiter.index;
      done.attempt = waiter.attempt;
      found->second.loads.push_back(done);
    }
  }
  if (!untold.empty()) tracking_.Tell(&untold);
  for (auto& [home, completions] : by_home) home->Deliver(std::move(completions));
  if (!moved.empty()) redirect_(std::move(moved));
}

template <typename T>
void Database::Read(std::function<void(store::Done<T>)> read, store::Done<T> done) {
  auto reading = std::make_shared<Reading<T>>(gate_.Ask(clock_), std::move(read), std::move(done));
  Begin(std::move(reading));
}

template <typename T>
void Database::Begin(std::shared_ptr<Reading<T>> reading) {
  std::shared_lock giving(ending_);
  if (reads_end_) {
    giving.unlock();
    reading->done(kEnding);
    return;
  }
  reading->read([this, reading](Result<T> found) {
    if (!found.ok()) {
      reading->done(std::move(found));
      return;
    }
    const store::CommitNumber commit = found.value().commit;
    gate_.Pass(commit, [this, reading, held = std::make_shared<Result<T>>(std::move(found))] {
      const CommitGate::Asked& asked = reading->asked;
      if (IsDoubtful(held->value(), asked)) {
        gate_.AfterBatch(asked.batch, [this, reading] {
          // What it reads now is after that batch, which may have left the commit as it was.
          reading->asked.batch_now.reset();
          Begin(reading);
        });
        return;
      }
      held->value().now = std::max(held->value().now, asked.now);
      reading->done(std::move(*held));
    });
  });
}

void Database::LoadSnapshot(SnapshotLoad load, limit::FlowId flow) {
  std::vector<LoadRequest> requests(1);
  requests[0].key = load.keys.at(0);
  requests[0].flow = flow;
  requests[0].snapshot = std::make_shared<SnapshotLoad>(std::move(load));
  Load(std::move(requests));
}

std::chrono::nanoseconds Database::CountLoad(MonoTime began) {
  const auto took = std::max(clock_.Mono() - began, std::chrono::nanoseconds(0));
  const auto took_ns = static_cast<uint64_t>(took.count());
  events_.Note(LatencyEvents::Event::kLoad, took_ns, clock_.Wall());
  const std::lock_guard lock(mutex_);
  load_latency_.Record(took_ns, 1);
  return took;
}

void Database::Scan(store::ScanRange range, store::Done<store::Scanned> done) {
  Read<store::Scanned>(
      [this, range](store::Done<store::Scanned> scanned) {
        store_->Scan(range, std::move(scanned));
      },
      std::move(done));
}

void Database::Count(store::Done<store::Counts> done) {
  const WallTime now = clock_.Wall();
  Read<store::Counts>(
      [this, now](store::Done<store::Counts> counted) { store_->Count(now, std::move(counted)); },
      std::move(done));
}

shard::LoadSample Database::ReadLoad() const {
  const std::lock_guard lock(mutex_);
  return read_load_;
}

LatencyTotals Database::LoadDurations() const {
  LatencyTotals totals;
  totals.Add(load_latency_);
  return totals;
}

}  // namespace weir::gateway
