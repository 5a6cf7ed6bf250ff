#include "cmd/weir/ring_command.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <utility>

#include "cmd/weir/ring_picture.h"
#include "cmd/weir/ring_report.h"
#include <nlohmann/json.hpp>

#include "weir/base/key_hash.h"
#include "weir/ring/slot_table.h"

namespace weir::cmd {
namespace {

enum ExitCode { kSuccess = 0, kFailure = 1, kUsage = 2 };

int Fail(ExitCode code, const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
  return code;
}

Result<ring::SlotTable> ReadTable(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::string text(ring::SlotTable::kMaxTextBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return Error{ErrorCode::kUnavailable,
                 name + ": cannot be read; give a file that weir ring --save wrote"};
  }
  text.resize(static_cast<size_t>(file.gcount()));
  Result<ring::SlotTable> table = ring::SlotTable::FromText(text);
  if (!table.ok()) return Error{ErrorCode::kCorrupt, name + ": " + table.error().message};
  return table;
}

Result<ring::SlotTable> AskTable(const ServerArguments& server) {
  Result<ServerLink> link = OpenSession(server);
  if (!link.ok()) return link.error();
  const Result<resp::Value> reply = Ask(link.value(), {"WEIR.RING", "TABLE"});
  if (!reply.ok()) return reply.error();
  return ring::SlotTable::FromText(reply.value().text);
}

// The reply of WEIR.RING NODES as names; without any for null.
Result<RingNames> NamesIn(const resp::Value& reply, const ring::SlotTable& table) {
  RingNames names;
  if (reply.kind != resp::Value::Kind::kArray) return names;
  const Error strange{ErrorCode::kUnavailable,
                      "the server's list of nodes is not that of its table; ask it again"};
  if (reply.items.size() != 3) return strange;
  for (const resp::Value& node : reply.items[2].items) {
    if (node.items.size() != 4) return strange;
    const ring::NodeId number{static_cast<uint16_t>(node.items[0].integer)};
    names.nodes[number] = {node.items[1].text, node.items[2].text, node.items[3].integer == 1};
  }
  for (const ring::Node& node : table.nodes()) {
    if (!names.nodes.contains(node.id)) return strange;
  }
  names.digest = reply.items[1].text;
  return names;
}

Result<RingNames> AskNames(const RingSource& source, const ring::SlotTable& table) {
  if (!source.from_server) return RingNames{};
  Result<ServerLink> link = OpenSession(source.server);
  if (!link.ok()) return link.error();
  const Result<resp::Value> reply = Ask(link.value(), {"WEIR.RING", "NODES"});
  if (!reply.ok()) return reply.error();
  return NamesIn(reply.value(), table);
}

std::string CheckSource(const RingSource& source) {
  const int sources = (source.table.empty() ? 0 : 1) + (source.nodes.empty() ? 0 : 1) +
                      (source.from_server ? 1 : 0);
  if (sources != 1) {
    return "say where the table is, once: --table FILE, --nodes LIST or --server ADDR:PORT";
  }
  return source.from_server ? CheckServerArguments(source.server) : "";
}

Result<ring::SlotTable> LoadTable(const RingSource& source) {
  if (source.from_server) return AskTable(source.server);
  if (!source.table.empty()) return ReadTable(source.table);
  Result<ring::NodeSet> nodes = ParseNodes(source.nodes);
  if (!nodes.ok()) return nodes.error();
  ring::SlotTable table;
  table.Place(std::move(nodes).value());
  return table;
}

// Loads, and says what is wrong; the exit code is kSuccess when there is a table.
std::pair<ExitCode, std::unique_ptr<ring::SlotTable>> Load(const RingSource& source) {
  if (const std::string wrong = CheckSource(source); !wrong.empty()) {
    Fail(kUsage, wrong);
    return {kUsage, nullptr};
  }
  Result<ring::SlotTable> table = LoadTable(source);
  if (!table.ok()) {
    const ExitCode code = source.nodes.empty() ? kFailure : kUsage;
    Fail(code, table.error().message);
    return {code, nullptr};
  }
  return {kSuccess, std::make_unique<ring::SlotTable>(std::move(table).value())};
}

// Returns whether `text` is in the file now; nothing is written for an empty name.
bool WriteFile(const std::string& name, const std::string& text) {
  if (name.empty()) return true;
  std::ofstream file(name, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file.good()) return true;
  Fail(kFailure, name + ": cannot be written");
  return false;
}

// Makes the node set that the arguments ask for out of that of the table.
Result<ring::NodeSet> ChangedNodes(const ring::SlotTable& table, const RingArguments& arguments) {
  ring::NodeSet nodes;
  for (const ring::Node& node : table.nodes()) {
    if (auto added = nodes.Add(node); !added.ok()) return added.error();
  }
  using Change = Result<Ok> (*)(ring::NodeSet&, const ring::Node&);
  const std::pair<const std::vector<std::string>*, Change> changes[] = {
      {&arguments.remove, [](ring::NodeSet& set, const ring::Node& n) { return set.Remove(n.id); }},
      {&arguments.weigh,
       [](ring::NodeSet& set, const ring::Node& n) { return set.Reweigh(n.id, n.weight); }},
      {&arguments.add, [](ring::NodeSet& set, const ring::Node& n) { return set.Add(n); }}};
  for (const auto& [texts, change] : changes) {
    for (const std::string& text : *texts) {
      const Result<ring::Node> node = ParseNode(text);
      if (!node.ok()) return node.error();
      if (auto changed = change(nodes, node.value()); !changed.ok()) return changed.error();
    }
  }
  return nodes;
}

}  // namespace

int RunRingShow(const RingArguments& arguments) {
  const auto [code, table] = Load(arguments.source);
  if (table == nullptr) return code;
  if (!WriteFile(arguments.svg, DrawTable(*table))) return kFailure;
  if (!WriteFile(arguments.save, table->ToText())) return kFailure;
  const Result<RingNames> names = AskNames(arguments.source, *table);
  if (!names.ok()) return Fail(kFailure, names.error().message);
  const std::string text =
      arguments.json ? TableAsJson(*table, names.value()) : DescribeTable(*table, names.value());
  std::fputs(text.c_str(), stdout);
  return kSuccess;
}

int RunRingOwner(const RingArguments& arguments) {
  const auto [code, table] = Load(arguments.source);
  if (table == nullptr) return code;
  nlohmann::json owners = nlohmann::json::array();
  for (const std::string& key : arguments.keys) {
    const uint32_t slot = TagSlot(KeyTag(key));
    const ring::NodeId node = table->Owner(slot);
    if (arguments.json) {
      owners.push_back({{"key", key}, {"slot", slot}, {"node", nullptr}});
      if (node != ring::kNoNode) owners.back()["node"] = static_cast<unsigned>(node);
      continue;
    }
    std::printf("%s  slot %u  node %s\n", key.c_str(), slot, NameOf(node).c_str());
  }
  if (arguments.json) {
    // A key that is not UTF-8 has no form in JSON; what can be shown of it is.
    std::puts(owners.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
  return kSuccess;
}

int RunRingDiff(const RingArguments& arguments) {
  if (arguments.add.empty() && arguments.remove.empty() && arguments.weigh.empty()) {
    return Fail(kUsage, "say what changes: --add ID[=WEIGHT], --remove ID or --weigh ID=WEIGHT");
  }
  const auto [code, table] = Load(arguments.source);
  if (table == nullptr) return code;
  Result<ring::NodeSet> nodes = ChangedNodes(*table, arguments);
  if (!nodes.ok()) return Fail(kUsage, nodes.error().message);
  const auto change =
      std::make_unique<RingChange>(RingChange{.before = *table, .after = *table, .moves = {}});
  change->moves = change->after.Place(std::move(nodes).value());
  if (!WriteFile(arguments.svg, DrawChange(*change))) return kFailure;
  if (!WriteFile(arguments.save, change->after.ToText())) return kFailure;
  const std::string text = arguments.json ? ChangeAsJson(*change) : DescribeChange(*change);
  std::fputs(text.c_str(), stdout);
  return kSuccess;
}

}  // namespace weir::cmd
