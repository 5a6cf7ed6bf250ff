// Monitors: the connections that are shown every command, and how the lines get to them.
//
// A loop collects the lines of a round in its Outbox and publishes them together; each home that
// has monitors is delivered one piece of memory, which its monitors share.
// Threads: thread-safe. Cost: any() is one load, all that a command costs without monitors.
// Limits: kMonitorsMax; an argument is cut as below; how much may wait for a monitor is its home's
// to say.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/time.h"
#include "weir/gateway/owned_args.h"

namespace weir::gateway {

class Home;

class Monitors {
 public:
  static constexpr size_t kMonitorsMax = 32;
  static constexpr size_t kArgsMax = 1024;
  static constexpr size_t kArgBytesMax = 1024;
  // A loop publishes at once when it has collected so much.
  static constexpr size_t kPieceBytes = size_t{256} << 10;

  bool any() const { return count_.load(std::memory_order_relaxed) != 0; }

  // A connection of `home` becomes a monitor. Returns false when there are too many.
  bool Enter(Home& home);
  void Leave(Home& home);

  // Appends the line that shows `args`, as in Redis, as a simple string: secrets are redacted, long
  // arguments and many are cut.
  static void AppendLine(std::string& text, WallTime now, std::string_view peer, Args args);

  // Delivers `lines` to every home with monitors.
  void Publish(std::string_view lines);

 private:
  std::atomic<size_t> count_{0};
  std::mutex mutex_;
  std::vector<std::pair<Home*, size_t>> homes_;  // Guarded by mutex_.
};

}  // namespace weir::gateway
