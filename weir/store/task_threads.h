// TaskThreads: a queue of tasks, first in first out, run by a fixed number of threads.
//
// What drivers complete their calls on. When not to use: for work that must be bounded here; the
// queue has no limit of its own, so whoever posts counts what is outstanding.
// Threads: thread-safe. A task may post tasks. Destruction runs all that is queued, then joins.
// Cost: one short lock and at most one wake-up a task.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::store {

class TaskThreads {
 public:
  using Task = std::function<void()>;

  // Requires: threads > 0.
  explicit TaskThreads(size_t threads);
  ~TaskThreads();
  TaskThreads(const TaskThreads&) = delete;
  TaskThreads& operator=(const TaskThreads&) = delete;

  void Post(Task task);

  // Ahead of all that waits: for answers that must not queue behind work, such as refusals.
  void PostFirst(Task task);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // Immutable after construction.
};

}  // namespace weir::store
