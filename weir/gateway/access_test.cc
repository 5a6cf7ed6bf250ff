// Goal: what a command needs follows from its row, for every row there is and will be; a command
// open to everybody is so because it is named here.
#include "weir/gateway/access.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

using users::kAdmin;
using users::kRead;
using users::kWrite;
using Words = std::vector<std::string_view>;

// A request of this command of the least size, with keys named "k".
Words LeastRequest(const CommandSpec& command) {
  const int arity = command.arity < 0 ? -command.arity : command.arity;
  return Words(static_cast<size_t>(arity), "k");
}

users::Rights Needed(const Words& words) {
  return NeededRights(*ResolveCommand(words), words);
}

users::User With(users::Rights rights, std::vector<std::string> prefixes = {}) {
  return {.name = "u", .password_hash = "", .rights = rights, .key_prefixes = prefixes};
}

Denial Denied(const users::User& user, const Words& words) {
  return Deny(user, *ResolveCommand(words), words);
}

TEST(Access, ACommandNeedsWhatItsFlagsSay) {
  for (const CommandSpec& command : AllCommands()) {
    const users::Rights needed = NeededRights(command, LeastRequest(command));
    if ((command.flags & kFlagNoAuth) != 0) {
      EXPECT_EQ(needed, 0) << command.name;
      continue;
    }
    EXPECT_EQ((needed & kWrite) != 0, (command.flags & kFlagWrite) != 0) << command.name;
    EXPECT_TRUE((needed & kRead) != 0 || (command.flags & kFlagReadOnly) == 0) << command.name;
    EXPECT_TRUE((needed & kAdmin) != 0 || (command.categories & kCatAdmin) == 0) << command.name;
    if (command.kind == CommandKind::kRead) {
      EXPECT_EQ(needed, kRead) << command.name;
    }
  }
}

// A row without flags is open to all who have authenticated. If this fails for a new command: name
// it here if it tells nothing of keys and of other clients, else give its row the flag it needs.
TEST(Access, WhatNeedsNoRightIsNamedHere) {
  const std::set<std::string_view> open = {
      "acl",       "asking",     "auth",           "client",        "cluster",      "command",
      "config",    "debug",      "discard",        "echo",          "exec",         "function",
      "hello",     "info",       "latency",        "limit.explain", "limit.policy", "lolwut",
      "memory",    "module",     "multi",          "object",        "ping",         "quit",
      "readonly",  "readwrite",  "reset",          "script",        "select",       "slowlog",
      "time",      "unwatch",    "wait",           "watch",         "weir.backup",  "weir.peer",
      "weir.ring", "weir.shard", "weir.invalidate"};
  const std::set<std::string_view> subcommands_open = {
      "acl|cat",          "acl|genpass",       "acl|whoami",
      "client|caching",   "client|getname",    "client|getredir",
      "client|id",        "client|info",       "client|maint_notifications",
      "client|no-touch",  "client|reply",      "client|setinfo",
      "client|setname",   "client|tracking",   "client|trackinginfo",
      "cluster|info",     "cluster|links",     "cluster|keyslot",
      "cluster|myid",     "cluster|myshardid", "cluster|nodes",
      "cluster|shards",   "cluster|slots",     "command|count",
      "command|docs",     "command|getkeys",   "command|getkeysandflags",
      "command|info",     "command|list",      "function|flush",
      "function|list",    "function|stats",    "memory|doctor",
      "memory|stats",     "module|list",       "script|flush",
      "weir.ring|digest", "script|exists"};
  for (const CommandSpec& command : AllCommands()) {
    if (NeededRights(command, LeastRequest(command)) != 0) continue;
    if (command.name.ends_with("|help")) continue;
    const auto& named = command.IsSubcommand() ? subcommands_open : open;
    EXPECT_TRUE(named.contains(command.name)) << command.name;
  }
}

TEST(Access, WhatTellsTheOldValueNeedsReadBesideWrite) {
  EXPECT_EQ(Needed({"get", "k"}), kRead);
  EXPECT_EQ(Needed({"del", "k"}), kWrite);
  EXPECT_EQ(Needed({"append", "k", "v"}), kWrite);
  EXPECT_EQ(Needed({"mset", "k", "v"}), kWrite);
  EXPECT_EQ(Needed({"expire", "k", "1"}), kWrite);
  EXPECT_EQ(Needed({"incr", "k"}), kRead | kWrite);
  EXPECT_EQ(Needed({"set", "k", "get"}), kWrite);
  EXPECT_EQ(Needed({"set", "k", "v", "NX"}), kWrite);
  EXPECT_EQ(Needed({"set", "k", "v", "Get"}), kRead | kWrite);
  EXPECT_EQ(Needed({"SET", "k", "v", "EX", "9", "GET"}), kRead | kWrite);
}

