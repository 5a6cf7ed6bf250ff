// LogHolds: the right to hold logs of databases still, or to change all databases as one, for one
// at a time.
//
// Who holds one log and waits for another would wait for ever for who does the same the other way
// round. And a range that goes over while the databases are emptied one after another could come
// from one that is not yet to one that is. So a backup, the flip of a move and FLUSHALL take this
// right first. Threads: thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "weir/base/time.h"

namespace weir::gateway {

class LogHolds {
 public:
  // Returns whether the caller has the right now, and must Give it back.
  bool TryTake() { return TakeWithin(std::chrono::milliseconds(0)); }
  // Blocks for `most`.
  bool TakeWithin(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    if (!given_.wait_for(lock, most, [this] { return !taken_; })) return false;
    return taken_ = true;
  }
  // Calls `taken` with whether the caller has the right: now, or in a Give, before who blocks; or
  // in the first Tick from `until` on, without it.
  void Take(MonoTime until, std::function<void(bool)> taken) {
    std::unique_lock lock(mutex_);
    if (taken_) {
      waiting_.push_back({until, std::move(taken)});
      return;
    }
    taken_ = true;
    lock.unlock();
    taken(true);
  }
  void Tick(MonoTime now) {
    std::vector<Waiting> overdue;
    {
      const std::lock_guard lock(mutex_);
      while (!waiting_.empty() && waiting_.front().until <= now) {
        overdue.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    for (const Waiting& each : overdue) each.taken(false);
  }
  // Threads: any, also another than took it.
  void Give() {
    std::unique_lock lock(mutex_);
    if (waiting_.empty()) {
      taken_ = false;
      given_.notify_one();
      return;
    }
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    next.taken(true);
  }

 private:
  struct Waiting {
    MonoTime until;
    std::function<void(bool)> taken;
  };

  std::mutex mutex_;
  std::condition_variable given_;
  // Guarded by mutex_:
  bool taken_ = false;
  std::deque<Waiting> waiting_;  // As they came, each for as long.
};

}  // namespace weir::gateway
