// The rows of rate limits that clients bring along.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

// Decided at once, by the limiter alone: nothing is stored.
constexpr Row Limits(std::string_view name, int arity, std::string_view summary,
                     LocalFunction* function) {
  return Any(name, arity, CommandKind::kLocal, kFast | kFlagWrite | kFlagNoMulti | kFlagBucket,
             OneKey(kReadsAndChanges), "0.1.0", summary)
      .With([=](Row& row) { row.local = function; });
}

constexpr std::string_view kLimitGrammar =
    "weir's own. `key limit [limit ...] [AND key limit ...]`; a limit is `RATE count/period [BURST "
    "n] [COST n]` or `POLICY name [COST n]`; see limits.md. Where there are several nodes all keys "
    "are of one slot. Not within "
    "MULTI.";

inline constexpr Row kLimitRows[] = {
    Limits("cl.throttle", -5, "Take tokens from a key's bucket, as redis-cell does.", c::ClThrottle)
        .Differs("As redis-cell, but `retry_after` is never 0 while limited, errors begin with "
                 "`ERR`, and a negative quantity gives tokens back. The bucket is not a key: DEL "
                 "and TTL do not see it. Not within MULTI."),
    Limits("gcra", -5, "Take tokens from a key's bucket, with waits in parts of a second.", c::Gcra)
        .Differs("As in milestones of Redis 8.8, with NUM_REQUESTS or TOKENS. Shares its buckets "
                 "with CL.THROTTLE. Not within MULTI."),
    Limits("limit.acquire", -6, "Lease one of the places that a key has, for a time.",
           c::LimitAcquire)
        .Differs("weir's own. `key MAX places TTL ms [LEASE lease]`; with LEASE it renews. Not "
                 "within MULTI."),
    Limits("limit.cancel", 3, "Give back what a reservation took.", c::LimitCancel)
        .Differs("weir's own. `key reservation`. Not within MULTI."),
    Limits("limit.check", -4, "Take the costs of several limits, of all of them or of none.",
           c::LimitCheck)
        .Differs(kLimitGrammar),
    Limits("limit.commit", -3, "End a reservation; with costs, they are what is taken in the end.",
           c::LimitCommit)
        .Differs("weir's own. `key reservation [cost ...]`. Not within MULTI."),
    Local("limit.explain", -2, kFast | kFlagNoMulti, "0.1.0",
          "Get each limit that decides about a request: its bucket, what is left, when more comes.",
          c::LimitExplain)
        .Differs("weir's own. `[AS user] [FROM address] command [arg ...]`; the command does not "
                 "run. Not within MULTI.")
        .In(0),
    Local("limit.offenders", 1, kAdmin | kFlagShowsAllKeys | kFlagNoMulti, "0.1.0",
          "Get who is refused most of late, by which policy, and about how often.",
          c::LimitOffenders)
        .Differs("weir's own. Not within MULTI."),
    Any("limit.peek", -4, CommandKind::kLocal, kFast | kFlagReadOnly | kFlagNoMulti | kFlagBucket,
        OneKey(kReads), "0.1.0", "Get what LIMIT.CHECK would answer, and take nothing.")
        .With([](Row& row) { row.local = c::LimitPeek; })
        .Differs(kLimitGrammar),
    Container("limit.policy", "0.1.0", "A container for commands about limit policies."),
    Operates("limit.policy|del", 3, kAdmin | kFlagLeavesOut | kFlagNoMulti, "0.1.0",
             "End a limit policy that LIMIT.POLICY SET made.", c::LimitPolicyDel)
        .Differs("weir's own. One of the same name in the file is in force again."),
    Local("limit.policy|get", 3, kAdmin | kFlagNoMulti, "0.1.0",
          "Get the keys of a limit policy and what it has counted.", c::LimitPolicyGet)
        .Differs("weir's own."),
    Local("limit.policy|help", 2, kAlways, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help)
        .Differs("weir's own.")
        .In(0),
    Local("limit.policy|list", 2, kAdmin | kFlagNoMulti, "0.1.0",
          "Get the names of all limit policies.", c::LimitPolicyList)
        .Differs("weir's own."),
    Operates("limit.policy|set", -5, kAdmin | kFlagLeavesOut | kFlagNoMulti, "0.1.0",
             "Make or replace a limit policy, and keep it beside the data.", c::LimitPolicySet)
        .Differs("weir's own. `name key value [key value ...]`, the keys of a `[[limit]]`."),
    Limits("limit.refund", -4, "Give the costs of several limits back.", c::LimitRefund)
        .Differs(kLimitGrammar),
    Limits("limit.release", 3, "Give a leased place back.", c::LimitRelease)
        .Differs("weir's own. `key lease`. Not within MULTI."),
    Limits("limit.reserve", -4, "Take costs for work whose cost is known afterwards.",
           c::LimitReserve)
        .Differs("weir's own. As LIMIT.CHECK, and `[TTL ms]`. Not within MULTI."),
    Any("limit.wait", -6, CommandKind::kWait, kFlagWrite | kFlagNoMulti, OneKey(kReadsAndChanges),
        "0.1.0", "Take the costs of several limits as soon as they are there.")
        .Differs("weir's own. As LIMIT.CHECK, and `MAX ms`: how long it may wait. Not within "
                 "MULTI."),
    Operates("limit.whatif", -2, kAdmin | kFlagNoMulti, "0.1.0",
             "Get what a limit policy would have refused in the last hour.", c::LimitWhatIf)
        .Differs(
            "weir's own. `name` of a policy in force, or `name key value [key value ...]`, the "
            "keys of a `[[limit]]`. Not within MULTI."),
    Limits("rl.throttle", -5, "Another name of CL.THROTTLE.", c::ClThrottle)
        .Differs("See CL.THROTTLE."),
};

}  // namespace weir::gateway::rows
