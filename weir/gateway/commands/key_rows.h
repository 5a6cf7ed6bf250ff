// The rows of keys, whatever they hold.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kKeyRows[] = {
    Write("copy", -3, kDenyOom, {1, 2, 1, kReads, kOverwrites}, "6.2.0", "Copy a key.", c::Copy)
        .Differs(
            "Keys in different data directories are refused: `CROSSSLOT`. `DB` may name 0 alone."),
    Write("del", -2, kFlagSplits | kFlagEachKey, AllKeys(kRemoves), "1.0.0", "Delete a key.",
          c::Del)
        .Tips("request_policy:multi_shard response_policy:agg_sum")
        .Blind(c::Always)
        .Differs(kKeyByKey),
    Read("dump", 2, kNone, OneKey(kReads), "2.6.0",
         "Return a serialized version of the value stored at the specified key.", c::Dump)
        .Tips("nondeterministic_output")
        .Heavy(c::ValueIsHeavy)
        .Differs("Nothing is compressed; what Redis compresses, RESTORE takes."),
    Read("exists", -2, kFast | kFlagEachKey, AllKeys(kLooksAt), "1.0.0",
         "Determine if a key exists.", c::Exists)
        .Tips("request_policy:multi_shard response_policy:agg_sum")
        .Differs(kSeveralLooks),
    Write("expire", -3, kFast, OneKey(kChanges), "1.0.0", "Set a key's time to live in seconds.",
          c::Expire),
    Write("expireat", -3, kFast, OneKey(kChanges), "1.2.0",
          "Set the expiration for a key as a UNIX timestamp.", c::Expireat),
    Read("expiretime", 2, kFast, OneKey(kReads), "7.0.0",
         "Get the expiration Unix timestamp for a key.", c::Expiretime),
    Operates("keys", 2, kFlagReadOnly | kFlagLeavesOut, "1.0.0",
             "Find all keys matching the given pattern.", c::Keys)
        .In(kCatDangerous | kCatKeyspace)
        .Tips("request_policy:all_shards nondeterministic_output_order")
        .Differs("Refused with an error when the names found are more than 32 MB; SCAN has no such "
                 "limit. Keys written meanwhile may be missing."),
    Container("object", "2.2.3", "A container for object introspection commands."),
    Read("object|encoding", 3, kNone, {2, 2, 1, kLooksAt}, "2.2.3",
         "Inspect the internal encoding of a Redis object.", c::ObjectEncoding)
        .Tips("nondeterministic_output")
        .Differs("Told from the value alone: `int`, `embstr` up to 44 bytes, else `raw`, however "
                 "it was made."),
    Read("object|freq", 3, kNone, {2, 2, 1, kLooksAt}, "4.0.0",
         "Get the logarithmic access frequency counter of a Redis object.", c::ObjectFreq)
        .Tips("nondeterministic_output"),
    Local("object|help", 2, kAlways, "6.2.0", "Show helpful text about the different subcommands.",
          c::Help)
        .Differs(kOwnHelp),
    Read("object|idletime", 3, kNone, {2, 2, 1, kLooksAt}, "2.2.3",
         "Get the time since a Redis object was last accessed.", c::ObjectIdletime)
        .Tips("nondeterministic_output")
        .Differs("Always 0: the time of the last use is not kept."),
    Read("object|refcount", 3, kNone, {2, 2, 1, kLooksAt}, "2.2.3",
         "Get the number of references to the value of the key.", c::ObjectRefcount)
        .Tips("nondeterministic_output")
        .Differs("Always 1: small integers are not shared."),
    Write("persist", 2, kFast, OneKey(kChanges), "2.2.0", "Remove the expiration from a key.",
          c::Persist),
    Write("pexpire", -3, kFast, OneKey(kChanges), "2.6.0",
          "Set a key's time to live in milliseconds.", c::Pexpire),
    Write("pexpireat", -3, kFast, OneKey(kChanges), "2.6.0",
          "Set the expiration for a key as a UNIX timestamp specified in milliseconds.",
          c::Pexpireat),
    Read("pexpiretime", 2, kFast, OneKey(kReads), "7.0.0",
         "Get the expiration Unix timestamp for a key in milliseconds.", c::Pexpiretime),
    Read("pttl", 2, kFast, OneKey(kReads), "2.6.0",
         "Get the time to live for a key in milliseconds.", c::Pttl)
        .Tips("nondeterministic_output"),
    Operates("randomkey", 1, kFlagReadOnly, "1.0.0", "Return a random key from the keyspace.",
             c::Randomkey)
        .Tips("request_policy:all_shards nondeterministic_output"),
    Write("rename", 3, kNone, {1, 2, 1, kTakes, kOverwrites}, "1.0.0", "Rename a key.", c::Rename)
        .Differs(kOneDirectory),
    Write("renamenx", 3, kFast, {1, 2, 1, kTakes, kInserts}, "1.0.0",
          "Rename a key, only if the new key does not exist.", c::Renamenx)
        .Differs(kOneDirectory),
    Write("restore", -4, kDenyOom | kCopies, OneKey(kOverwrites), "2.6.0",
          "Create a key using the provided serialized value, previously obtained using DUMP.",
          c::Restore)
        .In(kCatKeyspace | kCatDangerous)
        .Differs("Of strings alone, from any version of Redis; so MIGRATE of a Redis brings keys "
                 "here. `IDLETIME` and `FREQ` are accepted and change nothing."),
    Operates("scan", -2, kFlagReadOnly | kFlagLeavesOut, "2.8.0",
             "Incrementally iterate the keys space.", c::Scan)
        .Tips("nondeterministic_output request_policy:special")
        .Differs("Keys come in the order of their positions, each exactly once if it stays; "
                 "`COUNT` is at most 4096 records a call. `NOVALUES` is accepted and changes "
                 "nothing. A cursor that is empty or negative is an error."),
    Read("touch", -2, kFast | kFlagEachKey, AllKeys(kLooksAt), "3.2.1",
         "Alters the last access time of a key(s). Returns the number of existing keys specified.",
         c::Exists)
        .Tips("request_policy:multi_shard response_policy:agg_sum")
        .Differs("Changes nothing: the time of the last use is not kept."),
    Read("ttl", 2, kFast, OneKey(kReads), "1.0.0", "Get the time to live for a key in seconds.",
         c::Ttl)
        .Tips("nondeterministic_output"),
    Read("type", 2, kFast, OneKey(kLooksAt), "1.0.0", "Determine the type stored at key.", c::Type),
    Write("unlink", -2, kFast | kFlagSplits | kFlagEachKey, AllKeys(kRemoves), "4.0.0",
          "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non "
          "blocking.",
          c::Del)
        .Tips("request_policy:multi_shard response_policy:agg_sum")
        .Blind(c::Always)
        .Differs(kKeyByKey),
    Local("wait", 3, kNoScript, "3.0.0",
          "Wait for the synchronous replication of all the write commands sent in the context of "
          "the current connection.",
          c::Wait)
        .In(kCatConnection)
        .Tips("request_policy:all_shards response_policy:agg_min")
        .Differs("Always 0, at once: there are no replicas, and what was acknowledged is durable."),
};

}  // namespace weir::gateway::rows
