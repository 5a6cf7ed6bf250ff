// The rows of the server.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kServerRows[] = {
    Local("command", -1, kAlways, "2.8.13", "Get array of Redis command details.", c::Command)
        .In(kCatConnection)
        .Tips("nondeterministic_output_order"),
    Local("command|count", 2, kAlways, "2.8.13", "Get total number of Redis commands.",
          c::CommandCount)
        .In(kCatConnection),
    Local("command|docs", -2, kAlways, "7.0.0",
          "Get array of specific Redis command documentation.", c::CommandDocs)
        .In(kCatConnection)
        .Tips("nondeterministic_output_order"),
    Local("command|help", 2, kAlways, "5.0.0", "Show helpful text about the different subcommands.",
          c::Help)
        .In(kCatConnection),
    Local("command|info", -2, kAlways, "2.8.13",
          "Get array of specific Redis command details, or all when no argument is given.",
          c::CommandInfo)
        .In(kCatConnection)
        .Tips("nondeterministic_output_order"),
    Container("config", "2.0.0", "A container for server configuration commands."),
    Local("config|get", -3, kAdmin | kAlways, "2.0.0",
          "Get the values of configuration parameters.", c::ConfigGet),
    Local("config|help", 2, kAlways, "5.0.0", "Show helpful text about the different subcommands.",
          c::Help),
    Local("config|resetstat", 2, kAdmin | kAlways, "2.0.0", "Reset the stats returned by INFO.",
          c::ConfigResetstat),
    Operates("dbsize", 1, kFlagReadOnly | kFast, "1.0.0",
             "Return the number of keys in the selected database.", c::Dbsize)
        .InTransaction(c::DbsizeInTransaction)
        .In(kCatKeyspace)
        .Tips("request_policy:all_shards response_policy:agg_sum"),
    Operates("flushall", -1, kFlagWrite, "1.0.0", "Remove all keys from all databases.",
             c::Flushall)
        .InTransaction(c::FlushallInTransaction)
        .In(kCatDangerous | kCatKeyspace)
        .Tips("request_policy:all_shards response_policy:all_succeeded"),
    Local("info", -1, kAlways, "1.0.0", "Get information and statistics about the server.", c::Info)
        .In(kCatDangerous)
        .Tips("nondeterministic_output request_policy:all_shards response_policy:special"),
};

}  // namespace weir::gateway::rows
