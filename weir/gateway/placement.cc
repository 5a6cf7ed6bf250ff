#include "weir/gateway/placement.h"

#include <algorithm>
#include <cassert>

#include "weir/shard/position.h"

namespace weir::gateway {

Placement::Placement(Options options, size_t added_max)
    : options_(std::move(options)),
      shards_(options_.shards.size() + added_max),
      ranges_(options_.ranges),
      keyspaces_(std::make_shared<const Keyspaces>()),
      lane_mask_(options_.lanes - 1) {
  assert(options_.lanes > 0);
  assert((options_.lanes & lane_mask_) == 0);
  assert(!options_.shards.empty());
  for (const ShardPlace& place : options_.shards) AddShard(place);
  SetKeyspaces(std::move(options_.keyspaces));
}

void Placement::SetKeyspaces(std::vector<Keyspace> keyspaces) {
  assert(keyspaces.size() <= kKeyspacesMax);
  for (Keyspace& keyspace : keyspaces) {
    if (const Keyspace* before = FindKeyspace(keyspace.prefix)) {
      keyspace.counters = before->counters;
    }
  }
  int64_t span_ms = options_.fallback.RefreshSpan().count();
  for (const Keyspace& keyspace : keyspaces) {
    span_ms = std::max<int64_t>(span_ms, keyspace.RefreshSpan().count());
  }
  refresh_span_ms_.store(span_ms, std::memory_order_relaxed);
  std::stable_sort(keyspaces.begin(), keyspaces.end(), [](const Keyspace& a, const Keyspace& b) {
    return a.prefix.size() > b.prefix.size();
  });
  keyspaces_.Set(
      std::make_shared<const Keyspaces>(Keyspaces{std::move(keyspaces), options_.fallback}));
}

uint32_t Placement::AddShard(ShardPlace place) {
  databases_.store(std::max(databases_.load(), place.database + 1));
  shards_.Add(place);
  return static_cast<uint32_t>(shards_.size()) - 1;
}

KeyPlace Placement::Place(std::string_view key) const {
  const shard::Position position = shard::PositionOf(key);
  return {position.value, place(ranges_.ShardOf(position))};
}

const Keyspace& Placement::KeyspaceOf(std::string_view key) const {
  const Keyspaces& keyspaces = keyspaces_.Get();
  for (const Keyspace& keyspace : keyspaces.all) {
    if (key.starts_with(keyspace.prefix)) return keyspace;
  }
  return keyspaces.fallback;
}

const Keyspace* Placement::FindKeyspace(std::string_view prefix) const {
  const std::vector<Keyspace>& all = keyspaces();
  const auto found = std::find_if(all.begin(), all.end(), [prefix](const Keyspace& keyspace) {
    return keyspace.prefix == prefix;
  });
  return found == all.end() ? nullptr : &*found;
}

ShardPlace Placement::place(shard::ShardId shard) const {
  const auto index = static_cast<size_t>(shard);
  return shards_[index];
}

}  // namespace weir::gateway
