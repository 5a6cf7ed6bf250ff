#include "weir/gateway/heavy_work.h"

#include <utility>

namespace weir::gateway {

HeavyWork::HeavyWork(size_t threads) {
  if (threads > 0) threads_ = std::make_unique<store::TaskThreads>(threads);
}

void HeavyWork::Post(Task task) {
  if (threads_ == nullptr) {
    task();
  } else {
    threads_->Post(std::move(task));
  }
}

bool HeavyWork::TryPost(size_t bytes, Task task) {
  const size_t tasks_before = tasks_.fetch_add(1);
  const size_t bytes_before = bytes_.fetch_add(bytes);
  const bool full =
      tasks_before >= kTasksMax || (bytes_before > 0 && bytes_before + bytes > kBytesMax);
  if (full) {
    --tasks_;
    bytes_ -= bytes;
    return false;
  }
  Post([this, bytes, task = std::move(task)] {
    task();
    --tasks_;
    bytes_ -= bytes;
  });
  return true;
}

}  // namespace weir::gateway
