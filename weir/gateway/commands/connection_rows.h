// The rows of connections.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kConnectionRows[] = {
    Authenticate("auth", -2,
                 kAlways | kNoScript | kFast | kFlagNoAuth | kFlagAllowBusy | kFlagUnlimited,
                 "1.0.0", "Authenticate to the server.", c::Auth, c::AuthCredentials),
    Container("client", "2.4.0", "A container for client connection commands."),
    Local("client|getname", 2, kAlways | kNoScript | kFlagUnlimited, "2.6.9",
          "Get the current connection name.", c::ClientGetname),
    Local("client|help", 2, kAlways | kFlagUnlimited, "5.0.0",
          "Show helpful text about the different subcommands.", c::Help)
        .Differs(kOwnHelp),
    Local("client|id", 2, kAlways | kNoScript | kFlagUnlimited, "5.0.0",
          "Returns the client ID for the current connection.", c::ClientId),
    Local("client|setinfo", 4, kAlways | kNoScript | kFlagUnlimited, "7.2.0",
          "Sets information specific to the client or connection.", c::ClientSetinfo)
        .Differs("As in Redis 7.2."),
    Local("client|setname", 3, kAlways | kNoScript | kFlagUnlimited, "2.6.9",
          "Set the current connection name.", c::ClientSetname),
    Local("echo", 2, kAlways | kFast, "1.0.0", "Echo the given string.", c::Echo),
    Authenticate("hello", -1,
                 kAlways | kNoScript | kFast | kFlagNoAuth | kFlagAllowBusy | kFlagUnlimited,
                 "6.0.0", "Handshake with Redis.", c::Hello, c::HelloCredentials),
    Local("ping", -1, kFast, "1.0.0", "Ping the server.", c::Ping)
        .Tips("request_policy:all_shards response_policy:all_succeeded"),
    Local("quit", -1,
          kAlways | kNoScript | kFast | kFlagNoAuth | kFlagAllowBusy | kFlagBarrier |
              kFlagUnlimited | kFlagTransaction,
          "1.0.0", "Close the connection.", c::Quit),
    Local("reset", 1,
          kAlways | kNoScript | kFast | kFlagNoAuth | kFlagAllowBusy | kFlagBarrier |
              kFlagUnlimited | kFlagTransaction | kFlagChangesUser,
          "6.2.0", "Reset the connection.", c::Reset),
    Local("select", 2, kAlways | kFast, "1.0.0",
          "Change the selected database for the current connection.", c::Select),
};

}  // namespace weir::gateway::rows
