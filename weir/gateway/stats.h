// Counters of one event loop, written by its thread alone and read by anyone.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weir/gateway/errors.h"

namespace weir::gateway {

// Threads: one writer; reads from other threads see a recent value.
// Cost: a plain load and store, without a locked instruction.
class Counter {
 public:
  void Add(uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void Subtract(uint64_t amount) { Add(~amount + 1); }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Durations in buckets that grow by at most a quarter, from 1 us to 34 s.
class LatencyCounters {
 public:
  static constexpr size_t kStepsPerPower = 4;
  static constexpr size_t kFirstPower = 10;  // The first bucket holds all below 2^10 ns.
  static constexpr size_t kPowers = 25;
  static constexpr size_t kBuckets = 1 + kStepsPerPower * kPowers;

  static constexpr size_t BucketOf(uint64_t ns) {
    if (ns < uint64_t{1} << kFirstPower) return 0;
    const auto power = static_cast<size_t>(std::bit_width(ns)) - 1;
    const size_t step = (ns >> (power - 2)) % kStepsPerPower;
    const size_t bucket = 1 + (power - kFirstPower) * kStepsPerPower + step;
    return bucket < kBuckets ? bucket : kBuckets - 1;  // The last one holds what is above, too.
  }
  // What a bucket's durations are below.
  static constexpr uint64_t UpperNs(size_t bucket) {
    const size_t power = kFirstPower + bucket / kStepsPerPower;
    return (uint64_t{1} << (power - 2)) * (kStepsPerPower + bucket % kStepsPerPower);
  }

  void Record(uint64_t ns, uint64_t times) {
    buckets_[BucketOf(ns)].Add(times);
    sum_ns_.Add(ns * times);
  }
  uint64_t bucket(size_t index) const { return buckets_[index].value(); }
  uint64_t sum_ns() const { return sum_ns_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_ns_;
};

// Of one row of the command table.
struct CommandCounters {
  Counter calls;     // Executed; failed ones included, rejected ones not.
  Counter failed;    // Executed, with an error as the reply.
  Counter rejected;  // Refused before they were executed: arity, rights, limits, sizes, route.
  LatencyCounters latency;
};

struct LoopStats {
  LoopStats();

  std::vector<CommandCounters> commands;             // By index in AllCommands().
  std::array<Counter, errors::kPrefixCount> errors;  // By prefix of the reply.
  Counter unknown_commands;
  Counter hits;
  Counter misses;
  Counter throttled;
  Counter denied_command;  // The user lacks the right.
  Counter denied_key;      // The key is not one of the user's.
  Counter connections;
  Counter connections_refused;
  Counter connections_closed_slow;  // For a command that did not arrive in time.
  Counter connections_killed;       // By CLIENT KILL.
  Counter protocol_errors;
  Counter input_bytes;
  Counter output_bytes;
  Counter receives;
  Counter sends;
  // From arrival to reply, of all commands, what they waited for others included.
  LatencyCounters latency;
  Counter paused_clients;  // A gauge: those with a command that a pause holds back.
  // Rounds of the event loop: how long it did not look at its other connections.
  LatencyCounters rounds;
  // Gauges, set about once a second.
  Counter input_buffer_bytes;
  Counter output_buffer_bytes;
  Counter input_buffer_bytes_max;   // Of one client.
  Counter output_buffer_bytes_max;  // Of one client.
};

}  // namespace weir::gateway
