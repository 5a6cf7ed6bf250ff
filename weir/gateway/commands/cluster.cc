// Redis Cluster's protocol over the list of nodes: what clients ask to find the way to a slot.
// Without a list every one of these answers that it is off.
//
// Lines and fields are those of Redis 7.0; CLUSTER SHARDS names the shard as Valkey 8 does. All
// nodes are masters without replicas. Nodes do not watch each other: each is told of as reachable.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "weir/base/key_hash.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/keys_operation.h"
#include "weir/gateway/session.h"
#include "weir/gateway/slot_stats_operation.h"
#include "weir/nodes/node_table.h"
#include "weir/shard/position.h"

namespace weir::gateway::commands {
namespace {

using nodes::Node;
using nodes::NodeTable;
using nodes::SlotRun;

// Returns nullptr after it has answered that there is no list.
const NodeTable* NodesFor(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = call.gateway.nodes();
  if (table == nullptr) WriteError(writer, errors::kClusterDisabled);
  return table;
}

// Returns false after it has answered that no node has this id.
bool IsKnown(const NodeTable& table, std::string_view id, resp::Writer& writer) {
  bool known = false;
  for (size_t i = 0; i < table.nodes().size(); ++i) known |= table.cluster_id(i) == id;
  if (!known) WriteError(writer, errors::UnknownNode(id));
  return known;
}

void WritePair(resp::Writer& writer, std::string_view name, std::string_view value) {
  writer.Bulk(name);
  writer.Bulk(value);
}

// The id of a node is also the name of its shard, in which it is alone.
void WriteShard(const NodeTable& table, size_t index, resp::Writer& writer) {
  const Node& node = table.nodes()[index];
  const std::span<const SlotRun> runs = table.runs(index);
  writer.MapHeader(3);
  writer.Bulk("slots");
  writer.ArrayHeader(2 * runs.size());
  for (const SlotRun& run : runs) {
    writer.Integer(run.first);
    writer.Integer(run.last);
  }
  writer.Bulk("nodes");
  writer.ArrayHeader(1);
  writer.MapHeader(7);
  WritePair(writer, "id", table.cluster_id(index));
  writer.Bulk("port");
  writer.Integer(node.port);
  WritePair(writer, "ip", node.ip);
  WritePair(writer, "endpoint", node.ip);
  WritePair(writer, "role", "master");
  writer.Bulk("replication-offset");
  writer.Integer(0);
  WritePair(writer, "health", "online");
  WritePair(writer, "id", table.cluster_id(index));
}

std::string LineOf(const NodeTable& table, size_t index) {
  const Node& node = table.nodes()[index];
  const bool myself = table.slots().nodes()[index].id == table.self();
  std::string line =
      table.cluster_id(index) + " " + node.address() + "@" + std::to_string(node.port);
  line += myself ? " myself,master" : " master";
  line += " - 0 0 " + std::to_string(table.slots().epoch()) + " connected";
  for (const SlotRun& run : table.runs(index)) {
    line += " " + std::to_string(run.first);
    if (run.last != run.first) line += "-" + std::to_string(run.last);
  }
  return line + "\n";
}

std::optional<uint32_t> SlotOf(int64_t number) {
  if (number < 0 || number >= int64_t{kSlotCount}) return std::nullopt;
  return static_cast<uint32_t>(number);
}

KeysOperation::Request KeysOfSlot(uint32_t slot, const OperationCall& call) {
  KeysOperation::Request request;
  request.from = slot * shard::kPositionsPerSlot;
  request.to = request.from + shard::kPositionsPerSlot;
  request.viewer = call.session.viewer();
  return request;
}

// What SLOT-STATS is asked for, but for the protocol. Errors: kInvalid, with the whole reply.
Result<SlotStatsOperation::Request> ParseSlotStats(Args args) {
  const auto refuse = [](std::string_view text) {
    return Error{ErrorCode::kInvalid, std::string(text)};
  };
  SlotStatsOperation::Request request;
  if (args.size() == 5 && SameWord(args[2], "slotsrange")) {
    int64_t first = -1;
    int64_t last = -1;
    if (!ParseInteger(args[3], &first) || !SlotOf(first) || !ParseInteger(args[4], &last) ||
        !SlotOf(last)) {
      return refuse(errors::kSlotOutOfRange);
    }
    if (first > last) return refuse(errors::SlotsInverted(first, last));
    request.first = *SlotOf(first);
    request.last = *SlotOf(last);
    return request;
  }
  if (!SameWord(args[2], "orderby")) return refuse(errors::kSyntax);
  if (!SameWord(args[3], "key-count")) return refuse(errors::kSlotMetric);
  request.order = SlotStatsOperation::Request::Order::kMostKeys;
  for (size_t i = 4; i < args.size(); ++i) {
    int64_t limit = 0;
    if (SameWord(args[i], "asc") || SameWord(args[i], "desc")) {
      request.order = SameWord(args[i], "asc") ? SlotStatsOperation::Request::Order::kFewestKeys
                                               : SlotStatsOperation::Request::Order::kMostKeys;
    } else if (SameWord(args[i], "limit") && i + 1 < args.size()) {
      if (!ParseInteger(args[++i], &limit) || limit < 1 || limit > int64_t{kSlotCount}) {
        return refuse(errors::kSlotLimit);
      }
      request.limit = static_cast<size_t>(limit);
    } else {
      return refuse(errors::kSyntax);
    }
  }
  return request;
}

std::optional<Reply> Begin(const OperationCall& call, KeysOperation::Request request) {
  KeysOperation::Begin(
      std::make_shared<KeysOperation>(call.origin, std::move(request), call.gateway));
  return std::nullopt;
}

}  // namespace

void ClusterSlots(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = NodesFor(call, writer);
  if (table == nullptr) return;
  call.session.speaks_cluster = true;
  writer.ArrayHeader(table->runs().size());
  for (const SlotRun& run : table->runs()) {
    const Node& node = table->node(run.owner);
    writer.ArrayHeader(3);
    writer.Integer(run.first);
    writer.Integer(run.last);
    writer.ArrayHeader(4);
    writer.Bulk(node.ip);
    writer.Integer(node.port);
    writer.Bulk(table->cluster_id(run.owner));
    writer.MapHeader(0);  // What else is known of its address.
  }
}

void ClusterShards(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = NodesFor(call, writer);
  if (table == nullptr) return;
  call.session.speaks_cluster = true;
  writer.ArrayHeader(table->nodes().size());
  for (size_t i = 0; i < table->nodes().size(); ++i) {
    WriteShard(*table, i, writer);
  }
}

void ClusterNodes(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = NodesFor(call, writer);
  if (table == nullptr) return;
  call.session.speaks_cluster = true;
  std::string text;
  for (size_t i = 0; i < table->nodes().size(); ++i) text += LineOf(*table, i);
  writer.Verbatim("txt", text);
}

void ClusterInfo(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = NodesFor(call, writer);
  if (table == nullptr) return;
  size_t serving = 0;
  for (size_t i = 0; i < table->nodes().size(); ++i) serving += table->runs(i).empty() ? 0 : 1;
  const std::string slots = std::to_string(kSlotCount);
  const std::string epoch = std::to_string(table->slots().epoch());
  std::string text;
  const auto add = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(":").append(value).append("\r\n");
  };
  add("cluster_state", "ok");
  add("cluster_slots_assigned", slots);
  add("cluster_slots_ok", slots);
  add("cluster_slots_pfail", "0");
  add("cluster_slots_fail", "0");
  add("cluster_known_nodes", std::to_string(table->nodes().size()));
  add("cluster_size", std::to_string(serving));
  add("cluster_current_epoch", epoch);
  add("cluster_my_epoch", epoch);
  add("cluster_stats_messages_sent", "0");
  add("cluster_stats_messages_received", "0");
  add("total_cluster_links_buffer_limit_exceeded", "0");
  writer.Verbatim("txt", text);
}

