#include "weir/gateway/key_listing.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/gateway/key_list.h"

namespace weir::gateway {
namespace {

struct Hottest {
  KeyList keys;
  bool all = false;  // There are no other entries.
};

// The keys among the first entries of a lane in the order of its policy, less than `bytes_max`.
Hottest HottestOf(Lanes& lanes, uint32_t lane, size_t bytes_max) {
  bytes_max = std::min(bytes_max, kNamesAtOnce);
  Hottest found;
  size_t looked_at = 0;
  const Lanes::Locked locked = lanes.Lock(lane);
  const size_t most = std::min(kHottestOfLane, locked->cache().entries() / kHottestPart);
  cache::Cache::Cursor cursor;
  found.all = locked->cache().WalkEntries(&cursor, [&](const cache::Cache::Entry& entry) {
    if (looked_at++ == most) return false;
    if (entry.hit.absent) return true;
    if (found.keys.bytes() + entry.key.size() >= bytes_max) return false;
    found.keys.Add(entry.key);
    return true;
  });
  return found;
}

// Returns whether all of them were visited.
bool VisitAll(KeyList keys, const VisitKey& visit) {
  while (const std::optional<std::string> key = keys.Take()) {
    if (!visit(*key)) return false;
  }
  return true;
}

// The keys of a lane, a part at a time, until they are `bytes_max`. Returns as VisitAll.
bool VisitLane(Lanes& lanes, uint32_t lane, size_t bytes_max, const VisitKey& visit) {
  size_t bucket = 0;
  do {
    KeyList keys;
    bucket = lanes.Lock(lane)->cache().VisitKeys(bucket, kBucketsAtOnce, [&](std::string_view key) {
      if (keys.bytes() + key.size() < bytes_max) keys.Add(key);
      return keys.bytes() < kNamesAtOnce;
    });
    bytes_max -= std::min(bytes_max, keys.bytes());
    if (!VisitAll(std::move(keys), visit)) return false;
  } while (bucket != 0 && bytes_max > 0);
  return true;
}

}  // namespace

void ListKeys(Lanes& lanes, size_t bytes_max, const VisitKey& visit) {
  std::vector<size_t> left(lanes.count(), bytes_max / lanes.count());
  for (uint32_t lane = 0; lane < lanes.count(); ++lane) {
    Hottest hottest = HottestOf(lanes, lane, left[lane]);
    left[lane] -= hottest.all ? left[lane] : std::min(left[lane], hottest.keys.bytes());
    if (!VisitAll(std::move(hottest.keys), visit)) return;
  }
  for (uint32_t lane = 0; lane < lanes.count(); ++lane) {
    if (left[lane] > 0 && !VisitLane(lanes, lane, left[lane], visit)) return;
  }
}

}  // namespace weir::gateway
