// The rows of connections.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kConnectionRows[] = {
    Authenticate("auth", -2,
                 kAlways | kNoScript | kFast | kFlagNoAuth | kFlagAllowBusy | kFlagUnlimited,
                 "1.0.0", "Authenticate to the server.", c::Auth, c::AuthCredentials),
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
