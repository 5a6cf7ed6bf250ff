// LatencyEvents: when something took longer than a threshold, as LATENCY shows it.
//
// Events: what stalls clients. The latest kHistoryMax seconds with an event are kept, each with the
// worst of that second.
// Threads: thread-safe. Cost: Note is a load and a branch below the threshold.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "weir/base/time.h"

namespace weir::gateway {

class LatencyEvents {
 public:
  static constexpr size_t kHistoryMax = 160;

  enum class Event : uint8_t {
    kCommand,      // A command, whatever it waited for.
    kFastCommand,  // A command that should never take long, answered from memory.
    kCommit,       // A batch of writes, up to its fsync.
    kLoad,         // A read of the database.
  };
  static constexpr auto kNames =
      std::to_array<std::string_view>({"command", "fast-command", "commit", "load"});
  static std::optional<Event> FindEvent(std::string_view name);

  struct Sample {
    int64_t unix_seconds = 0;
    uint64_t ms = 0;
  };
  struct Summary {
    Event event = Event::kCommand;
    Sample latest;
    uint64_t worst_ms = 0;  // Since the last Reset.
  };

  // 0: nothing is noted.
  void SetThreshold(uint64_t ms) { threshold_ns_.store(ms * 1'000'000, std::memory_order_relaxed); }
  uint64_t threshold_ms() const {
    return threshold_ns_.load(std::memory_order_relaxed) / 1'000'000;
  }

  void Note(Event event, uint64_t took_ns, WallTime now) {
    const uint64_t threshold = threshold_ns_.load(std::memory_order_relaxed);
    if (threshold != 0 && took_ns >= threshold) Add(event, took_ns / 1'000'000, now);
  }

  // Of the events that have samples.
  std::vector<Summary> Latest() const;
  // Oldest first.
  std::vector<Sample> History(Event event) const;
  // Returns whether there was something to forget.
  bool Reset(Event event);

 private:
  struct Series {
    std::deque<Sample> samples;  // Oldest first.
    uint64_t worst_ms = 0;
  };

  void Add(Event event, uint64_t ms, WallTime now);

  std::atomic<uint64_t> threshold_ns_{0};
  mutable std::mutex mutex_;
  std::array<Series, kNames.size()> series_;  // Guarded by mutex_.
};

}  // namespace weir::gateway
