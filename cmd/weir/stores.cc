#include "cmd/weir/stores.h"

#include <algorithm>
#include <future>
#include <optional>
#include <string>
#include <utility>

#include "weir/store/memory/memory_store.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::cmd {
namespace {

constexpr const char* kRangeMapName = "range-map";
constexpr size_t kReadThreads = 2;

// The directories that shards name, in order of their first shard.
struct Layout {
  std::vector<std::string> directories;
  std::vector<uint32_t> shards_in;  // By directory.
  std::vector<gateway::ShardPlace> places;
};

Layout LayOut(const Config& config) {
  Layout layout;
  for (const ShardConfig& shard : config.shards) {
    auto found = std::find(layout.directories.begin(), layout.directories.end(), shard.data);
    if (found == layout.directories.end()) {
      found = layout.directories.insert(found, shard.data);
      layout.shards_in.push_back(0);
    }
    const auto database = static_cast<uint32_t>(found - layout.directories.begin());
    layout.places.push_back({database, layout.shards_in[database]++});
  }
  return layout;
}

// Returns the range map stored with the data; stores an even one where there is none yet.
Result<shard::RangeMap> ReadRangeMap(store::RocksDbStore& store, uint32_t shards) {
  Result<std::optional<std::string>> text = store.Metadata(kRangeMapName);
  if (!text.ok()) return text.error();
  if (text.value().has_value()) return shard::RangeMap::FromText(*text.value());
  Result<shard::RangeMap> even = shard::RangeMap::Even(shards);
  if (!even.ok()) return even.error();
  std::promise<Result<store::CommitNumber>> stored;
  store.PutMetadata(kRangeMapName, even.value().ToText(),
                    [&](Result<store::CommitNumber> done) { stored.set_value(std::move(done)); });
  const Result<store::CommitNumber> done = stored.get_future().get();
  if (!done.ok()) return done.error();
  return even;
}

Result<std::unique_ptr<store::RocksDbStore>> OpenDirectory(const Config& config,
                                                           const Budget& budget,
                                                           const Layout& layout, size_t index) {
  const size_t count = layout.directories.size();
  store::RocksDbOptions options;
  options.directory = layout.directories[index];
  options.shards = layout.shards_in[index];
  options.durability = config.server.durability == Durability::kFsync ? store::Durability::kFsync
                                                                      : store::Durability::kOs;
  options.block_cache_bytes = budget.block_cache / count;
  options.write_buffer_bytes = budget.write_buffers / count;
  options.read_threads = kReadThreads;
  return store::OpenRocksDb(std::move(options));
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

// Errors: kCorrupt when a range names a shard that is not there.
Result<Ok> CheckShards(const OpenedStores& opened) {
  for (size_t i = 0; i < opened.ranges.size(); ++i) {
    if (static_cast<size_t>(opened.ranges.At(i).shard) < opened.shards.size()) continue;
    return Error{ErrorCode::kCorrupt,
                 "the data was laid out over more shards than the configuration names; name all "
                 "its directories in [[shard]] sections, in the order they were created with"};
  }
  return Ok{};
}

}  // namespace

Result<OpenedStores> OpenStores(const Config& config, const Budget& budget) {
  if (config.server.store == StoreKind::kMemory) return OpenMemory(config);
  Layout layout = LayOut(config);
  OpenedStores opened;
  for (size_t i = 0; i < layout.directories.size(); ++i) {
    Result<std::unique_ptr<store::RocksDbStore>> store = OpenDirectory(config, budget, layout, i);
    if (!store.ok()) return store.error();
    if (i == 0) {
      // A single directory that exists knows its shards; the configuration's number is for new
      // ones.
      const uint32_t there = store.value()->shards();
      if (layout.directories.size() == 1 && there != layout.places.size()) {
        layout.places.clear();
        for (uint32_t shard = 0; shard < there; ++shard) layout.places.push_back({0, shard});
      }
      Result<shard::RangeMap> ranges =
          ReadRangeMap(*store.value(), static_cast<uint32_t>(layout.places.size()));
      if (!ranges.ok()) return ranges.error();
      opened.ranges = std::move(ranges).value();
    }
    opened.stores.push_back(std::move(store).value());
  }
  opened.shards = std::move(layout.places);
  const Result<Ok> fits = CheckShards(opened);
  if (!fits.ok()) return fits.error();
  return opened;
}

}  // namespace weir::cmd
