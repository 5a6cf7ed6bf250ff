// SlowLog: the latest commands that took longer than a limit, as SLOWLOG shows them.
//
// What is measured: of a command answered from memory, its share of its burst (see burst.h); of one
// that waited for a database, the time from being handed to the database to its reply. What it
// waited for commands before it on its own connection is not counted, as in Redis.
// Threads: thread-safe. Cost: IsSlow is two loads; Add allocates, and locks for a moment.
// Limits: max_len entries of kArgsMax arguments of kArgBytesMax bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "weir/base/time.h"
#include "weir/gateway/owned_args.h"

namespace weir::gateway {

// The arguments of a command as logs show them: secrets redacted, at most kArgsMax of them, each
// cut to kArgBytesMax, with how much was left out, in Redis's words.
class ShownArgs {
 public:
  static constexpr size_t kArgsMax = 32;
  static constexpr size_t kArgBytesMax = 128;

  static std::vector<std::string> Of(Args args);
};

// Whether argument `index` must not be shown to anybody: passwords of AUTH, HELLO, ACL SETUSER and
// CONFIG SET.
bool IsSecretArg(Args args, size_t index);

class SlowLog {
 public:
  static constexpr int64_t kOff = -1;
  static constexpr size_t kLenMax = 10'000;

  struct Entry {
    uint64_t id = 0;
    int64_t unix_seconds = 0;
    uint64_t took_us = 0;
    std::vector<std::string> args;
    std::string peer;
    std::string name;
  };
  using Entries = std::vector<std::shared_ptr<const Entry>>;  // Latest first.

  // `slower_than_us`: -1 logs nothing, 0 everything. Requires: max_len <= kLenMax.
  void Configure(int64_t slower_than_us, size_t max_len);

  bool IsSlow(uint64_t took_ns) const {
    const int64_t limit = slower_than_us_.load(std::memory_order_relaxed);
    return limit >= 0 && took_ns / 1000 >= static_cast<uint64_t>(limit);
  }
  void Add(WallTime now, uint64_t took_ns, Args args, const std::string& peer,
           const std::string& name);

  size_t size() const;
  // Cost: one reference an entry, under the lock that all loops take.
  Entries Latest(size_t count) const;
  // Forgets all, and returns it: whoever drops the last reference frees it.
  Entries Take();

 private:
  std::atomic<int64_t> slower_than_us_{10'000};

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  size_t max_len_ = 128;
  uint64_t next_id_ = 0;
  std::deque<std::shared_ptr<const Entry>> entries_;  // Latest first.
};

}  // namespace weir::gateway
