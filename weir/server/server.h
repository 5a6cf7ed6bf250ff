// Server: listeners and event loops around a gateway, from start to graceful stop.
//
//   Server server(gateway, options);
//   Result<std::vector<net::Address>> bound = server.Start();   // now clients are served
//   ... wait for a signal ...
//   server.Stop();                                              // answers what was sent, then ends
//
// One listener thread-wise: the first loop accepts and hands each connection to the loop with the
// fewest. Threads: Start and Stop from one thread; connections() from any.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "weir/base/result.h"
#include "weir/gateway/gateway.h"
#include "weir/net/address.h"
#include "weir/net/socket.h"
#include "weir/server/connection.h"
#include "weir/server/server_loop.h"

namespace weir::server {

class Server {
 public:
  struct Options {
    std::vector<net::Address> listen;
    size_t threads = 1;
    size_t clients_max = 10000;
    std::chrono::milliseconds drain_timeout = std::chrono::seconds(10);
    ConnectionLimits limits;
  };

  // Borrows `gateway` until Stop. The gateway delivers results to the loops until it is gone
  // itself: destroy it after Stop and before this.
  Server(gateway::Gateway& gateway, Options options);
  ~Server();

  // Listens, then serves on threads of its own. Returns the addresses with their real ports.
  // Errors: kUnavailable (address in use, ...) with what to do; nothing is served then.
  Result<std::vector<net::Address>> Start();

  // Stops accepting, lets every client finish what it has sent, ends the threads.
  void Stop();

  size_t connections() const;

 private:
  class Acceptor;

  void Place(net::Socket socket, const net::Address& peer);

  gateway::Gateway& gateway_;
  Options options_;
  std::vector<std::unique_ptr<ServerLoop>> loops_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::thread> threads_;
  uint64_t next_id_ = 1;  // Of the first loop's thread.
};

}  // namespace weir::server
