// Session: what one connection has said of itself.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/time.h"
#include "weir/limit/policy.h"
#include "weir/resp/writer.h"
#include "weir/users/user.h"

namespace weir::nodes {
class PeerAnswerer;
}

namespace weir::gateway {

struct CommandSpec;

// What CLIENT TRACKING has set, and CLIENT CACHING.
struct TrackingMode {
  bool on = false;
  bool broadcast = false;
  bool opt_in = false;
  bool opt_out = false;
  bool no_loop = false;
  bool caching = false;            // The next command is the exception to opt_in or opt_out.
  uint64_t redirect = 0;           // The connection that is told; 0: this one.
  std::set<std::string> prefixes;  // With broadcast.

  // Whether the client may keep what it is shown now.
  bool keeps_now() const { return on && (opt_in ? caching : !(opt_out && caching)); }
  // Bytes of the prefixes, here and in ClientTracking, which keeps them twice.
  size_t bytes() const {
    constexpr size_t kCopies = 3;
    constexpr size_t kNodeBytes = sizeof(std::string) + 48;
    size_t bytes = 0;
    for (const std::string& prefix : prefixes) bytes += kCopies * (prefix.size() + kNodeBytes);
    return bytes;
  }
};

// Threads: single-owner.
struct Session {
  static constexpr size_t kNameBytesMax = 1024;
  // What becomes of replies, as CLIENT REPLY says. kSkipNext: the command after this one is
  // answered with nothing.
  enum class Replies : uint8_t { kOn, kOff, kSkipNext, kSkip };

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
  const CommandSpec* last_command = nullptr;
  MonoTime connected_at;
  Replies replies = Replies::kOn;
  // It has said something that only clients of Redis Cluster's protocol say.
  bool speaks_cluster = false;
  // Another node sends here what its clients ask for: it is not sent on.
  bool from_node = false;
  std::string acts_for;  // Of such a session: the user; empty: there are none.
  std::shared_ptr<nodes::PeerAnswerer> greeting;  // While another node is proving itself.
  bool monitors = false;                          // It is shown every command.
  bool not_evicted = false;   // CLIENT NO-EVICT; shown, and no more: nobody is evicted.
  bool touches_none = false;  // CLIENT NO-TOUCH; shown, and no more: no time of use is kept.
  TrackingMode tracking;
  bool closing = false;  // The connection closes once all replies are sent.

  users::Viewer viewer() const { return {users, user}; }
  bool muted() const { return replies == Replies::kOff || replies == Replies::kSkip; }
  std::string_view user_name() const { return user == nullptr ? "" : std::string_view(user->name); }
};

}  // namespace weir::gateway