void ClusterMyid(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = NodesFor(call, writer);
  if (table != nullptr) writer.Bulk(table->cluster_id(table->self()));
}

void ClusterMyshardid(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = NodesFor(call, writer);
  if (table != nullptr) writer.Bulk(table->cluster_id(table->self()));
}

void ClusterKeyslot(const LocalCall& call, resp::Writer& writer) {
  if (NodesFor(call, writer) != nullptr) writer.Integer(TagSlot(KeyTag(call.args[2])));
}

void ClusterLinks(const LocalCall& call, resp::Writer& writer) {
  if (NodesFor(call, writer) != nullptr) writer.ArrayHeader(0);
}

void ClusterReplicas(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = NodesFor(call, writer);
  if (table != nullptr && IsKnown(*table, call.args[2], writer)) writer.ArrayHeader(0);
}

void ClusterFailureReports(const LocalCall& call, resp::Writer& writer) {
  const NodeTable* table = NodesFor(call, writer);
  if (table != nullptr && IsKnown(*table, call.args[2], writer)) writer.Integer(0);
}

void ClusterConfigured(const LocalCall& call, resp::Writer& writer) {
  if (NodesFor(call, writer) != nullptr) WriteError(writer, errors::kNodesAreConfigured);
}

void ClusterOk(const LocalCall& call, resp::Writer& writer) {
  if (NodesFor(call, writer) == nullptr) return;
  call.session.speaks_cluster = true;
  writer.SimpleString("OK");
}

