// The rows of strings.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kStringRows[] = {
    Write("append", 3, kDenyOom | kFast | kCopies, OneKey(kKeyRw | kKeyInsert), "2.0.0",
          "Append a value to a key.", c::Append)
        .Differs(kShorterValues),
    Write("decr", 2, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Decrement the integer value of a key by one.", c::Decr),
    Write("decrby", 3, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Decrement the integer value of a key by the given number.", c::Incrby),
    Read("get", 2, kFast, OneKey(kReads), "1.0.0", "Get the value of a key.", c::Get),
    Write("getdel", 2, kFast, OneKey(kTakes), "6.2.0", "Get the value of a key and delete the key.",
          c::Getdel),
    Write("getex", -2, kFast, OneKey(kReadsAndChanges), "6.2.0",
          "Get the value of a key and optionally set its expiration.", c::Getex),
    Read("getrange", 4, kNone, OneKey(kReads), "2.4.0",
         "Get a substring of the string stored at a key.", c::Getrange),
    Write("getset", 3, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Set the string value of a key and return its old value.", c::Getset),
    Write("incr", 2, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Increment the integer value of a key by one.", c::Incr),
    Write("incrby", 3, kDenyOom | kFast, OneKey(kReadsAndChanges), "1.0.0",
          "Increment the integer value of a key by the given amount.", c::Incrby),
    Write("incrbyfloat", 3, kDenyOom | kFast, OneKey(kReadsAndChanges), "2.6.0",
          "Increment the float value of a key by the given amount.", c::Incrbyfloat),
    Write("increx", -2, kDenyOom | kFast, OneKey(kReadsAndChanges), "8.8.0",
          "Increment a key's number within bounds, and set its expiry.", c::Increx)
        .Differs("As in Redis 8.8."),
    Read("lcs", -3, kNone, {1, 2, 1, kReads}, "7.0.0", "Find longest common substring.", c::Lcs)
        .Heavy(c::LcsIsHeavy),
    Read("mget", -2, kFast | kFlagEachKey, AllKeys(kReads), "1.0.0",
         "Get the values of all the given keys.", c::Mget)
        .Tips("request_policy:multi_shard")
        .Differs(kSeveralLooks),
    Write("mset", -3, kDenyOom | kFlagSplits, {1, -1, 2, kOverwrites}, "1.0.1",
          "Set multiple keys to multiple values.", c::Mset)
        .Tips("request_policy:multi_shard response_policy:all_succeeded")
        .Blind(c::Always)
        .Differs(kKeyByKey),
    Write("msetnx", -3, kDenyOom, {1, -1, 2, kInserts}, "1.0.1",
          "Set multiple keys to multiple values, only if none of the keys exist.", c::Msetnx)
        .Tips("request_policy:multi_shard response_policy:agg_min")
        .Differs(kOneDirectory),
    Write("psetex", 4, kDenyOom, OneKey(kOverwrites), "2.6.0",
          "Set the value and expiration in milliseconds of a key.", c::Psetex)
        .Blind(c::PsetexIsBlind),
    Write("set", -3, kDenyOom, OneKey(kReadsAndChanges), "1.0.0", "Set the string value of a key.",
          c::Set)
        .Blind(c::SetIsBlind)
        .Differs("`IFEQ value` as in Valkey 8.1: sets only what holds that value. The last moment "
                 "that `PXAT` may name is one millisecond earlier.")
        .Uses(c::SetUse),
    Write("setex", 4, kDenyOom, OneKey(kOverwrites), "2.0.0",
          "Set the value and expiration of a key.", c::Setex)
        .Blind(c::SetexIsBlind),
    Write("setnx", 3, kDenyOom | kFast, OneKey(kInserts), "1.0.0",
          "Set the value of a key, only if the key does not exist.", c::Setnx),
    Write("setrange", 4, kDenyOom | kCopies, OneKey(kChanges), "2.2.0",
          "Overwrite part of a string at key starting at the specified offset.", c::Setrange)
        .Differs(kShorterValues),
    Read("strlen", 2, kFast, OneKey(kLooksAt), "2.2.0",
         "Get the length of the value stored in a key.", c::Strlen),
    Read("substr", 4, kNone, OneKey(kReads), "1.0.0",
         "Get a substring of the string stored at a key.", c::Getrange),
};

}  // namespace weir::gateway::rows
