// Reclaimer: a thread that gives large values back to the system, so that no event loop and no
// holder of a lane does: unmapping takes the kernel some 50 us for each MB.
//
// While it lives, it is the one that Bytes gives its mappings to.
// Requires: no more than one at a time; the threads that may drop Bytes end before it does.
// Threads: Take is thread-safe. Destruction gives back what waits.
// Limits: kWaitingMax wait or are being unmapped; whoever brings one more unmaps it. For what waits
// is counted as values (Bytes::counted_bytes), and those of the largest size must not take their
// share. Cost: of Take, a short lock and a wake-up.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "weir/base/bytes.h"

namespace weir::server {

class Reclaimer final : public Bytes::Reclaimer {
 public:
  static constexpr size_t kWaitingMax = 2;

  Reclaimer();
  ~Reclaimer() override;
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  void Take(Bytes::Mapping mapping) override;

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_:
  std::vector<Bytes::Mapping> waiting_;
  bool busy_ = false;  // One is being unmapped.
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::server
