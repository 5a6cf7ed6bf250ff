#include "weir/gateway/cache_snapshot.h"

#include <algorithm>
#include <utility>

namespace weir::gateway {
namespace {

// Entries of a lane that are visited before those of the next.
constexpr size_t kPart = 64;

}  // namespace

void TakeEntries(Lanes& lanes, const Placement& placement, WallTime now, const VisitEntry& visit) {
  struct Walk {
    cache::Lane::Taken taken;
    cache::Cache::Cursor at;
    bool ends = false;
  };
  std::vector<Walk> walks;
  for (uint32_t lane = 0; lane < lanes.count(); ++lane) {
    walks.push_back({lanes.Lock(lane)->Take(), {}, false});
  }
  for (bool more = true; std::exchange(more, false);) {
    for (Walk& walk : walks) {
      if (walk.ends) continue;
      more = true;
      bool wanted = true;
      size_t looked_at = 0;
      walk.ends = walk.taken.cache.WalkEntries(&walk.at, [&](const cache::Cache::Entry& entry) {
        if (walk.taken.Finds(entry, placement.Hash(entry.key).hash, now)) {
          const cache::Cache::Hit& hit = entry.hit;
          wanted = visit({entry.key, hit.value, hit.expires_at, hit.fresh_until, hit.version});
        }
        return wanted && ++looked_at < kPart;
      });
      if (!wanted) return;
    }
  }
}

void CacheRestore::Begin() {
  full_.assign(lanes_.count(), false);
  for (uint32_t lane = 0; lane < lanes_.count(); ++lane) lanes_.Lock(lane)->BeginRestore();
}

void CacheRestore::End() {
  for (uint32_t lane = 0; lane < lanes_.count(); ++lane) lanes_.Lock(lane)->EndRestore();
}

bool CacheRestore::Put(const SnapshotEntry& entry, WallTime now) {
  const KeyHash hash = placement_.Hash(entry.key);
  if (full_[hash.lane]) return false;
  const Keyspace& keyspace = placement_.KeyspaceOf(entry.key);
  if (keyspace.bypass) return false;
  cache::Lane::Keep keep = keyspace.KeepFrom(now, hash.hash);
  keep.value_until = std::min(keep.value_until, entry.fresh_until);
  if (keep.value_until <= now) return false;
  const cache::Value value{Bytes::Copy(entry.value), entry.expires_at, entry.version};
  const Lanes::Locked lane = lanes_.Lock(hash.lane);
  if (IsAlmostFull(lane->cache())) {
    full_[hash.lane] = true;
    ++full_lanes_;
    return false;
  }
  if (!lane->Restore(entry.key, hash.hash, value, keep, now)) return false;
  kept_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace weir::gateway
