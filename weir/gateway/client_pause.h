// ClientPause: for how long which commands of all connections wait, as CLIENT PAUSE says.
//
// While one pause is under way, another can make it stricter and longer, never milder or shorter,
// as in Redis. What was given to a database before the pause began is completed.
// Threads: thread-safe. Cost: stops() is one load.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "weir/base/time.h"

namespace weir::gateway {

class ClientPause {
 public:
  enum class Stops : uint8_t { kNothing, kWrites, kAll };

  Stops stops() const { return stops_.load(std::memory_order_relaxed); }

  void Begin(Stops what, MonoTime until) {
    const std::lock_guard lock(mutex_);
    if (stops() == Stops::kNothing || until > until_) until_ = until;
    if (what > stops()) stops_.store(what, std::memory_order_relaxed);
  }
  void End() {
    const std::lock_guard lock(mutex_);
    stops_.store(Stops::kNothing, std::memory_order_relaxed);
  }
  // Ends the pause when its time is over. To be called from time to time.
  void Tick(MonoTime now) {
    if (stops() == Stops::kNothing) return;
    const std::lock_guard lock(mutex_);
    if (now >= until_) stops_.store(Stops::kNothing, std::memory_order_relaxed);
  }

 private:
  std::atomic<Stops> stops_{Stops::kNothing};
  std::mutex mutex_;
  MonoTime until_;  // Guarded by mutex_.
};

}  // namespace weir::gateway
