// Plan: everything about a run that its seed decides: how the node is set up, what its clients do,
// and what goes wrong. Seeds differ in what they have at all, so that rare things are common in
// some runs (swarm testing).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/sim_store.h"

#include "weir/gateway/gateway.h"
#include "weir/limit/policy.h"
#include "weir/users/user.h"

namespace weir::sim {

// What can be left out when a failure is shrunk.
struct Without {
  bool crashes = false;
  bool disconnects = false;
  bool store_faults = false;
  bool clock_jumps = false;
  bool slow_clients = false;
};

struct Plan {
  // With less, buckets are forgotten before they are full again.
  static constexpr size_t kLimiterBytes = size_t{8} << 20;

  uint64_t seed = 0;
  size_t commands = 0;  // Of the whole run.
  size_t commands_a_round = 300;

  uint32_t databases = 1;
  uint32_t shards = 1;
  uint32_t lanes = 64;
  size_t cache_bytes = size_t{1} << 20;
  gateway::Keyspace fallback;
  std::vector<gateway::Keyspace> keyspaces;
  size_t loops = 1;
  bool gathers = false;
  store::Limits limits;
  limit::QueueDelay::Options waits;
  std::vector<limit::Policy> policies;
  size_t limiter_bytes = kLimiterBytes;
  size_t journal_bytes = size_t{256} << 10;
  std::vector<users::User> users;

  size_t clients = 3;
  size_t caching_clients = 0;  // Besides those.
  bool warms = false;          // A new process reads keys in the background.
  size_t outstanding_max = 4;
  size_t burst_max = 3;
  std::chrono::nanoseconds think_max = std::chrono::microseconds(100);
  std::chrono::nanoseconds network_max = std::chrono::microseconds(20);
  size_t chunk_bytes_max = 4096;
  std::vector<std::string> keys;
  // More keys, of which a command names many at once, so that caches fill up; 0: none.
  size_t crowd = 0;
  size_t crowd_value_bytes = 0;
  bool expires = true;
  bool flushes = false;
  bool large_values = false;
  bool others = false;  // Commands that the model does not know.
  size_t bystanders = 0;
  uint64_t transaction_one_in = 8;
  uint64_t register_one_in = 6;
  uint64_t crowd_one_in = 0;
  // Commands about limits that they name; 0: none. The rate of those that they bring along.
  uint64_t limit_one_in = 0;
  limit::Rate own_limit;

  // One in so many operations; 0: never.
  uint64_t crash_one_in = 0;
  uint64_t disconnect_one_in = 0;
  // One in so many actions of a client; 0: never.
  uint64_t clock_jump_one_in = 0;
  uint64_t reload_one_in = 0;
  uint64_t move_one_in = 0;  // A range is moved to another database, or told to come back.
  gateway::RangeMoves::Options moves;
  // Rounds of a loop after which what its commands need is handed on much later: time for ranges to
  // go over between the commands of a connection.
  uint64_t hand_on_late_one_in = 0;
  uint64_t stall_one_in = 0;  // A client takes no replies for a while.
  StoreFaults faults;

  static Plan Of(uint64_t seed, size_t commands, const Without& without);
};

}  // namespace weir::sim
