#include "cmd/weir/users.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <vector>

#include <termios.h>
#include <unistd.h>

namespace weir::cmd {
namespace {

users::Rights RightsOf(const std::vector<UserRight>& words) {
  users::Rights rights = 0;
  for (const UserRight right : words) {
    rights |= right == UserRight::kRead    ? users::kRead
              : right == UserRight::kWrite ? users::kWrite
                                           : users::kAdmin;
  }
  return rights;
}

// Lets the terminal show nothing of what is typed.
class Hidden {
 public:
  Hidden() {
    tcgetattr(STDIN_FILENO, &before_);
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  ~Hidden() { tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  termios before_{};
};

std::string Ask(const char* question) {
  std::fputs(question, stderr);
  const Hidden hidden;
  std::string answer;
  std::getline(std::cin, answer);
  std::fputs("\n", stderr);
  return answer;
}

}  // namespace

std::shared_ptr<const users::Users> UsersOf(const std::vector<UserConfig>& users) {
  std::vector<users::User> all;
  for (const UserConfig& user : users) {
    all.push_back({.name = user.name,
                   .password_hash = user.password.text,
                   .rights = RightsOf(user.rights),
                   .key_prefixes = user.key_prefixes});
  }
  return std::make_shared<const users::Users>(std::move(all));
}

Result<std::string> ReadTokenFile(const std::string& name) {
  const auto fault = [&](const std::string& what) {
    return Error{ErrorCode::kInvalid, "admin_token_file '" + name + "' " + what};
  };
  std::ifstream file(name, std::ios::binary);
  std::string token(kAdminTokenBytesMax + 2, '\0');
  file.read(token.data(), static_cast<std::streamsize>(token.size()));
  if (!file.is_open() || file.bad()) return fault("cannot be read; give the path of a file");
  token.resize(static_cast<size_t>(file.gcount()));
  token.resize(std::min(token.find('\n'), token.size()));
  const bool plain = std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
  if (!plain || token.size() < kAdminTokenBytesMin || token.size() > kAdminTokenBytesMax) {
    return fault(
        "holds no token; write 16 to 1024 characters without blanks on its first line, "
        "such as `openssl rand -hex 32` prints");
  }
  return token;
}

Result<std::string> ReadPassword() {
  std::string password;
  if (isatty(STDIN_FILENO) != 0) {
    password = Ask("Password: ");
    if (Ask("Again: ") != password) {
      return Error{ErrorCode::kInvalid, "the two differ; try again"};
    }
  } else {
    std::getline(std::cin, password);
  }
  return password;
}

}  // namespace weir::cmd
