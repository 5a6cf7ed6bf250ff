// PeerSessions: connections that come from other nodes: how they begin, and what comes over them.
//
// A node that has been greeted (nodes/peer_greeting.h) sends what its clients ask for, all for one
// user, as
//
//   WEIR.FORWARDED <the client's address, 16 bytes> <command> <argument> ...
//
// and is answered as the client would be, in the protocol that it greeted with. The command runs
// with the rights that the user of that name has here, and is charged to that client address. It is
// never sent on, waits at no limit, and what concerns a connection (MULTI, HELLO, CLIENT, ...) is
// refused, since this one is many clients'.
//
// Threads: thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "weir/gateway/command.h"
#include "weir/gateway/peers.h"
#include "weir/gateway/secret_numbers.h"
#include "weir/limit/ip_address.h"
#include "weir/nodes/peer_greeting.h"
#include "weir/resp/parser.h"

namespace weir::gateway {

class PeerSessions {
 public:
  struct Options {
    std::optional<std::string> secret;  // That all nodes share; nullopt: no node is greeted.
    SecretNumbers::Key key{};           // Secret, for nonces.
  };

  explicit PeerSessions(Options options)
      : secret_(std::move(options.secret)), numbers_(options.key) {}

  bool greets() const { return secret_.has_value(); }
  // Requires: greets().
  const std::string& secret() const { return *secret_; }
  // A number that was never used before, and that nobody can foresee.
  nodes::PeerNonce NewNonce();

 private:
  const std::optional<std::string> secret_;
  std::mutex mutex_;
  SecretNumbers numbers_;  // Guarded by mutex_.
};

// Returns what to send to the other node.
std::string ForwardedRequest(const Forward& forward);
// Takes the words before the command off `*request`. Returns for whom it is; nullopt: it is no
// such request, and unchanged.
std::optional<limit::Address> TakeForwarded(resp::Command* request);
// Whether `command` concerns data and no connection.
bool MayBeForwarded(const CommandSpec& command);

}  // namespace weir::gateway
