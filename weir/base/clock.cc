#include "weir/base/clock.h"

#include <ctime>

namespace weir {

MonoTime SystemClock::Mono() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return {now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec};
}

WallTime SystemClock::Wall() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const int64_t ms = now.tv_sec * int64_t{1000} + now.tv_nsec / 1'000'000;
  int64_t latest = latest_wall_ms_.load(std::memory_order_relaxed);
  while (ms > latest) {
    if (latest_wall_ms_.compare_exchange_weak(latest, ms, std::memory_order_relaxed)) return {ms};
  }
  return {latest};
}

}  // namespace weir
