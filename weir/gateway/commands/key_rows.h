// The rows of keys, whatever they hold.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kKeyRows[] = {
    Write("del", -2, kFlagSplits, AllKeys(kRemoves), "1.0.0", "Delete a key.", c::Del)
        .Tips("request_policy:multi_shard response_policy:agg_sum")
        .Blind(c::Always),
    Read("exists", -2, kFast, AllKeys(kLooksAt), "1.0.0", "Determine if a key exists.", c::Exists)
        .Tips("request_policy:multi_shard response_policy:agg_sum"),
    Write("expire", -3, kFast, OneKey(kChanges), "1.0.0", "Set a key's time to live in seconds.",
          c::Expire),
    Write("persist", 2, kFast, OneKey(kChanges), "2.2.0", "Remove the expiration from a key.",
          c::Persist),
    Write("pexpire", -3, kFast, OneKey(kChanges), "2.6.0",
          "Set a key's time to live in milliseconds.", c::Pexpire),
    Read("pttl", 2, kFast, OneKey(kReads), "2.6.0",
         "Get the time to live for a key in milliseconds.", c::Pttl)
        .Tips("nondeterministic_output"),
    Operates("scan", -2, kFlagReadOnly, "2.8.0", "Incrementally iterate the keys space.", c::Scan)
        .Tips("nondeterministic_output request_policy:special"),
    Read("ttl", 2, kFast, OneKey(kReads), "1.0.0", "Get the time to live for a key in seconds.",
         c::Ttl)
        .Tips("nondeterministic_output"),
    Read("type", 2, kFast, OneKey(kLooksAt), "1.0.0", "Determine the type stored at key.", c::Type),
};

}  // namespace weir::gateway::rows
