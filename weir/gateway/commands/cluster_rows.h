// The rows of Redis Cluster, which answer that it is off.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kClusterRows[] = {
    Local("asking", 1, kFast, "3.0.0", "Sent by cluster clients after an -ASK redirect",
          c::ClusterDisabled)
        .In(kCatConnection),
    Container("cluster", "3.0.0", "A container for cluster commands."),
    Local("cluster|addslots", -3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Assign new hash slots to receiving node.", c::ClusterDisabled),
    Local("cluster|addslotsrange", -4, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "7.0.0",
          "Assign new hash slots to receiving node.", c::ClusterDisabled),
    Local("cluster|bumpepoch", 2, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Advance the cluster config epoch.", c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|count-failure-reports", 3, kFlagAdmin | kFlagStale, "3.0.0",
          "Return the number of failure reports active for a given node.", c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|countkeysinslot", 3, kFlagStale, "3.0.0",
          "Return the number of local keys in the specified hash slot.", c::ClusterDisabled),
    Local("cluster|delslots", -3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Set hash slots as unbound in receiving node.", c::ClusterDisabled),
    Local("cluster|delslotsrange", -4, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "7.0.0",
          "Set hash slots as unbound in receiving node.", c::ClusterDisabled),
    Local("cluster|failover", -2, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Forces a replica to perform a manual failover of its master.", c::ClusterDisabled),
    Local("cluster|flushslots", 2, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Delete a node's own slots information.", c::ClusterDisabled),
    Local("cluster|forget", 3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Remove a node from the nodes table.", c::ClusterDisabled),
    Local("cluster|getkeysinslot", 4, kFlagStale, "3.0.0",
          "Return local key names in the specified hash slot.", c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|help", 2, kAlways, "5.0.0", "Show helpful text about the different subcommands.",
          c::Help)
        .Differs(kOwnHelp),
    Local("cluster|info", 2, kFlagStale, "3.0.0", "Provides info about Redis Cluster node state.",
          c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|keyslot", 3, kFlagStale, "3.0.0", "Returns the hash slot of the specified key.",
          c::ClusterDisabled),
    Local("cluster|links", 2, kFlagStale, "7.0.0",
          "Returns a list of all TCP links to and from peer nodes in cluster.", c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|meet", -4, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Force a node cluster to handshake with another node.", c::ClusterDisabled),
    Local("cluster|myid", 2, kFlagStale, "3.0.0", "Return the node id.", c::ClusterDisabled),
    Local("cluster|nodes", 2, kFlagStale, "3.0.0", "Get Cluster config for the node.",
          c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|replicas", 3, kFlagAdmin | kFlagStale, "5.0.0",
          "List replica nodes of the specified master node.", c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|replicate", 3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Reconfigure a node as a replica of the specified master node.", c::ClusterDisabled),
    Local("cluster|reset", -2, kAdmin | kFlagStale, "3.0.0", "Reset a Redis Cluster node.",
          c::ClusterDisabled),
    Local("cluster|saveconfig", 2, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Forces the node to save cluster state on disk.", c::ClusterDisabled),
    Local("cluster|set-config-epoch", 3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Set the configuration epoch in a new node.", c::ClusterDisabled),
    Local("cluster|setslot", -4, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Bind a hash slot to a specific node.", c::ClusterDisabled),
    Local("cluster|shards", 2, kFlagStale, "7.0.0", "Get array of cluster slots to node mappings.",
          c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|slaves", 3, kFlagAdmin | kFlagStale, "3.0.0",
          "List replica nodes of the specified master node.", c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("cluster|slots", 2, kFlagStale, "3.0.0", "Get array of Cluster slot to node mappings.",
          c::ClusterDisabled)
        .Tips("nondeterministic_output"),
    Local("readonly", 1, kAlways | kFast, "3.0.0",
          "Enables read queries for a connection to a cluster replica node.", c::ClusterDisabled)
        .In(kCatConnection),
    Local("readwrite", 1, kAlways | kFast, "3.0.0",
          "Disables read queries for a connection to a cluster replica node.", c::ClusterDisabled)
        .In(kCatConnection),
};

}  // namespace weir::gateway::rows
