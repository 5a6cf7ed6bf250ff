#include "cmd/weir/node_store.h"

#include <future>
#include <vector>

namespace weir::cmd {
namespace {

std::vector<nodes::Node> ListOf(const Config& config) {
  std::vector<nodes::Node> list;
  for (const NodeConfig& node : config.nodes) {
    list.push_back({.id = node.id,
                    .ip = node.address.ip,
                    .port = node.address.port,
                    .weight = static_cast<uint32_t>(node.weight)});
  }
  return list;
}

Result<Ok> StoreCopy(store::RocksDbStore& store, const char* name, const std::string& text) {
  std::promise<Result<store::CommitNumber>> stored;
  store.PutMetadata(name, text,
                    [&](Result<store::CommitNumber> done) { stored.set_value(std::move(done)); });
  const Result<store::CommitNumber> done = stored.get_future().get();
  if (!done.ok()) return done.error();
  return Ok{};
}

Result<bool> HoldsRecords(const OpenedStores& opened) {
  for (const std::unique_ptr<store::Store>& store : opened.stores) {
    std::promise<Result<store::Counts>> counted;
    store->Count(WallTime{},
                 [&](Result<store::Counts> done) { counted.set_value(std::move(done)); });
    const Result<store::Counts> counts = counted.get_future().get();
    if (!counts.ok()) return counts.error();
    if (counts.value().records > 0) return true;
  }
  return false;
}

Error IsPart(const nodes::NodeTable& table) {
  return {ErrorCode::kInvalid, "the data is that of node '" + table.node(table.self()).id +
                                   "' of " + std::to_string(table.nodes().size()) +
                                   ", and a part of all keys; name the nodes in [[node]] "
                                   "sections, as before"};
}

const Error kIsWhole{
    ErrorCode::kInvalid,
    "the data is that of a process without [[node]] sections, and keys of other nodes' slots would "
    "be served by nobody; give each node an empty data directory, and copy the keys by a client"};

// What was stored, with the addresses of the list; nullptr: nothing was. Errors: why it cannot be.
Result<NodeTablePtr> Resume(const Config& config,
                            const Result<std::optional<nodes::StoredTable>>& stored) {
  if (!stored.ok()) return stored.error();
  if (!stored.value()) return NodeTablePtr();
  nodes::NodeTable table = stored.value()->table;
  const Result<Ok> adopted = table.Adopt(ListOf(config), config.server.node);
  if (!adopted.ok()) return adopted.error();
  return std::make_shared<const nodes::NodeTable>(std::move(table));
}

// `warning`, and what became of a copy with this damage, if there is any.
std::string Joined(const std::string& warning, const std::string& damage) {
  if (damage.empty()) return warning;
  return warning + (warning.empty() ? "" : "; ") +
         "one of the two copies of the table of nodes was damaged (" + damage +
         "); it is written again from the other";
}

}  // namespace

NodeTablePtr FirstPlacement(const Config& config) {
  if (config.nodes.empty()) return nullptr;
  return std::make_shared<const nodes::NodeTable>(
      nodes::NodeTable::FirstPlacement(ListOf(config), config.server.node));
}

Result<NodeTablePtr> OpenNodes(const Config& config, store::RocksDbStore& first,
                               OpenedStores* opened) {
  const Result<std::optional<nodes::StoredTable>> stored = ReadNodeTable(first);
  if (config.nodes.empty()) {
    if (!stored.ok()) return stored.error();
    if (stored.value() && !stored.value()->table.OwnsAll()) return IsPart(stored.value()->table);
    return NodeTablePtr();
  }
  const Result<bool> holds = HoldsRecords(*opened);
  if (!holds.ok()) return holds.error();
  const Result<NodeTablePtr> resumed = Resume(config, stored);
  if (!resumed.ok() && holds.value()) return resumed.error();
  NodeTablePtr table = resumed.ok() ? resumed.value() : nullptr;
  std::array<bool, 2> whole{};
  if (table != nullptr) {
    whole = stored.value()->whole;
    opened->warning = Joined(opened->warning, stored.value()->damage);
  } else {
    table = FirstPlacement(config);
    if (holds.value() && !table->OwnsAll()) return kIsWhole;
  }
  for (size_t copy = 0; copy < kNodeTableNames.size(); ++copy) {
    if (whole[copy]) continue;
    const Result<Ok> kept = StoreCopy(first, kNodeTableNames[copy], table->ToText());
    if (!kept.ok()) return kept.error();
  }
  return table;
}

}  // namespace weir::cmd
