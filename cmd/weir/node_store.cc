#include "cmd/weir/node_store.h"

#include <future>

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

// What can be done instead by whoever does not need the data.
constexpr std::string_view kOrEmpty = "; or, where its data may go, give it an empty directory";

Error IsPart(const nodes::NodeTable& table) {
  return {ErrorCode::kInvalid, "the data is that of node '" + table.node(table.self()).id +
                                   "' of " + std::to_string(table.nodes().size()) +
                                   ", and a part of all keys; name the nodes in [[node]] "
                                   "sections, as before" +
                                   std::string(kOrEmpty)};
}

Error IsWhole() {
  return {ErrorCode::kInvalid,
          "the data is that of a process without [[node]] sections, and keys of other nodes' slots "
          "would be served by nobody; give each node an empty data directory, and copy the keys by "
          "a client"};
}

// Both copies cannot be used.
Error IsDamaged(const Error& damage) {
  return {damage.code, damage.message +
                           "; restore the newest backup of this node (weir restore), since without "
                           "the table nobody knows whose slots it served"};
}

// The stored table with the addresses of the list. Errors: it is not that of the list.
Result<NodeTablePtr> Resume(const Config& config, nodes::NodeTable table) {
  const Result<Ok> adopted = table.Adopt(ListOf(config), config.server.node);
  if (!adopted.ok()) {
    return Error{adopted.error().code, adopted.error().message + std::string(kOrEmpty)};
  }
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

std::vector<std::string> NodesWithoutSlots(const nodes::NodeTable& table) {
  std::vector<std::string> ids;
  for (size_t i = 0; i < table.nodes().size(); ++i) {
    if (table.nodes()[i].weight > 0 && table.runs(i).empty()) ids.push_back(table.nodes()[i].id);
  }
  return ids;
}

Result<NodeTablePtr> OpenNodes(const Config& config, store::RocksDbStore& first,
                               OpenedStores* opened) {
  Result<std::optional<nodes::StoredTable>> stored = ReadNodeTable(first);
  if (!stored.ok()) {
    const bool corrupt = stored.error().code == ErrorCode::kCorrupt;
    return corrupt ? IsDamaged(stored.error()) : stored.error();
  }
  std::optional<nodes::StoredTable>& found = stored.value();
  if (config.nodes.empty()) {
    if (found && !found->table.OwnsAll()) return IsPart(found->table);
    return NodeTablePtr();
  }
  if (!found) {
    NodeTablePtr table = FirstPlacement(config);
    const Result<bool> holds = table->OwnsAll() ? Result<bool>(false) : HoldsRecords(*opened);
    if (!holds.ok()) return holds.error();
    if (holds.value()) return IsWhole();
    opened->nodes_are_new = true;
    return table;
  }
  Result<NodeTablePtr> table = Resume(config, std::move(found->table));
  if (!table.ok()) return table;
  opened->warning = Joined(opened->warning, found->damage);
  for (size_t copy = 0; copy < kNodeTableNames.size(); ++copy) {
    if (found->whole[copy]) continue;
    const Result<Ok> kept = StoreCopy(first, kNodeTableNames[copy], table.value()->ToText());
    if (!kept.ok()) return kept.error();
  }
  return table;
}

Result<Ok> StoreNodes(const nodes::NodeTable& table, store::RocksDbStore& first,
                      gateway::Gateway& gateway) {
  const std::string text = table.ToText();
  for (const char* name : kNodeTableNames) {
    std::promise<Result<Ok>> stored;
    gateway.database(0).committer().SubmitStoreWrite(
        [&](store::Done<store::CommitNumber> done) {
          first.PutMetadata(name, text, std::move(done));
        },
        [&](const Result<Ok>& done) { stored.set_value(done); });
    const Result<Ok> done = stored.get_future().get();
    if (!done.ok()) return done;
  }
  return Ok{};
}

}  // namespace weir::cmd
