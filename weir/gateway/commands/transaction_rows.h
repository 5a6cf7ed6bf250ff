// The rows of transactions. What they do, the pipeline does (pipeline_transactions.cc).
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr uint32_t kOfTransaction = kAlways | kNoScript | kFlagTransaction;

inline constexpr Row kTransactionRows[] = {
    Local("discard", 1, kOfTransaction | kFast | kFlagAllowBusy, "2.0.0",
          "Discard all commands issued after MULTI.", c::Discard),
    Any("exec", 1, CommandKind::kExec, kOfTransaction | kFlagSkipSlowlog, {}, "1.2.0",
        "Execute all commands issued after MULTI.")
        .Differs("The keys of a transaction, watched ones too, live in one database, else "
                 "`CROSSSLOT`. A transaction has at most 16384 commands, 16384 keys and 32 MiB."),
    Local("multi", 1, kOfTransaction | kFast | kFlagAllowBusy, "1.2.0",
          "Mark the start of a transaction block.", c::Multi)
        .Differs("KEYS, SCAN, RANDOMKEY, what CLUSTER tells of the keys of slots, and over several "
                 "databases DBSIZE, show what the transaction leaves, and perhaps what others "
                 "write right after it, so no write may be queued behind them. FLUSHALL and "
                 "FLUSHDB are queued while there is one database. AUTH and HELLO with a password "
                 "are errors inside MULTI."),
    Local("unwatch", 1, kOfTransaction | kFast | kFlagAllowBusy, "2.2.0",
          "Forget about all watched keys.", c::Unwatch),
    Any("watch", -2, CommandKind::kRead, kOfTransaction | kFast | kFlagAllowBusy, AllKeys(kLooksAt),
        "2.2.0", "Watch the given keys to determine execution of the MULTI/EXEC block.")
        .With([](Row& row) { row.read = c::Watch; })
        .Differs("A key that was absent then and is absent at EXEC counts as untouched, whatever "
                 "came between. At most 1024 keys."),
};

}  // namespace weir::gateway::rows
