// Scheduler: the events of one simulated world, one at a time, in an order that a seed decides.
//
// Time stands still while an event runs and jumps to the next one after it, so an hour without
// events costs nothing. Events of the same moment run in a random order. What happens is noted in
// the trace, whose hash says whether two runs were the same.
// Threads: single-owner. Cost: one heap operation an event.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/base/time.h"

namespace weir::sim {

// A hash of everything that was noted, in order; the same on every machine.
class Trace {
 public:
  void Note(uint64_t number) { hash_ = Random(hash_ ^ number).Next(); }
  void Note(std::string_view text) { Note(StableHash(text) + text.size()); }
  uint64_t hash() const { return hash_; }

 private:
  uint64_t hash_ = 0;
};

class Scheduler {
 public:
  explicit Scheduler(uint64_t seed) : random_(seed) {}

  MonoTime now() const { return now_; }
  Trace& trace() { return trace_; }
  uint64_t events() const { return events_; }

  void After(std::chrono::nanoseconds delay, std::function<void()> run) {
    heap_.push_back({now_ + delay, random_.Next(), std::move(run)});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }

  // Runs the next event. Returns false when there is none.
  bool Step() {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.at;
    ++events_;
    event.run();
    return true;
  }

 private:
  struct Event {
    MonoTime at;
    uint64_t tie = 0;
    std::function<void()> run;
  };
  static bool Later(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.tie > b.tie;
  }

  Random random_;
  MonoTime now_{1'000'000'000};
  std::vector<Event> heap_;
  uint64_t events_ = 0;
  Trace trace_;
};

// The clocks of a simulated machine. As on a real one, the wall clock may be set; the process then
// sees it jump forward, or stand still until the time that it has shown comes again.
class SimClock final : public Clock {
 public:
  explicit SimClock(const Scheduler& scheduler) : scheduler_(scheduler) {}

  MonoTime Mono() override { return scheduler_.now(); }
  WallTime Wall() override {
    const int64_t raw = kStartMs + scheduler_.now().ns / 1'000'000 + offset_ms_;
    latest_ms_ = std::max(latest_ms_, raw);
    return {latest_ms_};
  }
  void SetBy(std::chrono::milliseconds jump) { offset_ms_ += jump.count(); }

 private:
  static constexpr int64_t kStartMs = 1'700'000'000'000;

  const Scheduler& scheduler_;
  int64_t offset_ms_ = 0;
  int64_t latest_ms_ = 0;
};

}  // namespace weir::sim
