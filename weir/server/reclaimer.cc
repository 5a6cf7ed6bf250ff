#include "weir/server/reclaimer.h"

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

void Reclaimer::Take(Bytes::Mapping mapping) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(mapping));
  wake_.notify_one();
}

void Reclaimer::Run() {
  for (;;) {
    std::vector<Bytes::Mapping> taken;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      taken.swap(waiting_);
    }
    if (taken.empty()) return;
  }
}

}  // namespace weir::server
