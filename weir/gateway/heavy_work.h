// HeavyWork: threads for what would hold an event loop, or a lane, longer than a millisecond.
//
// What is given here must have all it needs in its hands: values by reference, no lock, no lane.
// Threads: thread-safe. Destruction runs what is queued.
// Limits: kTasksMax and kBytesMax of values held by tasks that may be refused.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

#include "weir/store/task_threads.h"

namespace weir::gateway {

class HeavyWork {
 public:
  using Task = std::function<void()>;
  static constexpr size_t kTasksMax = 1024;
  static constexpr size_t kBytesMax = size_t{256} << 20;

  // threads = 0: each task runs inside the call that brings it, for programs with one thread.
  explicit HeavyWork(size_t threads);

  // For callers that bring one task at a time and wait for it.
  void Post(Task task);

  // Returns false, and does nothing, when too much waits already. `bytes`: what the task keeps
  // alive; one task may be of any size.
  bool TryPost(size_t bytes, Task task);

  // Runs what is queued, and ends the threads: what comes later runs inside the call that brings
  // it. Requires: nobody brings anything meanwhile.
  void End() { threads_ = nullptr; }

 private:
  std::atomic<size_t> tasks_{0};  // Of TryPost, and their bytes.
  std::atomic<size_t> bytes_{0};
  std::unique_ptr<store::TaskThreads> threads_;
};

}  // namespace weir::gateway
