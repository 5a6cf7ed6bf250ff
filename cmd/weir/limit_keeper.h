// LimitKeeper: saves the buckets of limits that requests bring along, every so often and at the
// end, on a thread of its own. See limit_state.h.
//
// Ownership: borrows the gateway and the clock. Threads: single-owner. The log says when a save
// fails, and when one succeeds again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "cmd/weir/config.h"
#include "cmd/weir/limit_state.h"

#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/gateway/gateway.h"

namespace weir::cmd {

class LimitKeeper {
 public:
  // The secret seed of the limiter's hashes: that of the buckets that are kept, if there are any.
  static uint64_t SeedFor(const Config& config, uint64_t otherwise);

  // Restores what is kept, before anything is served. nullptr: nothing is to be kept.
  // Errors: kUnavailable.
  static Result<std::unique_ptr<LimitKeeper>> Start(const Config& config, gateway::Gateway& gateway,
                                                    Clock& clock);
  // Saves for the last time. Requires: nobody takes from limits any more.
  ~LimitKeeper();
  LimitKeeper(const LimitKeeper&) = delete;
  LimitKeeper& operator=(const LimitKeeper&) = delete;

 private:
  LimitKeeper(std::unique_ptr<LimitState> state, Clock& clock, std::chrono::milliseconds every)
      : state_(std::move(state)), clock_(clock), every_(every), thread_([this] { Run(); }) {}
  void Run();
  void Save(LimitState::Moment moment);

  const std::unique_ptr<LimitState> state_;
  Clock& clock_;
  const std::chrono::milliseconds every_;
  bool failed_ = false;  // The last save; of the thread, then of the owner.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ends_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace weir::cmd
