#include "cmd/weir/stop_deadline.h"

#include <utility>

namespace weir::cmd {

StopDeadline::StopDeadline(std::chrono::milliseconds limit, std::function<void()> give_up)
    : thread_([this, limit, give_up = std::move(give_up)] {
        std::unique_lock lock(mutex_);
        if (!wake_.wait_for(lock, limit, [this] { return ended_; })) give_up();
      }) {}

StopDeadline::~StopDeadline() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

}  // namespace weir::cmd
