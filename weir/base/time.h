// The two times of weir, as distinct types so that they cannot be mixed.
//
// MonoTime measures (rates, deadlines, latencies); WallTime is what a client names in EXPIREAT and
// what a record stores, because only wall time survives a restart.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace weir {

// Nanoseconds since an arbitrary start; never goes backwards.
struct MonoTime {
  int64_t ns = 0;
  auto operator<=>(const MonoTime&) const = default;
  friend MonoTime operator+(MonoTime t, std::chrono::nanoseconds d) { return {t.ns + d.count()}; }
  friend std::chrono::nanoseconds operator-(MonoTime a, MonoTime b) {
    return std::chrono::nanoseconds(a.ns - b.ns);
  }
};

// Milliseconds since 1970-01-01 UTC.
struct WallTime {
  int64_t ms = 0;
  auto operator<=>(const WallTime&) const = default;
};

// The expiry of a record that never expires; later than every other time.
inline constexpr WallTime kNever{std::numeric_limits<int64_t>::max()};

}  // namespace weir
