#include "cmd/weir/stores.h"

#include <algorithm>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/layout.h"
#include "cmd/weir/log.h"
#include "cmd/weir/node_store.h"
#include "cmd/weir/snapshot_seal.h"

#include "weir/store/memory/memory_store.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::cmd {
namespace {

constexpr size_t kReadThreads = 2;

// Makes an even range map and stores it with the data.
Result<shard::RangeMap> StoreRangeMap(store::RocksDbStore& store, uint32_t shards) {
  Result<shard::RangeMap> even = shard::RangeMap::Even(shards);
  if (!even.ok()) return even.error();
  std::promise<Result<store::CommitNumber>> stored;
  store.PutMetadata(kRangeMapNames[0], even.value().ToText(),
                    [&](Result<store::CommitNumber> done) { stored.set_value(std::move(done)); });
  const Result<store::CommitNumber> done = stored.get_future().get();
  if (!done.ok()) return done.error();
  return even;
}

// Says where changes of the map are stored, and what became of the copies.
void KeepRanges(store::RocksDbStore& store, const std::optional<shard::StoredMap>& stored,
                const Layout& layout, OpenedStores* opened) {
  opened->keeper.store = [&store](size_t copy, std::string text,
                                  store::Done<store::CommitNumber> done) {
    store.PutMetadata(kRangeMapNames[copy], std::move(text), std::move(done));
  };
  for (const gateway::ShardPlace& place : layout.places) {
    opened->keeper.places.push_back(layout.directories[place.database]);
  }
  if (!stored) return;
  opened->keeper.newer_copy = stored->newer;
  if (!stored->damage.empty()) {
    opened->warning = "one of the two copies of the range map is damaged (" + stored->damage +
                      "); the other is used, and the next change of the ranges replaces it";
  }
}

Result<OpenedStores> OpenMemory(const Config& config) {
  OpenedStores opened;
  const auto shards = static_cast<uint32_t>(config.shards.size());
  opened.stores.push_back(store::OpenMemoryStore({.shards = shards, .contents = nullptr}));
  for (uint32_t shard = 0; shard < shards; ++shard) opened.shards.push_back({0, shard});
  Result<shard::RangeMap> even = shard::RangeMap::Even(shards);
  if (!even.ok()) return even.error();
  opened.ranges = std::move(even).value();
  opened.nodes = FirstPlacement(config);
  return opened;
}

}  // namespace

size_t BlockCacheOf(const Budget& budget, size_t count) {
  return budget.block_cache / count;
}

size_t WriteBuffersOf(const Budget& budget, size_t count) {
  return std::max(budget.write_buffers / count, store::kWriteBufferBytesMin);
}

Result<std::unique_ptr<store::RocksDbStore>> OpenDirectory(const Config& config,
                                                           const Budget& budget,
                                                           const DirectoryToOpen& which) {
  store::RocksDbOptions options;
  options.directory = which.directory;
  options.create = which.create;
  options.shards = which.shards;
  options.durability = config.server.durability == Durability::kFsync ? store::Durability::kFsync
                                                                      : store::Durability::kOs;
  options.block_cache_bytes = BlockCacheOf(budget, which.count);
  options.write_buffer_bytes = WriteBuffersOf(budget, which.count);
  options.read_threads = kReadThreads;
  options.warn = [](const std::string& what) { LogWarn(what); };
  return store::OpenRocksDb(std::move(options));
}

// The range map is stored last, when all directories are made: so where there is one, a directory
// that is empty has lost its data, or is not mounted, and must not be made anew.
Result<OpenedStores> OpenStores(const Config& config, const Budget& budget) {
  if (config.server.store == StoreKind::kMemory) return OpenMemory(config);
  Layout layout = LayOut(config);
  const size_t configured = layout.directories.size();
  OpenedStores opened;
  std::optional<shard::StoredMap> stored;
  std::vector<std::optional<std::string>> marks(1);
  for (size_t i = 0; i < layout.directories.size(); ++i) {
    // Before each, since the one before may have made its directory.
    if (auto apart = CheckApart(layout.directories); !apart.ok()) return apart.error();
    const size_t count = layout.directories.size();
    const bool create = !stored.has_value() && i < configured;
    Result<std::unique_ptr<store::RocksDbStore>> store =
        OpenDirectory(config, budget, {layout.directories[i], layout.shards_in[i], create, count});
    if (!store.ok()) return store.error();
    opened.disks.push_back(store.value().get());
    opened.stores.push_back(std::move(store).value());
    if (i == 0) {
      UseShardsThere(&layout, opened.disks[0]->shards());
      // It is ours by now, so nobody adds to it any more.
      const Result<std::vector<AddedShard>> added = ReadAddedShards(layout.directories[0]);
      if (!added.ok()) return added.error();
      auto extended = Extend(&layout, added.value());
      if (!extended.ok()) return extended.error();
      marks = std::move(extended).value();
      const size_t all = layout.directories.size();
      opened.disks[0]->SetMemory(BlockCacheOf(budget, all), WriteBuffersOf(budget, all));
      Result<std::optional<shard::StoredMap>> read = ReadRangeMap(*opened.disks[0]);
      if (!read.ok()) return read.error();
      stored = std::move(read).value();
    }
    const Result<Ok> right = CheckMark(*opened.disks[i], layout.directories[i], marks[i]);
    if (!right.ok()) return right.error();
  }
  Result<shard::RangeMap> map =
      stored ? stored->map
             : StoreRangeMap(*opened.disks[0], static_cast<uint32_t>(layout.places.size()));
  if (!map.ok()) return map.error();
  if (auto fits = CheckRanges(map.value(), layout.places.size()); !fits.ok()) return fits.error();
  opened.ranges = std::move(map).value();
  KeepRanges(*opened.disks[0], stored, layout, &opened);
  Result<NodeTablePtr> nodes = OpenNodes(config, *opened.disks[0], &opened);
  if (!nodes.ok()) return nodes.error();
  opened.nodes = std::move(nodes).value();
  opened.shards = std::move(layout.places);
  opened.directories = std::move(layout.directories);
  opened.checkpoints.assign(opened.disks.begin(), opened.disks.end());
  opened.sealed = SealedSnapshot(opened.disks);
  return opened;
}

}  // namespace weir::cmd
