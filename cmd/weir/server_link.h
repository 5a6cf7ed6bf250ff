// ServerLink: a connection of the command line to a running server; one command at a time.
// Threads: single-owner; each call blocks. Errors: kUnavailable with what to do.
#pragma once

#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/net/address.h"
#include "weir/net/socket.h"
#include "weir/resp/reader.h"

namespace weir::cmd {

class ServerLink {
 public:
  static Result<ServerLink> Connect(const net::Address& address);

  // Returns the reply, an error reply included.
  Result<resp::Value> Call(const std::vector<std::string>& words);

  // The connection itself, for who speaks another way. Requires: no other call follows.
  net::Socket TakeSocket() { return std::move(socket_); }

 private:
  explicit ServerLink(net::Socket socket) : socket_(std::move(socket)) {}

  net::Socket socket_;
  resp::Reader reader_;
};

}  // namespace weir::cmd
