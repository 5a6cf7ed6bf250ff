// Where the table of nodes is kept: with the data, in the first directory.
// Threads: each call blocks on the store.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/config.h"
#include "cmd/weir/stores.h"

#include "weir/base/result.h"
#include "weir/gateway/gateway.h"
#include "weir/nodes/node_table.h"
#include "weir/nodes/table_copies.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::cmd {

inline constexpr std::array<const char*, 2> kNodeTableNames = {"node-table", "node-table-2"};

using NodeTablePtr = std::shared_ptr<const nodes::NodeTable>;

// Reads the table from what has Metadata: a store, or its verifier. nullopt: there is none.
// Errors: kCorrupt when no copy can be read, or the two differ.
template <typename Source>
Result<std::optional<nodes::StoredTable>> ReadNodeTable(Source& source) {
  nodes::TableCopies copies;
  for (size_t copy = 0; copy < copies.size(); ++copy) {
    Result<std::optional<std::string>> text = source.Metadata(kNodeTableNames[copy]);
    if (text.ok()) {
      copies[copy] = std::move(text).value();
    } else if (text.error().code == ErrorCode::kCorrupt) {
      copies[copy] = "";  // Something is there, and nobody can tell what.
    } else {
      return text.error();
    }
  }
  return nodes::ReadTableCopies(copies);
}

// The table of the configured list before anything was stored; nullptr without a list.
NodeTablePtr FirstPlacement(const Config& config);

// The ids of nodes that have a weight, and serve nothing: it is too small a share for one slot.
std::vector<std::string> NodesWithoutSlots(const nodes::NodeTable& table);

// Returns the table by which this process serves: the stored one, held against the list, or the
// first placement, which is then new and stored by StoreNodes; nullptr without a list. A stored one
// is never replaced: who is empty today may be the only one that still knows whose slots it serves.
// `first`: the store of the first directory, which is among `opened`. Adds to its warning what
// became of the copies.
// Errors: kCorrupt; kInvalid when the data is not what the list says: another node's, laid out for
// other nodes, or of all slots; those of the store.
Result<NodeTablePtr> OpenNodes(const Config& config, store::RocksDbStore& first,
                               OpenedStores* opened);

// Stores a new table, in order with the writes of the gateway, and blocks until it is durable.
// Requires: `first` is the store of the gateway's first database. Errors: those of the store.
Result<Ok> StoreNodes(const nodes::NodeTable& table, store::RocksDbStore& first,
                      gateway::Gateway& gateway);

}  // namespace weir::cmd
