// The rows of rate limits that clients bring along.
#pragma once

#include "weir/gateway/commands/limit_docs.h"
#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

// Decided at once, by the limiter alone: nothing is stored.
constexpr Row Limits(std::string_view name, int arity, std::string_view summary,
                     LocalFunction* function) {
  return Any(name, arity, CommandKind::kLocal, kFast | kFlagWrite | kFlagNoMulti | kFlagBucket,
             OneKey(kReadsAndChanges), "0.1.0", summary)
      .With([=](Row& row) { row.local = function; });
}

// What shows and mends limits, which none of them may refuse.
inline constexpr uint32_t kMends = kAdmin | kFlagNoMulti | kFlagUnlimited;

constexpr std::string_view kNotInMulti = "weir's own. Not within MULTI.";
constexpr std::string_view kKeysOfOneSlot =
    "weir's own. Where there are several nodes all keys are of one slot. Not within MULTI.";

inline constexpr Row kLimitRows[] = {
    Limits("cl.throttle", -5, "Take tokens from a key's bucket, as redis-cell does.", c::ClThrottle)
        .Told(docs::kThrottle)
        .Differs("As redis-cell, but `retry_after` is never 0 while limited, errors begin with "
                 "`ERR`, and a negative quantity gives tokens back. The bucket is not a key: DEL "
                 "and TTL do not see it. Not within MULTI."),
    Limits("gcra", -5, "Take tokens from a key's bucket, with waits in parts of a second.", c::Gcra)
        .Told(docs::kGcra)
        .Differs("As in milestones of Redis 8.8, with NUM_REQUESTS or TOKENS. Shares its buckets "
                 "with CL.THROTTLE. Not within MULTI."),
    Limits("limit.acquire", -6, "Lease one of the places that a key has, for a time.",
           c::LimitAcquire)
        .Told(docs::kAcquire)
        .Differs("weir's own; with LEASE it renews. Not within MULTI."),
    Limits("limit.cancel", 3, "Give back what a reservation took.", c::LimitCancel)
        .Told(docs::kCancel)
        .Differs(kNotInMulti),
    Limits("limit.check", -4, "Take the costs of several limits, of all of them or of none.",
           c::LimitCheck)
        .Told(docs::kCheck)
        .Differs(kKeysOfOneSlot),
    Limits("limit.commit", -3, "End a reservation; with costs, they are what is taken in the end.",
           c::LimitCommit)
        .Told(docs::kCommit)
        .Differs(kNotInMulti),
    Local("limit.explain", -2, kFast | kFlagNoMulti | kFlagUnlimited, "0.1.0",
          "Get each limit that decides about a request: its bucket, what is left, when more comes.",
          c::LimitExplain)
        .Told(docs::kExplain)
        .Differs("weir's own; the command does not run. Not within MULTI.")
        .In(0),
    Local("limit.offenders", 1, kMends | kFlagShowsAllKeys, "0.1.0",
          "Get who is refused most of late, by which policy, and about how often.",
          c::LimitOffenders)
        .Told(docs::kOffenders)
        .Differs(kNotInMulti),
    Any("limit.peek", -4, CommandKind::kLocal, kFast | kFlagReadOnly | kFlagNoMulti | kFlagBucket,
        OneKey(kReads), "0.1.0", "Get what LIMIT.CHECK would answer, and take nothing.")
        .With([](Row& row) { row.local = c::LimitPeek; })
        .Told(docs::kPeek)
        .Differs(kKeysOfOneSlot),
    Container("limit.policy", "0.1.0", "A container for commands about limit policies."),
    Operates("limit.policy|del", 3, kMends | kFlagLeavesOut, "0.1.0",
             "End a limit policy that LIMIT.POLICY SET made.", c::LimitPolicyDel)
        .Told(docs::kPolicyDel)
        .Differs("weir's own. One of the same name in the file is in force again."),
    Local("limit.policy|get", 3, kMends, "0.1.0",
          "Get the keys of a limit policy and what it has counted.", c::LimitPolicyGet)
        .Told(docs::kPolicyGet)
        .Differs("weir's own."),
    Local("limit.policy|help", 2, kAlways | kFlagUnlimited, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help)
        .Differs("weir's own.")
        .In(0),
    Local("limit.policy|list", 2, kMends, "0.1.0", "Get the names of all limit policies.",
          c::LimitPolicyList)
        .Told(docs::kPolicyList)
        .Differs("weir's own."),
    Operates("limit.policy|set", -5, kMends | kFlagLeavesOut, "0.1.0",
             "Make or replace a limit policy, and keep it beside the data.", c::LimitPolicySet)
        .Told(docs::kPolicySet)
        .Differs("weir's own. The parameters are the keys of a `[[limit]]`."),
    Limits("limit.refund", -4, "Give the costs of several limits back.", c::LimitRefund)
        .Told(docs::kCheck)
        .Differs(kKeysOfOneSlot),
    Limits("limit.release", 3, "Give a leased place back.", c::LimitRelease)
        .Told(docs::kRelease)
        .Differs(kNotInMulti),
    Limits("limit.reserve", -4, "Take costs for work whose cost is known afterwards.",
           c::LimitReserve)
        .Told(docs::kReserve)
        .Differs(kKeysOfOneSlot),
    Any("limit.wait", -6, CommandKind::kWait, kFlagWrite | kFlagNoMulti, OneKey(kReadsAndChanges),
        "0.1.0", "Take the costs of several limits as soon as they are there.")
        .Told(docs::kWait)
        .Differs("weir's own; with MAX, how long it may wait. Not within MULTI."),
    Operates("limit.whatif", -2, kMends, "0.1.0",
             "Get what a limit policy would have refused in the last hour.", c::LimitWhatIf)
        .Told(docs::kWhatIf)
        .Differs("weir's own: of a policy in force, or of one of these parameters, the keys of a "
                 "`[[limit]]`. Not within MULTI."),
    Limits("rl.throttle", -5, "Another name of CL.THROTTLE.", c::ClThrottle)
        .Told(docs::kThrottle)
        .Differs("See CL.THROTTLE."),
};

}  // namespace weir::gateway::rows
