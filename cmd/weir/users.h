// The [[user]] sections as the users of weir/users, and the secrets that stand in files.
#pragma once

#include <memory>
#include <string>

#include "cmd/weir/config.h"

#include "weir/base/result.h"
#include "weir/users/user.h"

namespace weir::cmd {

inline constexpr size_t kAdminTokenBytesMin = 16;
inline constexpr size_t kAdminTokenBytesMax = 1024;

// Requires: `users` came from LoadConfig.
std::shared_ptr<const users::Users> UsersOf(const std::vector<UserConfig>& users);

// Returns the first line of the file.
// Errors: kInvalid when it cannot be read, or is no token: too short, too long, or with blanks.
Result<std::string> ReadTokenFile(const std::string& name);

// Asks for a password twice without showing it when standard input is a terminal, else reads a
// line. Errors: kInvalid when there is none, or the two differ.
Result<std::string> ReadPassword();

}  // namespace weir::cmd
