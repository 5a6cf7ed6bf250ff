// CommitGate: holds back what a read found until everything it saw has been published.
//
// A read of the store can see a batch that is durable but not yet in the cache. Were it answered
// now, the same client could next hit the cache and see the time before. So a read that saw commit
// n waits here until commit n is published.
// Threads: thread-safe. `ready` runs on the thread that calls Pass or Publish, outside the lock.
// Limits: what waits here is bounded by the reads under way in the store.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "weir/store/store.h"

namespace weir::gateway {

class CommitGate {
 public:
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
  store::CommitNumber published_ = 0;
  std::vector<std::pair<store::CommitNumber, std::function<void()>>> waiting_;
};

}  // namespace weir::gateway
