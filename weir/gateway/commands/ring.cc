// WEIR.RING: weir's own; `weir ring` speaks it.
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {

// What nodes ask each other, before anybody has authenticated.
void WeirRingDigest(const LocalCall& call, resp::Writer& writer) {
  const nodes::NodeTable* table = call.gateway.nodes();
  if (table == nullptr) return writer.NullArray();
  writer.ArrayHeader(4);
  writer.Bulk(table->node(table->self()).id);
  writer.Bulk(table->placement_digest());
  writer.Bulk(table->digest());
  writer.Bulk(call.gateway.process().run_id);
}

// Epoch, digest, and of each node: number, id, address, and whether it is this one.
void WeirRingNodes(const LocalCall& call, resp::Writer& writer) {
  const nodes::NodeTable* table = call.gateway.nodes();
  if (table == nullptr) return writer.NullArray();
  writer.ArrayHeader(3);
  writer.Integer(static_cast<int64_t>(table->slots().epoch()));
  writer.Bulk(table->digest());
  writer.ArrayHeader(table->nodes().size());
  for (size_t i = 0; i < table->nodes().size(); ++i) {
    const ring::NodeId number = table->slots().nodes()[i].id;
    writer.ArrayHeader(4);
    writer.Integer(static_cast<int64_t>(number));
    writer.Bulk(table->nodes()[i].id);
    writer.Bulk(table->nodes()[i].address());
    writer.Integer(number == table->self() ? 1 : 0);
  }
}

void WeirRingTable(const LocalCall& call, resp::Writer& writer) {
  writer.Bulk(call.gateway.slots().ToText());
}

}  // namespace weir::gateway::commands
