// StopDeadline: what happens when the parts of the server do not end: a store that never answers
// holds whoever waits for its last batch.
//
//   const StopDeadline deadline(kStoresEndMax, [] { LogError(...); std::_Exit(1); });
//   gateway.reset();
//
// Threads: has one of its own, which calls `give_up` if this still lives after `limit`.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace weir::cmd {

class StopDeadline {
 public:
  StopDeadline(std::chrono::milliseconds limit, std::function<void()> give_up);
  // All has ended in time.
  ~StopDeadline();
  StopDeadline(const StopDeadline&) = delete;
  StopDeadline& operator=(const StopDeadline&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace weir::cmd
