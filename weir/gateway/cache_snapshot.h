// CacheSnapshot: what is in memory when the process ends, to be in memory again in the next one.
//
// Why a value that was taken is right in the next process: TakeEntries is called when nothing
// writes any more and all that was committed is published, so each entry is what the database holds
// (Lane, rule 1), and the caller proves to the next process that nothing has been written to any
// database since. What that process writes itself, it knows: each lane notes from the beginning
// on which keys are written or invalidated (Lane::BeginRestore), and takes no value of those.
//
//   1. the old process:  commits k = 1, publishes it, ends; the snapshot says k = 1
//   2. the new process:  begins to restore, then serves
//   3. a client:         SET k 2, which is noted, answered, and later evicted or removed
//   4. the restore:      comes to k = 1, and leaves it out
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "weir/base/time.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/placement.h"

namespace weir::gateway {

struct SnapshotEntry {
  std::string_view key;
  std::string_view value;
  WallTime expires_at = kNever;
  WallTime fresh_until = kNever;
  uint64_t version = 0;
};

// Returns false to see no more. The entry is valid until then.
using VisitEntry = std::function<bool(const SnapshotEntry& entry)>;

// Takes all entries out of the lanes, and calls `visit` for those that clients would have found, in
// the order of the lanes' policies. Left out is what is stale, or known to be absent.
// Requires: what has been committed is published, and nothing is written any more.
// Cost: some 0.2 µs an entry; the memory of an empty lane for each lane.
void TakeEntries(Lanes& lanes, const Placement& placement, WallTime now, const VisitEntry& visit);

// CacheRestore: puts entries of a snapshot into the lanes, as what is the least worth keeping,
// until they are almost full.
//
// Calls, as a regular expression:  (Begin Put* End)?
// Threads: by one at a time, but for kept; the lanes are used by others meanwhile.
class CacheRestore {
 public:
  // Borrows both.
  CacheRestore(Lanes& lanes, const Placement& placement) noexcept
      : lanes_(lanes), placement_(placement) {}

  // Requires: each entry that Put is going to be given is true now, or has expired; nothing else
  // has been written since the process began.
  void Begin();
  // Returns whether it is kept. Cost: holds a lane for a look-up and a copy.
  bool Put(const SnapshotEntry& entry, WallTime now);
  // Whether no lane takes more.
  bool full() const { return full_lanes_ == full_.size(); }
  void End();
  // Entries that were kept. Threads: any, at any time.
  uint64_t kept() const { return kept_.load(std::memory_order_relaxed); }

 private:
  Lanes& lanes_;
  const Placement& placement_;
  std::vector<bool> full_;  // By lane.
  size_t full_lanes_ = 0;
  std::atomic<uint64_t> kept_{0};
};

}  // namespace weir::gateway
