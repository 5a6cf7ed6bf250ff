// The rows of strings.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kStringRows[] = {
    Write("append", 3, kDenyOom | kFast, OneKey(kKeyRw | kKeyInsert), "2.0.0",
          "Append a value to a key.", c::Append),
    Write("decr", 2, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Decrement the integer value of a key by one.", c::Decr),
    Write("decrby", 3, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Decrement the integer value of a key by the given number.", c::Incrby),
    Read("get", 2, kFast, OneKey(kReads), "1.0.0", "Get the value of a key.", c::Get),
    Write("incr", 2, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Increment the integer value of a key by one.", c::Incr),
    Write("incrby", 3, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Increment the integer value of a key by the given amount.", c::Incrby),
    Read("mget", -2, kFast, AllKeys(kReads), "1.0.0", "Get the values of all the given keys.",
         c::Mget)
        .Tips("request_policy:multi_shard"),
    Write("mset", -3, kDenyOom | kFlagSplits, {1, -1, 2, kOverwrites}, "1.0.1",
          "Set multiple keys to multiple values.", c::Mset)
        .Tips("request_policy:multi_shard response_policy:all_succeeded")
        .Blind(c::Always),
    Write("set", -3, kDenyOom, OneKey(kReadsAndChanges | kKeyVariable), "1.0.0",
          "Set the string value of a key.", c::Set)
        .Blind(c::SetIsBlind),
    Read("strlen", 2, kFast, OneKey(kLooksAt), "2.2.0",
         "Get the length of the value stored in a key.", c::Strlen),
};

}  // namespace weir::gateway::rows
