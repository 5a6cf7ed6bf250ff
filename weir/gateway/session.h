// Session: what one connection has said of itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/limit/policy.h"
#include "weir/resp/writer.h"
#include "weir/users/user.h"

namespace weir::gateway {

// Threads: single-owner.
struct Session {
  static constexpr size_t kNameBytesMax = 1024;

  uint64_t id = 0;
  limit::Address client;
  std::string peer;  // "127.0.0.1:50000"
  // Whom the client's verified TLS certificate names; empty without one.
  std::string certificate_subject;             // "CN=app,O=Example"
  std::vector<std::string> certificate_names;  // "DNS:app.example"
  std::string name;                            // CLIENT SETNAME
  std::string library_name;
  std::string library_version;
  resp::Protocol protocol = resp::Protocol::kResp2;
  // Who it is, of the set that it holds: see Authentication. nullptr: nobody has authenticated.
  const users::User* user = nullptr;
  std::shared_ptr<const users::Users> users;
  uint32_t users_generation = 0;
  bool closing = false;  // The connection closes once all replies are sent.

  users::Viewer viewer() const { return {users, user}; }
  std::string_view user_name() const { return user == nullptr ? "" : std::string_view(user->name); }
};

}  // namespace weir::gateway
