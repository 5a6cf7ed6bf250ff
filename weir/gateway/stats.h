// Counters of one event loop, written by its thread alone and read by anyone.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weir::gateway {

// Threads: one writer; reads from other threads see a recent value.
// Cost: a plain load and store, without a locked instruction.
class Counter {
 public:
  void Add(uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Latencies in buckets that Prometheus and INFO can use: upper bounds from 16 us to 16 s, doubling.
class LatencyCounters {
 public:
  static constexpr size_t kBuckets = 21;
  static constexpr uint64_t UpperNs(size_t bucket) { return uint64_t{16'000} << bucket; }

  void Record(uint64_t ns, uint64_t times) {
    size_t bucket = 0;
    while (bucket + 1 < kBuckets && ns > UpperNs(bucket)) ++bucket;
    buckets_[bucket].Add(times);
    sum_ns_.Add(ns * times);
  }
  uint64_t bucket(size_t index) const { return buckets_[index].value(); }
  uint64_t sum_ns() const { return sum_ns_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_;  // The last one holds what is above, too.
  Counter sum_ns_;
};

struct LoopStats {
  static constexpr size_t kCommandsMax = 384;  // Subcommands included.

  std::array<Counter, kCommandsMax> calls;  // By index in AllCommands().
  std::array<Counter, kCommandsMax> errors;
  Counter unknown_commands;
  Counter hits;
  Counter misses;
  Counter throttled;
  Counter connections;
  Counter connections_refused;
  Counter connections_closed_slow;  // For a command that did not arrive in time.
  Counter protocol_errors;
  Counter input_bytes;
  Counter output_bytes;
  LatencyCounters latency;
};

}  // namespace weir::gateway
