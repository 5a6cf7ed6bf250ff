// The rows of rate limits that clients bring along.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

// Decided at once, by the limiter alone: nothing is stored.
constexpr Row Limits(std::string_view name, int arity, std::string_view summary,
                     LocalFunction* function) {
  return Any(name, arity, CommandKind::kLocal, kFast | kFlagWrite | kFlagNoMulti,
             OneKey(kReadsAndChanges), "0.1.0", summary)
      .With([=](Row& row) { row.local = function; });
}

inline constexpr Row kLimitRows[] = {
    Limits("cl.throttle", -5, "Take tokens from a key's bucket, as redis-cell does.", c::ClThrottle)
        .Differs("As redis-cell, but `retry_after` is never 0 while limited, errors begin with "
                 "`ERR`, and a negative quantity gives tokens back. The bucket is not a key: DEL "
                 "and TTL do not see it, and it does not survive a restart. Not within MULTI."),
    Limits("gcra", -5, "Take tokens from a key's bucket, with waits in parts of a second.", c::Gcra)
        .Differs("As in milestones of Redis 8.8, with NUM_REQUESTS or TOKENS. Shares its buckets "
                 "with CL.THROTTLE. Not within MULTI."),
    Limits("rl.throttle", -5, "Another name of CL.THROTTLE.", c::ClThrottle)
        .Differs("See CL.THROTTLE."),
};

}  // namespace weir::gateway::rows
