// Stores: the databases that a configuration names, opened, and which shard is in which of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cmd/weir/budget.h"
#include "cmd/weir/config.h"

#include "weir/base/result.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/range_keeper.h"
#include "weir/nodes/node_table.h"
#include "weir/shard/range_map.h"
#include "weir/store/checkpoints.h"
#include "weir/store/rocksdb/rocksdb_store.h"
#include "weir/store/store.h"

namespace weir::cmd {

struct OpenedStores {
  std::vector<std::unique_ptr<store::Store>> stores;  // By database.
  // What backups are made of, by database; the stores own them. None in memory.
  std::vector<store::Checkpoints*> checkpoints;
  std::string sealed;                       // SealedSnapshot of disks, before anything was written.
  std::vector<gateway::ShardPlace> shards;  // By shard.
  shard::RangeMap ranges = shard::RangeMap::Even(1).value();
  gateway::RangeKeeper::Options keeper;
  std::shared_ptr<const nodes::NodeTable> nodes;  // nullptr: no list of nodes is configured.
  bool nodes_are_new = false;                     // Not stored yet: node_store.h.
  std::string warning;                            // Damage that the data survived, or "".
  std::vector<std::string> directories;           // By database. None in memory.
  std::vector<store::RocksDbStore*> disks;        // As checkpoints.
};

// Opens the directory of a database that is one of `count`, with its part of the memory.
// Errors: as store::OpenRocksDb.
struct DirectoryToOpen {
  std::string directory;
  uint32_t shards = 1;  // Applies only when it is made.
  bool create = false;
  size_t count = 1;
};
Result<std::unique_ptr<store::RocksDbStore>> OpenDirectory(const Config& config,
                                                           const Budget& budget,
                                                           const DirectoryToOpen& which);

// What each of `count` databases may use of memory for its block cache, and for its write buffers.
size_t BlockCacheOf(const Budget& budget, size_t count);
size_t WriteBuffersOf(const Budget& budget, size_t count);

// Opens (and creates, where there is none) one database for each directory that shards name, and
// those that were added (added_shards.h). The range map and the table of nodes live with the
// data, in the first; `shards` of the configuration applies only when the data is created. Errors:
// what is wrong with the data, or with a configuration that does not fit it, and the fix.
Result<OpenedStores> OpenStores(const Config& config, const Budget& budget);

}  // namespace weir::cmd
