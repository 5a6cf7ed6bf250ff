// The rows of functions, of which there are none.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kScriptingRows[] = {
    Container("function", "7.0.0", "A container for function commands."),
    Local("function|flush", -2, kFlagWrite | kNoScript, "7.0.0", "Deleting all functions.",
          c::FunctionFlush)
        .Tips("request_policy:all_shards response_policy:all_succeeded")
        .Differs("There are no functions, so that nothing is flushed."),
    Local("function|help", 2, kAlways, "7.0.0",
          "Show helpful text about the different subcommands.", c::Help)
        .Differs(kOwnHelp),
    Local("function|list", -2, kNoScript, "7.0.0", "List information about all the functions",
          c::FunctionList)
        .Tips("nondeterministic_output_order")
        .Differs("There are no functions, so that the list is empty."),
};

}  // namespace weir::gateway::rows
