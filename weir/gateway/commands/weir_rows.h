// The rows of weir's own commands, which Redis does not have.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr uint32_t kGreets =
    kAlways | kFlagNoAuth | kFlagUnlimited | kFlagEvenPaused | kFlagNoMulti;

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
    Container("weir.peer", "0.1.0", "A container for commands by which nodes greet each other."),
    Local("weir.peer|hello", 6, kGreets, "0.1.0",
          "Begin to prove to this node that another one of its list sends what follows: the "
          "version 1, the id, the digest of ids, weights and slots, and a nonce.",
          c::WeirPeerHello),
    Local("weir.peer|help", 2, kAlways, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help),
    Local("weir.peer|prove", 5, kGreets, "0.1.0",
          "Prove it, and say in which protocol to answer and whose commands will come.",
          c::WeirPeerProve),
    Container("weir.ring", "0.1.0", "A container for commands about slots and their nodes."),
    Local("weir.ring|digest", 2, kAlways | kFlagNoAuth | kFlagUnlimited | kFlagEvenPaused, "0.1.0",
          "Get the id of the node, the digest of ids, weights and slots, the one of addresses "
          "besides, and the run id, by which nodes see that they agree; null where there is one "
          "node.",
          c::WeirRingDigest),
    Local("weir.ring|help", 2, kAlways, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help),
    Local("weir.ring|nodes", 2, kAdmin, "0.1.0",
          "Get the version of the slot table, the digest that all nodes must share, and number, id "
          "and address of each node, with 1 for this one; null where there is one node.",
          c::WeirRingNodes),
    Local("weir.ring|table", 2, kAdmin, "0.1.0",
          "Get the slot table as text, which `weir ring` reads.", c::WeirRingTable),
    Container("weir.shard", "0.1.0", "A container for commands about shards and their ranges."),
    Operates("weir.shard|add", 3, kAdmin, "0.1.0",
             "Make a database in a directory of the server's machine and a shard in it, which "
             "ranges can be moved to, and get its number.",
             c::WeirShardAdd),
    Operates("weir.shard|cancel", 3, kAdmin, "0.1.0",
             "Undo a move that has not gone over, or a rollback that has not.", c::WeirShardCancel),
    Operates("weir.shard|finish", 3, kAdmin, "0.1.0",
             "End a move that has gone over: where the range was, its copy is removed.",
             c::WeirShardFinish),
    Local("weir.shard|help", 2, kAlways, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help),
    Operates(
        "weir.shard|list", -2, kAdmin, "0.1.0",
        "Get the version of the range map, the shards, and the ranges with their shards; COUNT "
        "reads all data and adds keys and bytes.",
        c::WeirShardList),
    Operates("weir.shard|merge", 3, kAdmin, "0.1.0",
             "Join a range, named by its beginning, to the one before it.", c::WeirShardMerge),
    Operates("weir.shard|move", 4, kAdmin, "0.1.0",
             "Begin to move a range, named by its beginning, to a shard in another directory, and "
             "get the number of the move.",
             c::WeirShardMove),
    Operates("weir.shard|pause", 3, kAdmin, "0.1.0", "Let a move rest.", c::WeirShardPause),
    Operates("weir.shard|resume", 3, kAdmin, "0.1.0", "Let a move that rests go on.",
             c::WeirShardResume),
    Operates("weir.shard|rollback", 3, kAdmin, "0.1.0",
             "Bring a range that has gone over back to where it was.", c::WeirShardRollback),
    Operates("weir.shard|split", -3, kAdmin, "0.1.0",
             "Cut a range, named by its beginning, in two: AT a position, BY BYTES, which reads "
             "all of it, or in the middle.",
             c::WeirShardSplit),
    Operates("weir.shard|status", 2, kAdmin, "0.1.0",
             "Get how far each move is, and how the last ones ended.", c::WeirShardStatus),
};

}  // namespace weir::gateway::rows
