// The rows of weir's own commands, which Redis does not have.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kWeirRows[] = {
    Container("weir.backup", "0.1.0", "A container for commands that back all data up."),
    Local("weir.backup|cancel", 2, kAdmin, "0.1.0", "Stop the backup that is being made.",
          c::WeirBackupCancel),
    Local("weir.backup|help", 2, kAlways, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help),
    Operates("weir.backup|start", 3, kAdmin, "0.1.0",
             "Begin to back all data up into a new directory of the server's machine.",
             c::WeirBackupStart),
    Local("weir.backup|status", 2, kAdmin, "0.1.0",
          "Get how far the backup is, or how the last one ended.", c::WeirBackupStatus),
    Local("weir.mrc", -1, kAdmin, "0.1.0",
          "Get the miss-ratio curve of the last ten minutes: for sizes of the cache in bytes, or "
          "for those that are given, the hit ratio and the reads that miss each second.",
          c::WeirMissRatios),
    Container("weir.ring", "0.1.0", "A container for commands about slots and their nodes."),
    Local("weir.ring|help", 2, kAlways, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help),
    Local("weir.ring|table", 2, kAdmin, "0.1.0",
          "Get the slot table as text, which `weir ring` reads.", c::WeirRingTable),
    Container("weir.shard", "0.1.0", "A container for commands about shards and their ranges."),
    Local("weir.shard|help", 2, kAlways, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help),
    Operates(
        "weir.shard|list", -2, kAdmin, "0.1.0",
        "Get the version of the range map, the shards, and the ranges with their shards; COUNT "
        "reads all data and adds keys and bytes.",
        c::WeirShardList),
    Operates("weir.shard|merge", 3, kAdmin, "0.1.0",
             "Join a range, named by its beginning, to the one before it.", c::WeirShardMerge),
    Operates("weir.shard|split", -3, kAdmin, "0.1.0",
             "Cut a range, named by its beginning, in two: AT a position, or in the middle.",
             c::WeirShardSplit),
};

}  // namespace weir::gateway::rows
