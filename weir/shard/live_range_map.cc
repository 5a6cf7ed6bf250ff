#include "weir/shard/live_range_map.h"

#include <algorithm>
#include <cassert>

namespace weir::shard {

LiveRangeMap::LiveRangeMap(const RangeMap& map) {
  Publish(map);
}

// A sequence lock, in which a look-up is right when `changes_` is the same even number before and
// after: (1) the writer makes it odd, (2) writes, releasing, (3) makes it even, releasing. A reader
// that acquired anything written in (2) therefore sees (1) afterwards, and looks again. What it
// looks at meanwhile is a table that stays, and a size within that table's room.
void LiveRangeMap::Publish(const RangeMap& map) {
  assert(map.epoch() >= epoch_.load(std::memory_order_relaxed));
  const uint64_t changes = changes_.load(std::memory_order_relaxed);
  changes_.store(changes + 1, std::memory_order_relaxed);
  if (tables_.empty() || tables_.back()->starts.size() < map.size()) {
    // Doubled, so that all tables before are no larger together than the last.
    const size_t before = tables_.empty() ? 0 : tables_.back()->starts.size();
    tables_.push_back(std::make_unique<Table>(std::max(map.size(), 2 * before)));
    table_.store(tables_.back().get(), std::memory_order_release);
  }
  Table& table = *tables_.back();
  for (size_t i = 0; i < map.size(); ++i) {
    const Range range = map.At(i);
    table.starts[i].store(range.from.value, std::memory_order_release);
    table.shards[i].store(static_cast<uint32_t>(range.shard), std::memory_order_release);
  }
  table.size.store(map.size(), std::memory_order_release);
  epoch_.store(map.epoch(), std::memory_order_release);
  changes_.store(changes + 2, std::memory_order_release);
}

Range LiveRangeMap::Find(Position position) const {
  for (;;) {
    const uint64_t before = changes_.load(std::memory_order_acquire);
    if (before % 2 != 0) continue;
    const Table& table = *table_.load(std::memory_order_acquire);
    const size_t size = table.size.load(std::memory_order_acquire);
    // As in RangeMap: keeps the last beginning at or before `position` in [index, index + left).
    size_t index = 0;
    for (size_t left = size; left > 1;) {
      const size_t half = left / 2;
      const uint64_t start = table.starts[index + half].load(std::memory_order_acquire);
      index += start <= position.value ? half : 0;
      left -= half;
    }
    const uint64_t from = table.starts[index].load(std::memory_order_acquire);
    const uint64_t to =
        index + 1 < size ? table.starts[index + 1].load(std::memory_order_acquire) : 0;
    const uint32_t shard = table.shards[index].load(std::memory_order_acquire);
    if (changes_.load(std::memory_order_relaxed) != before) continue;
    return {.from = {from}, .to = {to}, .shard = ShardId{shard}};
  }
}

}  // namespace weir::shard
