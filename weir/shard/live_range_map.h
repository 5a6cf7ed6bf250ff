// LiveRangeMap: the range map that serves requests while it changes.
//
// One writer publishes maps; any number of readers look positions up, without a lock and without
// waiting for each other. A reader whose look-up met a publication looks again; publishing takes
// microseconds and is rare, so that almost none does.
//
//   LiveRangeMap live(map);
//   live.Publish(changed);                         // the writer, with a RangeMap
//   ShardId shard = live.ShardOf(PositionOf(key));
//
// Memory: 12 bytes a range; what was outgrown is kept until the end, as much again at most.
// Threads: Publish by one thread at a time; everything else is thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "weir/shard/position.h"
#include "weir/shard/range_map.h"

namespace weir::shard {

class LiveRangeMap {
 public:
  explicit LiveRangeMap(const RangeMap& map);

  // Cost: O(log ranges), no allocation; a few ns for few ranges.
  ShardId ShardOf(Position position) const { return Find(position).shard; }
  Range Find(Position position) const;

  // Cost: O(ranges). Requires: the epoch of `map` is not below that of the one before.
  void Publish(const RangeMap& map);

  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

 private:
  // Room for so many ranges; what is written in it is guarded by changes_.
  struct Table {
    explicit Table(size_t room) : starts(room), shards(room) {}
    std::atomic<size_t> size{0};
    std::vector<std::atomic<uint64_t>> starts;
    std::vector<std::atomic<uint32_t>> shards;
  };

  std::vector<std::unique_ptr<Table>> tables_;  // Of the writer; the last is the one in use.
  std::atomic<const Table*> table_{nullptr};
  std::atomic<uint64_t> epoch_{0};
  std::atomic<uint64_t> changes_{0};  // Odd while a publication is under way.
};

}  // namespace weir::shard
