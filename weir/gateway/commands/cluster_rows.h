// The rows of Redis Cluster, which answer that it is off where there is one node.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kClusterRows[] = {
    Local("asking", 1, kFast, "3.0.0", "Sent by cluster clients after an -ASK redirect",
          c::ClusterOk)
        .In(kCatConnection),
    Container("cluster", "3.0.0", "A container for cluster commands."),
    Local("cluster|addslots", -3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Assign new hash slots to receiving node.", c::ClusterConfigured),
    Local("cluster|addslotsrange", -4, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "7.0.0",
          "Assign new hash slots to receiving node.", c::ClusterConfigured),
    Local("cluster|bumpepoch", 2, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Advance the cluster config epoch.", c::ClusterConfigured)
        .Tips("nondeterministic_output"),
    Local("cluster|count-failure-reports", 3, kFlagAdmin | kFlagStale, "3.0.0",
          "Return the number of failure reports active for a given node.", c::ClusterFailureReports)
        .Tips("nondeterministic_output"),
    Operates("cluster|countkeysinslot", 3, kFlagStale | kFlagNeedsRead | kFlagLeavesOut, "3.0.0",
             "Return the number of local keys in the specified hash slot.",
             c::ClusterCountkeysinslot),
    Local("cluster|delslots", -3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Set hash slots as unbound in receiving node.", c::ClusterConfigured),
    Local("cluster|delslotsrange", -4, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "7.0.0",
          "Set hash slots as unbound in receiving node.", c::ClusterConfigured),
    Local("cluster|failover", -2, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Forces a replica to perform a manual failover of its master.", c::ClusterConfigured),
    Local("cluster|flushslots", 2, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Delete a node's own slots information.", c::ClusterConfigured),
    Local("cluster|forget", 3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Remove a node from the nodes table.", c::ClusterConfigured),
    Operates("cluster|getkeysinslot", 4, kFlagStale | kFlagNeedsRead | kFlagLeavesOut, "3.0.0",
             "Return local key names in the specified hash slot.", c::ClusterGetkeysinslot)
        .Tips("nondeterministic_output"),
    Local("cluster|help", 2, kAlways, "5.0.0", "Show helpful text about the different subcommands.",
          c::Help)
        .Differs(kOwnHelp),
    Local("cluster|info", 2, kFlagStale, "3.0.0", "Provides info about Redis Cluster node state.",
          c::ClusterInfo)
        .Tips("nondeterministic_output"),
    Local("cluster|keyslot", 3, kFlagStale, "3.0.0", "Returns the hash slot of the specified key.",
          c::ClusterKeyslot),
    Local("cluster|links", 2, kFlagStale, "7.0.0",
          "Returns a list of all TCP links to and from peer nodes in cluster.", c::ClusterLinks)
        .Tips("nondeterministic_output"),
    Local("cluster|meet", -4, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Force a node cluster to handshake with another node.", c::ClusterConfigured),
    Local("cluster|myid", 2, kFlagStale, "3.0.0", "Return the node id.", c::ClusterMyid),
    Local("cluster|myshardid", 2, kFlagStale, "7.2.0", "Returns the shard ID of a node.",
          c::ClusterMyshardid)
        .Tips("nondeterministic_output"),
    Local("cluster|nodes", 2, kFlagStale, "3.0.0", "Get Cluster config for the node.",
          c::ClusterNodes)
        .Tips("nondeterministic_output"),
    Local("cluster|replicas", 3, kFlagAdmin | kFlagStale, "5.0.0",
          "List replica nodes of the specified master node.", c::ClusterReplicas)
        .Tips("nondeterministic_output"),
    Local("cluster|replicate", 3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Reconfigure a node as a replica of the specified master node.", c::ClusterConfigured),
    Local("cluster|reset", -2, kAdmin | kFlagStale, "3.0.0", "Reset a Redis Cluster node.",
          c::ClusterConfigured),
    Local("cluster|saveconfig", 2, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Forces the node to save cluster state on disk.", c::ClusterConfigured),
    Local("cluster|set-config-epoch", 3, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Set the configuration epoch in a new node.", c::ClusterConfigured),
    Local("cluster|setslot", -4, kFlagAdmin | kFlagStale | kFlagNoAsyncLoading, "3.0.0",
          "Bind a hash slot to a specific node.", c::ClusterConfigured),
    Local("cluster|shards", 2, kFlagStale, "7.0.0", "Get array of cluster slots to node mappings.",
          c::ClusterShards)
        .Tips("nondeterministic_output"),
    Local("cluster|slaves", 3, kFlagAdmin | kFlagStale, "3.0.0",
          "List replica nodes of the specified master node.", c::ClusterReplicas)
        .Tips("nondeterministic_output"),
    Operates("cluster|slot-stats", -4, kAlways | kFlagNeedsRead, "8.0.0",
             "Return an array of slot usage statistics for slots assigned to the current node.",
             c::ClusterSlotStats)
        .Tips("nondeterministic_output")
        .Differs(
            "As Valkey has it, with the metric `key-count` alone, for which keys are read; one "
            "at a time."),
    Local("cluster|slots", 2, kFlagStale, "3.0.0", "Get array of Cluster slot to node mappings.",
          c::ClusterSlots)
        .Tips("nondeterministic_output"),
    Local("readonly", 1, kAlways | kFast, "3.0.0",
          "Enables read queries for a connection to a cluster replica node.", c::ClusterOk)
        .In(kCatConnection),
    Local("readwrite", 1, kAlways | kFast, "3.0.0",
          "Disables read queries for a connection to a cluster replica node.", c::ClusterOk)
        .In(kCatConnection),
};

}  // namespace weir::gateway::rows
