// CommitGate: holds back what a read found until it may be told.
//
// Published first. A read of the store can see a batch that is durable but not yet in the cache.
// Were it answered now, the same client could next hit the cache and see the time before. So a read
// that saw commit n waits here until commit n is published.
//
// One time for all. A batch judges expiry by the time at which it began, and may keep a key alive
// (PERSIST, EXPIRE) that its readers could find expired before it is published. So a read asks here
// how things stand before it reads, and tells nobody of an expiry that a batch under way, which it
// did not see, may have judged otherwise: it waits for the end of that batch and reads again.
//
//   1. batch 8 begins at 10:00; K, which expires at 10:01, gets PERSIST
//   2. a read asks at 10:02: commit 7 is published, a batch of 10:00 is under way
//   3. it sees commit 7, where K expired at 10:01: after batch 8 began. It waits, reads K again,
//      and finds it alive
//
// It need not wait more than once: batches that begin after it asked judge by a later time.
// Threads: thread-safe. `ready` runs on the thread that calls, or that ends what it waits for,
// outside the lock.
// Limits: of loads, LoadQueue bounds what waits here.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/store/store.h"

namespace weir::gateway {

class CommitGate {
 public:
  // How things stood when a read was asked for.
  struct Asked {
    WallTime now;
    store::CommitNumber published = 0;
    uint64_t batch = 0;                 // The last that has begun,
    std::optional<WallTime> batch_now;  // and its time, if it was under way.

    // Whether a read that saw `commit` and found a record with this expiry cannot tell if the key
    // is there.
    bool Doubts(store::CommitNumber commit, WallTime expires_at) const {
      return MissedBatch(commit) && *batch_now < expires_at && expires_at <= now;
    }
    // Whether a batch was under way that a read which saw `commit` did not see.
    bool MissedBatch(store::CommitNumber commit) const {
      return batch_now.has_value() && commit <= published;
    }
  };
  Asked Ask(Clock& clock) {
    const WallTime now = clock.Wall();
    const std::lock_guard lock(mutex_);
    return {now, published_, begun_, batch_now_};
  }

  // A batch begins. Returns the time to judge by. Requires: the one before has ended.
  WallTime BeginBatch(Clock& clock) {
    const std::lock_guard lock(mutex_);
    ++begun_;
    // Within the lock: not before the time of a read that has asked and knows of no batch.
    batch_now_ = clock.Wall();
    return *batch_now_;
  }

  // The batch that has begun is published, or will never be: what it was is final for its readers,
  // or they cannot read.
  void EndBatch() {
    std::vector<std::function<void()>> ready;
    {
      const std::lock_guard lock(mutex_);
      batch_now_.reset();
      ready.swap(wait_for_end_);
    }
    for (const std::function<void()>& run : ready) run();
  }

  // Runs `ready` as soon as `batch` has ended, at once if it has.
  void AfterBatch(uint64_t batch, std::function<void()> ready) {
    {
      const std::lock_guard lock(mutex_);
      if (batch == begun_ && batch_now_.has_value()) {
        wait_for_end_.push_back(std::move(ready));
        return;
      }
    }
    ready();
  }

  // Runs `ready` as soon as `commit` is published, at once if it is.
  void Pass(store::CommitNumber commit, std::function<void()> ready) {
    {
      const std::lock_guard lock(mutex_);
      if (commit > published_) {
        waiting_.emplace_back(commit, std::move(ready));
        return;
      }
    }
    ready();
  }

  // Says that `commit` and all before it are published. Requires: commits come in order.
  void Publish(store::CommitNumber commit) {
    std::vector<std::function<void()>> ready;
    {
      const std::lock_guard lock(mutex_);
      if (commit <= published_) return;
      published_ = commit;
      std::erase_if(waiting_, [&](auto& waiter) {
        if (waiter.first > commit) return false;
        ready.push_back(std::move(waiter.second));
        return true;
      });
    }
    for (const std::function<void()>& run : ready) run();
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_:
  store::CommitNumber published_ = 0;
  std::vector<std::pair<store::CommitNumber, std::function<void()>>> waiting_;
  uint64_t begun_ = 0;
  std::optional<WallTime> batch_now_;
  std::vector<std::function<void()>> wait_for_end_;
};

}  // namespace weir::gateway
