// Budget: how the one number `server.memory` is divided over everything in the process that grows.
//
// The parts sum exactly to the total. From kBudgetPromised up, the resident size of the process is
// at most the total and 64 MB, at every moment; below it the fixed costs of RocksDB and the threads
// weigh more than that. The records of `store = "memory"` are outside the budget.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "cmd/weir/config.h"

namespace weir::cmd {

inline constexpr uint64_t kBudgetMin = uint64_t{64} << 20;
inline constexpr uint64_t kBudgetPromised = uint64_t{256} << 20;

// A value, and what waits for one client, is at most this part of the share of all clients.
inline constexpr uint64_t kClientShareOfOne = 4;

// All in bytes.
struct Budget {
  uint64_t total = 0;
  uint64_t cache = 0;          // Cached entries with their index.
  uint64_t block_cache = 0;    // RocksDB: data, index and filter blocks.
  uint64_t write_buffers = 0;  // RocksDB: memtables, by one write-buffer manager.
  uint64_t clients = 0;        // Input and output buffers of all clients, and TLS.
  uint64_t flights = 0;        // Loads and writes under way, and what waits for them.
  uint64_t limiter = 0;        // Buckets of all rate limits, and their journal.
  uint64_t passwords = 0;      // Of the password checks that run at once.
  uint64_t reserve = 0;        // Threads, code, allocator overhead: what nobody counts.
};

// What checking passwords takes at most. Requires: the users' hashes are of the form that
// `weir user hash` gives them.
uint64_t PasswordBytes(const Config& config);
// The largest part of `total` that may go to it.
uint64_t PasswordBytesMax(uint64_t total);

// TLS may take half of what is for clients: so many handshakes at a time, a quarter of that half,
// and so many clients.
size_t TlsHandshakesMax(const Budget& budget);
size_t TlsClientsMax(const Budget& budget);
// What is left for clients while so many shake hands.
uint64_t ClientBytes(const Budget& budget, const Config& config);

// Divides `total`. Without a cache, its part goes to the block cache.
// Requires: total >= kBudgetMin, and PasswordBytes(config) <= PasswordBytesMax(total).
Budget DivideBudget(uint64_t total, const Config& config);

// How many lanes a cache of so many bytes is divided over, where so many threads serve clients: a
// power of two. An entry takes at most an eighth of its lane (cache::Cache::EntryShare), and each
// lane chooses its policy by its own entries, so there are no more lanes than have kLaneBytes each;
// but kLanesPerThread for each thread, so that they seldom meet at one, and at most kLanesMost.
inline constexpr uint64_t kLaneBytes = uint64_t{16} << 20;
inline constexpr uint32_t kLanesPerThread = 2;
inline constexpr uint32_t kLanesMost = 64;
uint32_t LanesFor(uint64_t cache_bytes, size_t threads);

// Returns the division as lines of a TOML comment, a part and its share on each.
std::string ShowBudget(const Budget& budget);

}  // namespace weir::cmd