std::optional<Reply> ClusterCountkeysinslot(const OperationCall& call) {
  const auto refuse = [](std::string_view text) { return Reply::Failure(std::string(text)); };
  if (call.gateway.nodes() == nullptr) return refuse(errors::kClusterDisabled);
  int64_t number = 0;
  if (!ParseInteger(call.args[2], &number)) return refuse(errors::kNotInteger);
  const std::optional<uint32_t> slot = SlotOf(number);
  if (!slot.has_value()) return refuse(errors::kInvalidSlot);
  KeysOperation::Request request = KeysOfSlot(*slot, call);
  request.counts = true;
  return Begin(call, std::move(request));
}

std::optional<Reply> ClusterGetkeysinslot(const OperationCall& call) {
  const auto refuse = [](std::string_view text) { return Reply::Failure(std::string(text)); };
  if (call.gateway.nodes() == nullptr) return refuse(errors::kClusterDisabled);
  int64_t number = 0;
  int64_t count = 0;
  if (!ParseInteger(call.args[2], &number) || !ParseInteger(call.args[3], &count)) {
    return refuse(errors::kNotInteger);
  }
  const std::optional<uint32_t> slot = SlotOf(number);
  if (!slot.has_value() || count < 0) return refuse(errors::kSlotOrCount);
  if (count == 0) return Reply::Array({});
  KeysOperation::Request request = KeysOfSlot(*slot, call);
  request.count_max = static_cast<uint64_t>(count);
  return Begin(call, std::move(request));
}

std::optional<Reply> ClusterSlotStats(const OperationCall& call) {
  if (call.gateway.nodes() == nullptr) {
    return Reply::Failure(std::string(errors::kClusterDisabled));
  }
  Result<SlotStatsOperation::Request> request = ParseSlotStats(call.args);
  if (!request.ok()) return Reply::Failure(request.error().message);
  request.value().protocol = call.session.protocol;
  if (SlotStatsOperation::Begin(call.origin, request.value(), call.gateway)) return std::nullopt;
  return Reply::Failure(std::string(errors::kSlotStatsUnderWay));
}

}  // namespace weir::gateway::commands
