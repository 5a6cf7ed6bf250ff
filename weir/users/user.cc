#include "weir/users/user.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/users/password.h"

namespace weir::users {

bool User::MayTouch(std::string_view key) const {
  return key_prefixes.empty() ||
         std::any_of(key_prefixes.begin(), key_prefixes.end(),
                     [&](const std::string& prefix) { return key.starts_with(prefix); });
}

Users::Users(std::vector<User> users)
    : users_(std::move(users)),
      everybody_{.name = std::string(kDefaultUser), .password_hash = "", .rights = kAllRights} {
  assert(users_.size() <= kUsersMax);
  std::sort(users_.begin(), users_.end(),
            [](const User& a, const User& b) { return a.name < b.name; });
  if (!users_.empty()) decoy_hash_ = DecoyHash(users_.front().password_hash);
}

const User* Users::Find(std::string_view name) const {
  if (open()) return name == everybody_.name ? &everybody_ : nullptr;
  const auto found = std::lower_bound(
      users_.begin(), users_.end(), name,
      [](const User& user, std::string_view wanted) { return user.name < wanted; });
  return found != users_.end() && found->name == name ? &*found : nullptr;
}

}  // namespace weir::users
