// The rows of commands that show the running server: SLOWLOG, LATENCY, MEMORY, MONITOR.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kDiagnosisRows[] = {
    Container("latency", "2.8.13", "A container for latency diagnostics commands."),
    Local("latency|doctor", 2, kAdmin | kAlways, "2.8.13",
          "Return a human readable latency analysis report.", c::LatencyDoctor)
        .Differs("The text is weir's own.")
        .Tips("nondeterministic_output request_policy:all_nodes response_policy:special"),
    Local("latency|graph", 3, kAdmin | kAlways, "2.8.13", "Return a latency graph for the event.",
          c::LatencyGraph)
        .Differs("Drawn in weir's own way.")
        .Tips("nondeterministic_output request_policy:all_nodes response_policy:special"),
    Local("latency|help", 2, kAlways, "2.8.13",
          "Show helpful text about the different subcommands.", c::Help)
        .Differs(kOwnHelp),
    Local("latency|histogram", -2, kAdmin | kAlways, "7.0.0",
          "Return the cumulative distribution of latencies of a subset of commands or all.",
          c::LatencyHistogram)
        .Tips("nondeterministic_output request_policy:all_nodes response_policy:special"),
    Local("latency|history", 3, kAdmin | kAlways, "2.8.13",
          "Return timestamp-latency samples for the event.", c::LatencyHistory)
        .Differs("The events are `command`, `fast-command`, `commit` (a batch of writes, up to its "
                 "fsync) and `load` (a read of the database).")
        .Tips("nondeterministic_output request_policy:all_nodes response_policy:special"),
    Local("latency|latest", 2, kAdmin | kAlways, "2.8.13",
          "Return the latest latency samples for all events.", c::LatencyLatest)
        .Tips("nondeterministic_output request_policy:all_nodes response_policy:special"),
    Local("latency|reset", -2, kAdmin | kAlways, "2.8.13",
          "Reset latency data for one or more events.", c::LatencyReset)
        .Tips("request_policy:all_nodes response_policy:all_succeeded"),
    Container("memory", "4.0.0", "A container for memory diagnostics commands."),
    Local("memory|doctor", 2, kNone, "4.0.0", "Outputs memory problems report.", c::MemoryDoctor)
        .Differs("The text is weir's own.")
        .Tips("nondeterministic_output request_policy:all_shards response_policy:special"),
    Local("memory|help", 2, kAlways, "4.0.0", "Show helpful text about the different subcommands.",
          c::Help)
        .Differs(kOwnHelp),
    Local("memory|malloc-stats", 2, kFlagNeedsAdmin, "4.0.0", "Show allocator internal stats.",
          c::MemoryMallocStats)
        .Differs("Says that the allocator has none, as Redis does without jemalloc.")
        .Tips("nondeterministic_output request_policy:all_shards response_policy:special"),
    Operates("memory|purge", 2, kFlagLeavesOut | kFlagNeedsAdmin, "4.0.0",
             "Ask the allocator to release memory.", c::MemoryPurge)
        .Differs("Needs the right `admin`.")
        .Tips("request_policy:all_shards response_policy:all_succeeded"),
    Local("memory|stats", 2, kNone, "4.0.0", "Show memory usage details.", c::MemoryStats)
        .Differs("Without `db.0`, and with the cache and the parts of the memory budget, as "
                 "`weir.*`.")
        .Tips("nondeterministic_output request_policy:all_shards response_policy:special"),
    Read("memory|usage", -3, kNone, {2, 2, 1, kLooksAt}, "4.0.0",
         "Estimate the memory usage of a key.", c::MemoryUsage)
        .Differs("An estimate: bytes of key and value, and 64."),
    Local("monitor", 1, kAdmin | kAlways | kFlagShowsAllKeys, "1.0.0",
          "Listen for all requests received by the server in real time.", c::Monitor)
        .Differs("A command is shown when it is answered; arguments are cut after 1024 bytes. At "
                 "most 32 clients; one for whom 8 MiB wait is disconnected."),
    Container("slowlog", "2.2.12", "A container for slow log commands."),
    Operates("slowlog|get", -2, kFlagAdmin | kAlways, "2.2.12", "Get the slow log's entries.",
             c::SlowlogGet)
        .Tips("request_policy:all_nodes nondeterministic_output"),
    Local("slowlog|help", 2, kAlways, "6.2.0", "Show helpful text about the different subcommands.",
          c::Help)
        .Differs(kOwnHelp),
    Local("slowlog|len", 2, kFlagAdmin | kAlways, "2.2.12", "Get the slow log's length.",
          c::SlowlogLen)
        .Tips("request_policy:all_nodes response_policy:agg_sum nondeterministic_output"),
    Local("slowlog|reset", 2, kFlagAdmin | kAlways, "2.2.12",
          "Clear all entries from the slow log.", c::SlowlogReset)
        .Tips("request_policy:all_nodes response_policy:all_succeeded"),
};

}  // namespace weir::gateway::rows
