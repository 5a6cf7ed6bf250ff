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
        .Tips("nondeterministic_output_order")
        .Differs("It tells the arguments of commands about limits alone, and of these `reply` and "
                 "`errors` too."),
    Local("command|getkeys", -4, kAlways, "2.8.13", "Extract keys given a full Redis command.",
          c::CommandGetkeys)
        .In(kCatConnection),
    Local("command|getkeysandflags", -4, kAlways, "7.0.0",
          "Extract keys and access flags given a full Redis command.", c::CommandGetkeysandflags)
        .In(kCatConnection),
    Local("command|list", -2, kAlways, "7.0.0", "Get an array of Redis command names.",
          c::CommandList)
        .In(kCatConnection)
        .Tips("nondeterministic_output_order"),
    Local("command|help", 2, kAlways, "5.0.0", "Show helpful text about the different subcommands.",
          c::Help)
        .Differs(kOwnHelp)
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
          c::Help)
        .Differs(kOwnHelp),
    Local("config|resetstat", 2, kAdmin | kAlways, "2.0.0", "Reset the stats returned by INFO.",
          c::ConfigResetstat),
    Local("config|rewrite", 2, kAdmin | kAlways, "2.8.0",
          "Rewrite the configuration file with the in memory configuration.", c::ConfigRewrite)
        .Differs("Always an error: the file is its author's."),
    Operates("config|set", -4, kAdmin | kAlways | kFlagLeavesOut, "2.0.0",
             "Set configuration parameters to the given values.", c::ConfigSet)
        .Differs("Parameters are the keys of `[server]`, under their own names and "
                 "those that Redis has for them; what needs a restart is an error that says so.")
        .Tips("request_policy:all_nodes response_policy:all_succeeded"),
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
    Local("debug", -2, kAdmin | kAlways, "1.0.0", "A container for debugging commands.", c::Debug)
        .Differs("Always refused, as Redis does unless configured otherwise."),
    Operates("flushdb", -1, kFlagWrite, "1.0.0", "Remove all keys from the current database.",
             c::Flushall)
        .In(kCatDangerous | kCatKeyspace)
        .Tips("request_policy:all_shards response_policy:all_succeeded")
        .InTransaction(c::FlushallInTransaction)
        .Differs("The same as FLUSHALL: there is one database."),
    Local("lolwut", -1, kFlagReadOnly | kFast, "5.0.0",
          "Display some computer art and the Redis version.", c::Lolwut)
        .Differs("Shows a weir."),
    Container("module", "4.0.0", "A container for module commands."),
    Local("module|help", 2, kAlways, "5.0.0", "Show helpful text about the different subcommands.",
          c::Help)
        .Differs(kOwnHelp),
    Local("module|list", 2, kAdmin, "4.0.0", "List all modules loaded by the server.",
          c::ModuleList)
        .Tips("nondeterministic_output_order"),
    Local("role", 1, kAlways | kNoScript | kFast, "2.8.12",
          "Return the role of the instance in the context of replication.", c::Role)
        .In(kCatAdmin | kCatDangerous)
        .Differs("Always a master without replicas."),
    Local("shutdown", -1, kAdmin | kAlways | kFlagNoMulti | kFlagAllowBusy | kFlagBarrier, "1.0.0",
          "Synchronously save the dataset to disk and then shut down the server.", c::Shutdown)
        .Differs("As SIGTERM: what clients have sent is answered first, for `drain_timeout` at "
                 "most, and what was acknowledged is on disk anyway. `SAVE`, `NOSAVE`, `NOW` and "
                 "`FORCE` change nothing; a shutdown cannot be aborted."),
    Local("time", 1, kAlways | kFast, "2.6.0", "Return the current server time.", c::Time)
        .Tips("nondeterministic_output")
        .Differs("The microseconds are whole milliseconds."),
};

}  // namespace weir::gateway::rows
