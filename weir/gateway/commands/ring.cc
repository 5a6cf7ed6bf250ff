// WEIR.RING: weir's own; `weir ring` speaks it.
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {

void WeirRingTable(const LocalCall& call, resp::Writer& writer) {
  writer.Bulk(call.gateway.slots().ToText());
}

}  // namespace weir::gateway::commands
