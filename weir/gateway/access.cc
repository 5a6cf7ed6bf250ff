#include "weir/gateway/access.h"

#include <algorithm>

namespace weir::gateway {
namespace {

// Whether something of the values comes back to the client.
bool Tells(const CommandSpec& command, Args args) {
  const uint16_t use = command.use != nullptr ? command.use(args) : command.keys.use;
  return ((use | command.keys.rest_use) & kKeyAccess) != 0;
}

}  // namespace

users::Rights NeededRights(const CommandSpec& command, Args args) {
  if ((command.flags & kFlagNoAuth) != 0) return 0;
  users::Rights needed = 0;
  const bool administers = (command.categories & kCatAdmin) != 0;
  if (administers || (command.flags & kFlagNeedsAdmin) != 0) needed |= users::kAdmin;
  const bool reads = (command.flags & kFlagReadOnly) != 0 || command.kind == CommandKind::kRead;
  if (reads || (command.flags & kFlagNeedsRead) != 0) needed |= users::kRead;
  if ((command.flags & kFlagWrite) != 0) {
    needed |= users::kWrite;
    if (command.keys.first == 0) needed |= users::kAdmin;
    if (Tells(command, args)) needed |= users::kRead;
  }
  return needed;
}

Denial Deny(const users::User& user, const CommandSpec& command, Args args) {
  if (!user.May(NeededRights(command, args))) return Denial::kCommand;
  if (!user.confined()) return Denial::kNone;
  const bool walks = command.kind == CommandKind::kOperation && command.keys.first == 0;
  if (walks && (command.flags & kFlagLeavesOut) == 0) return Denial::kCommand;
  if ((command.flags & kFlagShowsAllKeys) != 0) return Denial::kCommand;
  const size_t keys = command.KeyCount(args);
  for (size_t key = 0; key < keys; ++key) {
    if (!user.MayTouch(args[command.KeyIndex(key)])) return Denial::kKey;
  }
  return Denial::kNone;
}

Denial DenyTelling(const users::User& user, const TrackingMode& mode) {
  if (!mode.on || !mode.broadcast) return Denial::kNone;
  if (!user.May(users::kRead)) return Denial::kCommand;
  const bool sees_all = !user.confined() || std::all_of(mode.prefixes.begin(), mode.prefixes.end(),
                                                        [&](const std::string& prefix) {
                                                          return user.MayTouch(prefix);
                                                        });
  return sees_all ? Denial::kNone : Denial::kKey;
}

}  // namespace weir::gateway
