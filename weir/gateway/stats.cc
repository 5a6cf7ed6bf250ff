#include "weir/gateway/stats.h"

#include "weir/gateway/command.h"

namespace weir::gateway {

LoopStats::LoopStats() : commands(AllCommands().size()) {}

}  // namespace weir::gateway
