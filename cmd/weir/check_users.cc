#include "cmd/weir/check_users.h"

#include <algorithm>
#include <string>

#include "cmd/weir/budget.h"
#include "cmd/weir/values.h"

#include "weir/users/password.h"
#include "weir/users/user.h"

namespace weir::cmd {
namespace {

constexpr size_t kPrefixBytesMax = 1024;

void CheckRights(size_t index, const UserConfig& user, Origins& origins) {
  const Place rights{"user", index, "rights"};
  const Place prefixes{"user", index, "key_prefixes"};
  if (user.rights.empty()) {
    origins.AddError(rights,
                     "a user needs one right at least; write [\"read\"], or leave the user "
                     "out");
  }
  if (user.key_prefixes.size() > users::kKeyPrefixesMax) {
    origins.AddError(prefixes, "at most 64 prefixes");
  }
  for (const std::string& prefix : user.key_prefixes) {
    if (prefix.empty()) {
      origins.AddError(prefixes,
                       "an empty prefix opens every key; leave key_prefixes out for that");
    }
    if (prefix.size() > kPrefixBytesMax) {
      origins.AddError(prefixes, "a prefix is at most 1024 bytes");
    }
  }
}

// A user whose check takes longer or less long than that of a user who does not exist would show
// that it exists.
void CheckCosts(const Config& config, Origins& origins) {
  const auto cost = [&](size_t i) { return users::HashCost(config.users[i].password.text); };
  for (size_t i = 0; i < config.users.size(); ++i) {
    if (!cost(i).ok()) return;  // It has an error already.
    if (cost(i).value() == cost(0).value()) continue;
    origins.AddError(Place{"user", i, "password"},
                     "costs another time than that of the first user, which would show guessers "
                     "who exists; hash both again with `weir user hash`");
  }
  const uint64_t total = config.server.memory.bytes;
  if (total < kBudgetMin || PasswordBytes(config) <= PasswordBytesMax(total)) return;
  origins.AddError(Place{"user", 0, "password"},
                   "checking two at once takes " + ShowValue(ByteSize{PasswordBytes(config)}) +
                       ", too much of server.memory; hash the passwords again with `weir user "
                       "hash`, or raise it");
}

}  // namespace

void CheckUsers(const Config& config, Origins& origins) {
  for (size_t i = 0; i < config.users.size(); ++i) CheckRights(i, config.users[i], origins);
  if (!config.users.empty()) CheckCosts(config, origins);
  if (config.server.auth_attempts.amount.sized) {
    origins.AddError(Place{"server", 0, "auth_attempts"}, "counts attempts, not bytes; write 30/m");
  }
  for (size_t i = 0; i < config.limits.size(); ++i) {
    const std::string& name = config.limits[i].user;
    const auto named = [&](const UserConfig& user) { return user.name == name; };
    if (name.empty() || std::ranges::any_of(config.users, named)) continue;
    origins.AddError(Place{"limit", i, "user"}, "there is no [[user]] '" + name + "'");
  }
}

}  // namespace weir::cmd
