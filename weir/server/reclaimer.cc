#include "weir/server/reclaimer.h"

#include <optional>
#include <utility>

namespace weir::server {

Reclaimer::Reclaimer() : thread_([this] { Run(); }) {
  Bytes::SetReclaimer(this);
}

Reclaimer::~Reclaimer() {
  Bytes::SetReclaimer(nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

// What is not taken is unmapped when it leaves the caller's hands, without the lock.
void Reclaimer::Take(Bytes::Mapping mapping) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() + (busy_ ? 1 : 0) >= kWaitingMax) return;
  waiting_.push_back(std::move(mapping));
  wake_.notify_one();
}

void Reclaimer::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::optional<Bytes::Mapping> taken = std::move(waiting_.back());
    waiting_.pop_back();
    busy_ = true;
    lock.unlock();
    taken.reset();
    lock.lock();
    busy_ = false;
  }
}

}  // namespace weir::server
