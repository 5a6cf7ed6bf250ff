// Clock: where the layers above the mechanisms read time. Mechanisms take `now` as an argument.
#pragma once

#include <atomic>

#include "weir/base/time.h"

namespace weir {

// Threads: implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime Mono() = 0;
  // Never goes backwards within a process: a record that was seen as expired stays expired.
  virtual WallTime Wall() = 0;
};

// The machine's clocks. Mono is CLOCK_BOOTTIME, which goes on while the machine is suspended.
// Wall holds still while the machine's clock is stepped back, and follows it forward.
// Cost: two vDSO calls of about 25 ns each; read once per burst of requests.
class SystemClock final : public Clock {
 public:
  MonoTime Mono() override;
  WallTime Wall() override;

 private:
  std::atomic<int64_t> latest_wall_ms_{0};
};

// A clock that stands still until told otherwise. Threads: thread-safe.
class ManualClock final : public Clock {
 public:
  MonoTime Mono() override { return {mono_ns_.load()}; }
  WallTime Wall() override { return {wall_ms_.load()}; }
  void Advance(std::chrono::nanoseconds by) {
    mono_ns_ += by.count();
    wall_ms_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
  }
  void SetWall(WallTime to) { wall_ms_ = to.ms; }

 private:
  std::atomic<int64_t> mono_ns_{0};
  std::atomic<int64_t> wall_ms_{1'700'000'000'000};
};

}  // namespace weir
