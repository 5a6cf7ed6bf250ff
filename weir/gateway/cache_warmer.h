// CacheWarmer: fills the cache of a new process with keys that were in memory in the one before,
// from the store, in the background.
//
// Only names come from the other process; what they hold is read anew, under the same rules as any
// load: a value is kept only while no write of its key has come since the read began (the token),
// only once all that the read saw is published (CommitGate), only if its key has not moved to
// another database meanwhile, and only where nothing is. So a list that is old, or wrong, makes the
// cache hold what nobody asks for, and never an old value.
//
// It takes the first kInOrder keys of each database in order, and the others in that of the records
// (SortedKeys), which are then read a block after another. One batch of each database at a time,
// and it yields:
//   - A batch takes half of the places that are free at the database, and as many keys as it has
//     answered within kBatchTime. Where a client's load was under way when it began or ended, it
//     rests afterwards as long as that took. That a batch is slow, or fails, opens no circuit.
//   - None is begun while a client's load waits for one; only when that has been so for kYieldMax,
//     one of kBatchKeysFirst.
//   - What is in memory already, or is not to be kept there, is not read. A lane that is almost
//     full takes nothing more, and what comes is the first to be evicted: the list's order is the
//     cache's.
//
// A value larger than its batch may hold is read again by itself, when there is room for it; one
// that will have none is left to the clients at once, and so are the keys of a batch that fails.
// All that is left when kTimeMax is over, or when everything is removed, is dropped.
//
// Threads: Begin, Step, Wait and done one at a time; the others at any time, on any. What a batch
// has found is kept on the store's threads. Ownership: takes the list, and frees it as it goes.
// Limits: kBatchKeysMax keys and kBatchBytesMax bytes of large values in one read, never more than
// an eighth of the room for such.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/clock.h"
#include "weir/cache/token.h"
#include "weir/gateway/client_tracking.h"
#include "weir/gateway/database.h"
#include "weir/gateway/growing.h"
#include "weir/gateway/key_list.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/memory.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/sorted_keys.h"

namespace weir::gateway {

class CacheWarmer {
 public:
  static constexpr size_t kBatchKeysFirst = 8;
  static constexpr size_t kBatchKeysMax = 256;
  static constexpr size_t kLookedAtMax = 4096;  // By one Step, for each database.
  static constexpr size_t kBatchBytesMax = size_t{4} << 20;
  static constexpr std::chrono::nanoseconds kBatchTime = std::chrono::milliseconds(5);
  static constexpr std::chrono::nanoseconds kYieldMax = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds kRestAfterError = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds kTimeMax = std::chrono::hours(1);
  static constexpr size_t kInOrder = size_t{256} << 10;  // Of each database.
  // Until it is to look again whether clients' loads wait.
  static constexpr std::chrono::nanoseconds kLookEvery = std::chrono::milliseconds(100);
  // Of the cache's memory, what a list is to take, but no more than kNamesBytesMax.
  static constexpr size_t kNamesPart = 16;
  static constexpr size_t kNamesBytesMax = size_t{256} << 20;

  struct Counts {
    uint64_t waiting = 0;  // Keys of the list that have not been asked for.
    uint64_t loaded = 0;   // Values that were read and kept.
    uint64_t dropped = 0;  // Keys that were given up before they were asked for.
  };

  // Borrows all of them.
  CacheWarmer(Lanes& lanes, const Placement& placement, const Memory& memory,
              ClientTracking& tracking, Clock& clock) noexcept
      : lanes_(lanes), placement_(placement), memory_(memory), tracking_(tracking), clock_(clock) {}

  // Begins with `keys`, the most wanted first. Requires: called once at most; `databases`
  // outlive their last callback to this.
  void Begin(KeyList keys, const Growing<std::unique_ptr<Database>>& databases);
  // Goes on. Returns after how long it is to be called again, if no batch ends before that.
  std::chrono::nanoseconds Step();
  // Waits until a batch has ended, or Drop is called, but no longer than `most`.
  void Wait(std::chrono::nanoseconds most);
  // What has not been asked for is not wanted any more.
  void Drop();
  // Nothing is left of the list, and no batch under way.
  bool done() const { return counts().waiting == 0 && under_way_ == 0; }
  Counts counts() const {
    return {waiting_.load(std::memory_order_relaxed), loaded_.load(std::memory_order_relaxed),
            dropped_.load(std::memory_order_relaxed)};
  }

 private:
  struct Wanted {
    std::string key;
    KeyHash hash;
    cache::Token token = 0;
  };
  struct Large {
    std::string key;
    size_t bytes = 0;  // Of its value, when it was left out of a batch.
  };
  struct Batch {
    std::vector<Wanted> wanted;
    std::vector<store::Key> keys;  // The same.
    size_t bytes_max = 0;
    bool large = false;   // Of values that were left out before.
    uint64_t routes = 0;  // Placement::routes() before they were placed.
  };
  struct Answer {
    MonoTime at;
    bool ok = false;
    std::vector<Large> left;
  };
  struct Source {
    Database* database = nullptr;
    KeyList keys;             // In the order of the list,
    size_t taken = 0;         // of which so many have been taken,
    SortedKeys sorted;        // and the others, after them.
    std::deque<Large> large;  // Before all those: left out by one batch.
    size_t batch_keys = kBatchKeysFirst;
    MonoTime asked;  // Or begun.
    MonoTime rests_until;
    bool under_way = false;
    bool crowded = false;          // A client's load was under way when that began.
    bool dropped = false;          // While that was under way.
    std::optional<Answer> answer;  // Guarded by mutex_.
    bool empty() const { return keys.empty() && sorted.empty() && large.empty(); }
  };

  std::chrono::nanoseconds StepOf(uint32_t number);
  bool TakeAnswer(Source* source);
  size_t KeysNow(const Source& source, MonoTime now) const;
  std::optional<std::string> NextKey(Source* source);
  Batch TakeBatch(uint32_t number, size_t keys_max);
  Batch TakeLarge(uint32_t number, size_t keys_max);
  void AddTo(uint32_t database, std::string_view key);
  void Add(uint32_t number, std::string key, WallTime now, Batch* batch);
  bool IsWanted(uint32_t number, WallTime now, Wanted* wanted);
  void Ask(uint32_t number, Batch batch);
  void DropAll();
  // Of the store's threads.
  Answer Take(Batch& batch, const Result<store::Loads>& loads);
  void Keep(const Wanted& wanted, const std::optional<cache::Value>& value, WallTime now,
            ClientTracking::Untold* untold);

  Lanes& lanes_;
  const Placement& placement_;
  const Memory& memory_;
  ClientTracking& tracking_;
  Clock& clock_;
  std::atomic<uint64_t> waiting_{0};
  std::atomic<uint64_t> loaded_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<bool> drop_{false};
  MonoTime began_;
  uint64_t clears_ = 0;  // Lanes::clears() when it began.
  size_t under_way_ = 0;
  std::deque<Source> sources_;  // By database.
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;  // Guarded by mutex_.
};

}  // namespace weir::gateway
