#include "weir/gateway/database.h"

#include <algorithm>
#include <utility>

namespace weir::gateway {

std::optional<cache::Value> LiveValue(const std::optional<store::Record>& record, WallTime now) {
  if (!record.has_value() || record->expires_at <= now) return std::nullopt;
  return cache::Value{record->value, record->expires_at, record->version};
}

Database::Database(std::unique_ptr<store::Store> store, Lanes& lanes, const Placement& placement,
                   VersionClock& versions, Clock& clock, LatencyEvents& events)
    : lanes_(lanes),
      placement_(placement),
      clock_(clock),
      events_(events),
      owned_(std::move(store)),
      store_(owned_.get()),
      committer_(*store_, lanes, placement, versions, gate_, clock) {
  // Settles what stood there before, so that reads need not wait for somebody to write.
  committer_.Tick();
}

Database::~Database() {
  committer_.Stop();
  owned_.reset();  // Its last callbacks still find everything else in place.
}

void Database::Load(std::vector<LoadRequest> requests) {
  const size_t most = store_->limits().load_keys_max;
  for (size_t begin = 0; begin < requests.size(); begin += most) {
    const size_t end = std::min(begin + most, requests.size());
    auto piece = std::make_shared<std::vector<LoadRequest>>(
        std::make_move_iterator(requests.begin() + static_cast<std::ptrdiff_t>(begin)),
        std::make_move_iterator(requests.begin() + static_cast<std::ptrdiff_t>(end)));
    std::vector<store::Key> keys;
    keys.reserve(piece->size());
    for (const LoadRequest& request : *piece) keys.push_back(request.key);
    LoadSnapshot(std::move(keys), [this, piece](const Result<store::Loads>& loaded) {
      FinishLoads(*piece, loaded);
    });
  }
}

void Database::FinishLoads(const std::vector<LoadRequest>& requests,
                           const Result<store::Loads>& loaded) {
  const WallTime now = clock_.Wall();
  std::vector<std::pair<Home*, Completions>> by_home;
  for (size_t i = 0; i < requests.size(); ++i) {
    const LoadRequest& request = requests[i];
    LoadDone done;
    cache::Loads::Finished finished;
    if (loaded.ok()) {
      const std::optional<store::Record>& record = loaded.value().records[i];
      done.value = LiveValue(record, now);
      const Lanes::Locked lane = lanes_.Lock(request.lane);
      cache::Lane::Keep keep = placement_.KeyspaceOf(request.key.key).KeepFrom(now);
      // An expired record still stands in the database: "nothing there" would not be exact.
      if (record.has_value()) keep.absent_until = now;
      finished = lane->Finish(request.load, done.value, keep, now);
    } else {
      done.error = loaded.error();
      finished = lanes_.Lock(request.lane)->FinishFailed(request.load);
    }
    done.token = finished.token;
    for (const cache::Waiter& waiter : finished.waiters) {
      auto* home = static_cast<Home*>(waiter.home);
      auto found = std::find_if(by_home.begin(), by_home.end(),
                                [home](const auto& entry) { return entry.first == home; });
      if (found == by_home.end()) found = by_home.insert(found, {home, Completions{}});
      done.origin = {home, waiter.connection, waiter.sequence};
      done.index = waiter.index;
      found->second.loads.push_back(done);
    }
  }
  for (auto& [home, completions] : by_home) home->Deliver(std::move(completions));
}

template <typename T>
store::Done<T> Database::OncePublished(store::Done<T> done) {
  return [this, done = std::move(done)](Result<T> found) {
    if (!found.ok()) {
      done(std::move(found));
      return;
    }
    const store::CommitNumber commit = found.value().commit;
    gate_.Pass(commit, [done, held = std::make_shared<Result<T>>(std::move(found))] {
      done(std::move(*held));
    });
  };
}

void Database::LoadSnapshot(std::vector<store::Key> keys, store::Done<store::Loads> done) {
  const MonoTime began = clock_.Mono();
  store_->Load(std::move(keys),
               [this, began, passed = OncePublished(std::move(done))](Result<store::Loads> loaded) {
                 CountLoad(began);
                 passed(std::move(loaded));
               });
}

void Database::CountLoad(MonoTime began) {
  const auto took_ns = static_cast<uint64_t>(std::max<int64_t>((clock_.Mono() - began).count(), 0));
  events_.Note(LatencyEvents::Event::kLoad, took_ns, clock_.Wall());
  const std::lock_guard lock(mutex_);
  load_latency_.Record(took_ns, 1);
}

void Database::Scan(store::ScanRange range, store::Done<store::Scanned> done) {
  store_->Scan(range, OncePublished(std::move(done)));
}

void Database::Count(WallTime now, store::Done<store::Counts> done) {
  store_->Count(now, OncePublished(std::move(done)));
}

LatencyTotals Database::LoadDurations() const {
  LatencyTotals totals;
  totals.Add(load_latency_);
  return totals;
}

}  // namespace weir::gateway
