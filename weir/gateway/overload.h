// Overload: why a request was refused a place at its database. Nothing was done then, and nothing
// will be; refusal.h has the form in which a client is told.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weir/base/result.h"

namespace weir::gateway {

struct Overload {
  enum class Reason : uint8_t {
    kConcurrency,    // As many wait as may.
    kQueueDeadline,  // It has waited too long.
    kCircuit,        // The database fails, or does not answer at all.
  };
  static constexpr size_t kReasons = 3;
  static constexpr std::array<std::string_view, kReasons> kNames = {"concurrency", "queue_deadline",
                                                                    "circuit"};

  // The longest that anybody is told to wait.
  static constexpr std::chrono::nanoseconds kRetryMost = std::chrono::seconds(1);

  Reason reason = Reason::kConcurrency;
  std::chrono::nanoseconds retry_after{0};
};

// Returns the error of a request for a key of `shard`. `retry_after` is rounded up, and at least
// a millisecond.
Error OverloadError(const Overload& overload, uint32_t shard);

// What one queue in front of a database shows of itself.
struct AdmissionFacts {
  size_t limit = 0;
  size_t under_way = 0;
  size_t waiting = 0;
  bool standing = false;
  bool circuit_closed = true;
  std::array<uint64_t, Overload::kReasons> refused{};
};

}  // namespace weir::gateway
