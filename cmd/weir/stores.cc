#include "cmd/weir/stores.h"

#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/layout.h"
#include "cmd/weir/log.h"

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

Result<std::unique_ptr<store::RocksDbStore>> OpenDirectory(const Config& config,
                                                           const Budget& budget,
                                                           const Layout& layout, size_t index,
                                                           bool create) {
  const size_t count = layout.directories.size();
  store::RocksDbOptions options;
  options.directory = layout.directories[index];
  options.create = create;
  options.shards = layout.shards_in[index];
  options.durability = config.server.durability == Durability::kFsync ? store::Durability::kFsync
                                                                      : store::Durability::kOs;
  options.block_cache_bytes = budget.block_cache / count;
  options.write_buffer_bytes = budget.write_buffers / count;
  options.read_threads = kReadThreads;
  options.warn = [](const std::string& what) { LogWarn(what); };
  return store::OpenRocksDb(std::move(options));
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
  return opened;
}

}  // namespace

// The range map is stored last, when all directories are made: so where there is one, a directory
// that is empty has lost its data, or is not mounted, and must not be made anew.
Result<OpenedStores> OpenStores(const Config& config, const Budget& budget) {
  if (config.server.store == StoreKind::kMemory) return OpenMemory(config);
  Layout layout = LayOut(config);
  OpenedStores opened;
  std::vector<store::RocksDbStore*> stores;
  std::optional<shard::StoredMap> stored;
  for (size_t i = 0; i < layout.directories.size(); ++i) {
    Result<std::unique_ptr<store::RocksDbStore>> store =
        OpenDirectory(config, budget, layout, i, /*create=*/!stored.has_value());
    if (!store.ok()) return store.error();
    stores.push_back(store.value().get());
    opened.stores.push_back(std::move(store).value());
    if (i > 0) continue;
    Result<std::optional<shard::StoredMap>> read = ReadRangeMap(*stores[0]);
    if (!read.ok()) return read.error();
    stored = std::move(read).value();
  }
  // A single directory that exists knows its shards; the configuration's number is for new ones.
  const uint32_t there = stores[0]->shards();
  if (stores.size() == 1 && there != layout.places.size()) {
    layout.places.clear();
    for (uint32_t shard = 0; shard < there; ++shard) layout.places.push_back({0, shard});
  }
  Result<shard::RangeMap> map =
      stored ? stored->map : StoreRangeMap(*stores[0], static_cast<uint32_t>(layout.places.size()));
  if (!map.ok()) return map.error();
  if (auto fits = CheckRanges(map.value(), layout.places.size()); !fits.ok()) return fits.error();
  opened.ranges = std::move(map).value();
  KeepRanges(*stores[0], stored, layout, &opened);
  opened.shards = std::move(layout.places);
  opened.checkpoints.assign(stores.begin(), stores.end());
  return opened;
}

}  // namespace weir::cmd
