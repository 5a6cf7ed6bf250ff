#include "weir/store/task_threads.h"

#include <cassert>
#include <utility>

namespace weir::store {

TaskThreads::TaskThreads(size_t threads) {
  assert(threads > 0);
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

TaskThreads::~TaskThreads() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// Woken while the lock is held: once the task can be run, what waits for it may destroy this.
void TaskThreads::Post(Task task) {
  std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  wake_.notify_one();
}

void TaskThreads::PostFirst(Task task) {
  std::lock_guard lock(mutex_);
  tasks_.push_front(std::move(task));
  wake_.notify_one();
}

void TaskThreads::Run() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace weir::store
