// StatsTotals: the counters of all loops, added up at one moment, as INFO and /metrics show them.
//
// Threads: plain data. Cost: O(loops * rows of the command table).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "weir/gateway/stats.h"

namespace weir::gateway {

// A LatencyCounters that was read.
struct LatencyTotals {
  std::array<uint64_t, LatencyCounters::kBuckets> buckets{};
  uint64_t count = 0;
  uint64_t sum_ns = 0;

  void Add(const LatencyCounters& counters);
  void Subtract(const LatencyTotals& before);
  // Returns the duration that the given share of all stay below; 0 when there are none. Within a
  // bucket, durations are taken to be spread evenly.
  // Requires: 0 <= share <= 1.
  double QuantileNs(double share) const;
  // How many took less than 2^power ns. Requires: power >= LatencyCounters::kFirstPower.
  uint64_t CountBelowPower(size_t power) const;
};

struct CommandTotals {
  uint64_t calls = 0;
  uint64_t failed = 0;
  uint64_t rejected = 0;
  LatencyTotals latency;
};

struct StatsTotals {
  StatsTotals();

  void Add(const LoopStats& stats);
  // Makes this the change since `before`; gauges stay.
  void Subtract(const StatsTotals& before);

  std::vector<CommandTotals> commands;  // By index in AllCommands().
  std::array<uint64_t, errors::kPrefixCount> errors{};
  LatencyTotals latency;
  LatencyTotals rounds;  // Of all event loops.
  uint64_t calls = 0;    // Of all commands.
  uint64_t error_replies = 0;
  uint64_t unknown_commands = 0;
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t throttled = 0;
  uint64_t denied_command = 0;
  uint64_t denied_key = 0;
  uint64_t connections = 0;
  uint64_t connections_refused = 0;
  uint64_t connections_closed_slow = 0;
  uint64_t connections_killed = 0;
  uint64_t protocol_errors = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t receives = 0;
  uint64_t sends = 0;
  // Gauges:
  uint64_t input_buffer_bytes = 0;
  uint64_t output_buffer_bytes = 0;
  uint64_t input_buffer_bytes_max = 0;
  uint64_t output_buffer_bytes_max = 0;
  uint64_t paused_clients = 0;
};

}  // namespace weir::gateway
