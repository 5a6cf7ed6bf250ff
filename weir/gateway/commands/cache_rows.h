// The rows of commands about what is in memory.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

// Takes entries out of memory, and nothing from a database. The key says where they are.
constexpr Row Invalidates(std::string_view name, uint32_t flags, std::string_view summary,
                          LocalFunction* function) {
  return Any(name, 3, CommandKind::kLocal, kFlagWrite | kFlagNoMulti | flags, {2, 2, 1, kLooksAt},
             "0.1.0", summary)
      .With([=](Row& row) { row.local = function; });
}

inline constexpr Row kCacheRows[] = {
    Read("weir.getx", 2, kFast | kFlagNoMulti, OneKey(kReads), "0.1.0",
         "Get the value of a key, and what the cache knows of it.", c::WeirGetx)
        .Differs(
            "Replies with `value`, `age`, `ttl` and `state`, see [caching.md](caching.md). Not "
            "within MULTI."),
    Container("weir.invalidate", "0.1.0", "A container for commands that forget what is cached."),
    Local("weir.invalidate|help", 2, kAlways, "0.1.0",
          "Show helpful text about the different subcommands.", c::Help),
    Invalidates("weir.invalidate|key", kNone, "Forget what is cached of a key.",
                c::WeirInvalidateKey)
        .Differs("Nothing is removed from a database. Not within MULTI."),
    Local("weir.invalidate|prefix", 3, kAdmin, "0.1.0",
          "Forget what is cached of all keys with the prefix of a configured keyspace.",
          c::WeirInvalidatePrefix)
        .Differs("As WEIR.INVALIDATE KEY, in the time of a few look-ups. Needs the right `admin`."),
    Invalidates("weir.invalidate|tag", kFlagShowsAllKeys,
                "Forget what is cached of all keys with a hash tag.", c::WeirInvalidateTag)
        .Differs("As WEIR.INVALIDATE KEY, in the time of a few look-ups. Not for users who may see "
                 "some keys only."),
};

}  // namespace weir::gateway::rows
