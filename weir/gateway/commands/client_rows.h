// The rows of CLIENT.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

// About the connection that sends it alone.
inline constexpr uint32_t kOfItself = kAlways | kNoScript | kFlagUnlimited;

inline constexpr Row kClientRows[] = {
    Container("client", "2.4.0", "A container for client connection commands."),
    Local("client|caching", 3, kOfItself, "6.0.0",
          "Instruct the server about tracking or not keys in the next request.", c::ClientCaching),
    Local("client|getname", 2, kOfItself, "2.6.9", "Get the current connection name.",
          c::ClientGetname),
    Local("client|getredir", 2, kOfItself, "6.0.0",
          "Get tracking notifications redirection client ID if any.", c::ClientGetredir),
    Local("client|help", 2, kAlways | kFlagUnlimited, "5.0.0",
          "Show helpful text about the different subcommands.", c::Help)
        .Differs(kOwnHelp),
    Local("client|id", 2, kOfItself, "5.0.0", "Returns the client ID for the current connection.",
          c::ClientId),
    Operates("client|info", 2, kOfItself | kFlagLeavesOut, "6.2.0",
             "Returns information about the current client connection.", c::ClientInfo)
        .Differs("`lib-name` and `lib-ver` as in Redis 7.2; memory does not "
                 "include large values.")
        .Tips("nondeterministic_output"),
    Operates("client|kill", -3, kAdmin | kAlways | kFlagLeavesOut, "2.4.0",
             "Kill the connection of a client.", c::ClientKill)
        .Differs("`MAXAGE seconds` as in Redis 7.4."),
    Operates("client|list", -2, kAdmin | kAlways | kFlagLeavesOut, "2.4.0",
             "Get the list of client connections.", c::ClientList)
        .Differs("`lib-name` and `lib-ver` as in Redis 7.2; memory does not "
                 "include large values. At most 4096 names after `ID`.")
        .Tips("nondeterministic_output"),
    Local("client|no-evict", 3, kAdmin | kAlways, "7.0.0",
          "Set client eviction mode for the current connection.", c::ClientNoEvict)
        .Differs("Shown in CLIENT LIST, and no more: nobody is evicted for memory alone."),
    Local("client|no-touch", 3, kOfItself, "7.2.0",
          "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
          c::ClientNoTouch)
        .Differs("As in Redis 7.2. Shown in CLIENT LIST, and no more: no time of use is kept."),
    Local("client|pause", -3, kAdmin | kAlways, "2.9.50",
          "Stop processing commands from clients for some time.", c::ClientPause)
        .Differs("Writes that were on their way to the database before are completed. CLIENT "
                 "UNPAUSE is answered in a pause of ALL, too."),
    Local("client|reply", 3, kOfItself, "3.2.0",
          "Instruct the server whether to reply to commands.", c::ClientReply),
    Local("client|setinfo", 4, kOfItself, "7.2.0",
          "Sets information specific to the client or connection.", c::ClientSetinfo)
        .Differs("As in Redis 7.2."),
    Local("client|setname", 3, kOfItself, "2.6.9", "Set the current connection name.",
          c::ClientSetname),
    Local("client|tracking", -3, kOfItself, "6.0.0",
          "Enable or disable server assisted client side caching support.", c::ClientTracking)
        .Differs(
            "Clients are told in RESP3 alone: the client named by `REDIRECT` must speak it. Of its "
            "own write a client is told before the reply, not after. Reads of more than 1024 keys "
            "at once are not tracked; the client is told so at once. `BCAST` needs the right "
            "`read`, and a user with `key_prefixes` a `PREFIX` within these. At most 128 prefixes "
            "a client. See docs/clients.md."),
    Local("client|trackinginfo", 2, kOfItself, "6.2.0",
          "Return information about server assisted client side caching for the current "
          "connection.",
          c::ClientTrackinginfo),
    Local("client|unblock", -3, kAdmin | kAlways, "5.0.0",
          "Unblock a client blocked in a blocking command from a different connection.",
          c::ClientUnblock)
        .Differs("Only LIMIT.WAIT blocks; with TIMEOUT it answers as at its MAX."),
    Local("client|unpause", 2, kAdmin | kAlways | kFlagEvenPaused, "6.2.0",
          "Resume processing of clients that were paused.", c::ClientUnpause),
};

}  // namespace weir::gateway::rows