TEST(Access, WhatConcernsTheServerNeedsAdmin) {
  EXPECT_EQ(Needed({"config", "get", "save"}), kAdmin);
  EXPECT_EQ(Needed({"flushall"}), kWrite | kAdmin);
  EXPECT_EQ(Needed({"acl", "list"}), kAdmin);
  EXPECT_EQ(Needed({"acl", "whoami"}), 0);
  EXPECT_EQ(Needed({"info"}), 0);
  EXPECT_EQ(Needed({"scan", "0"}), kRead);
  EXPECT_EQ(Needed({"dbsize"}), kRead);
}

TEST(Access, AMissingRightDeniesTheCommandWhateverTheKeys) {
  EXPECT_EQ(Denied(With(kRead), {"set", "k", "v"}), Denial::kCommand);
  EXPECT_EQ(Denied(With(kWrite), {"get", "k"}), Denial::kCommand);
  EXPECT_EQ(Denied(With(kWrite), {"set", "k", "v"}), Denial::kNone);
  EXPECT_EQ(Denied(With(kWrite), {"set", "k", "v", "GET"}), Denial::kCommand);
  EXPECT_EQ(Denied(With(kRead, {"a:"}), {"set", "b", "v"}), Denial::kCommand);
  EXPECT_EQ(Denied(With(0), {"ping"}), Denial::kNone);
  EXPECT_EQ(Denied(With(0), {"hello"}), Denial::kNone);
}

TEST(Access, EveryKeyMustBeginWithAPrefix) {
  const users::User user = With(kRead | kWrite, {"cart:", "x"});
  EXPECT_EQ(Denied(user, {"get", "cart:1"}), Denial::kNone);
  EXPECT_EQ(Denied(user, {"get", "cart"}), Denial::kKey);
  EXPECT_EQ(Denied(user, {"mget", "cart:1", "xy", "cart:"}), Denial::kNone);
  EXPECT_EQ(Denied(user, {"mget", "cart:1", "y", "cart:"}), Denial::kKey);
  EXPECT_EQ(Denied(user, {"mset", "cart:1", "y", "x", "y"}), Denial::kNone);
  EXPECT_EQ(Denied(user, {"mset", "cart:1", "y", "y", "x"}), Denial::kKey);
  EXPECT_EQ(Denied(user, {"ping"}), Denial::kNone);
}

TEST(Access, AConfinedUserIsNotShownTheCommandsOfOthers) {
  EXPECT_EQ(Denied(With(users::kAllRights), {"monitor"}), Denial::kNone);
  EXPECT_EQ(Denied(With(users::kAllRights, {"cart:"}), {"monitor"}), Denial::kCommand);
  EXPECT_EQ(Denied(With(users::kAllRights, {"cart:"}), {"slowlog", "get"}), Denial::kCommand);
}

TEST(Access, AConfinedUserMayWalkOnlyWhatLeavesOutTheRest) {
  const users::User user = With(users::kAllRights, {"cart:"});
  const std::set<std::string_view> leaving_out = {
      "client|info",           "client|kill",  "client|list", "cluster|countkeysinslot",
      "cluster|getkeysinslot", "config|set",   "keys",        "limit.policy|del",
      "limit.policy|set",      "memory|purge", "scan"};
  for (const CommandSpec& command : AllCommands()) {
    if (command.kind != CommandKind::kOperation || command.keys.first != 0) continue;
    const bool leaves_out = (command.flags & kFlagLeavesOut) != 0;
    EXPECT_EQ(leaves_out, leaving_out.contains(command.name)) << command.name;
    EXPECT_EQ(Deny(user, command, LeastRequest(command)),
              leaves_out ? Denial::kNone : Denial::kCommand)
        << command.name;
    EXPECT_EQ(Deny(With(users::kAllRights), command, LeastRequest(command)), Denial::kNone);
  }
}

}  // namespace
}  // namespace weir::gateway
