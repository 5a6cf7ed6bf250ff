// Access: which rights a command needs, and whether a user may run it on these keys.
//
// What a command needs follows from its row of the command table, so a new command is judged by
// what its row says of it:
//   - one that tells what keys hold, or walks the key space, needs `read`;
//   - one that changes keys needs `write`, and `read` too when it tells what they held (INCR,
//     GETDEL, SET with GET);
//   - one of the category `admin`, and one that changes the whole key space (FLUSHALL), needs
//     `admin`;
//   - any other is open to everybody who has authenticated.
// A user confined to prefixes may name keys that begin so and no others. What walks the key space
// is refused to it unless the row says that the command leaves out what it may not see; so is what
// shows the keys of others.
//
// CLIENT TRACKING with BCAST tells the names of keys that were not asked for, so it needs `read`,
// and from a user confined to prefixes the prefixes that it may touch.
//
// Threads: pure functions. Cost: a few branches, and one comparison for each key and prefix.
#pragma once

#include "weir/gateway/command.h"
#include "weir/gateway/session.h"
#include "weir/users/user.h"

namespace weir::gateway {

enum class Denial : uint8_t { kNone, kCommand, kKey };

users::Rights NeededRights(const CommandSpec& command, Args args);

// Requires: the arity is right.
Denial Deny(const users::User& user, const CommandSpec& command, Args args);

// Whether the user may be told of all keys that CLIENT TRACKING in `mode` tells of.
Denial DenyTelling(const users::User& user, const TrackingMode& mode);

}  // namespace weir::gateway
