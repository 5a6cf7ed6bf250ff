// Server: listeners and event loops around a gateway, from start to graceful stop.
//
//   Server server(gateway, options);
//   Result<std::vector<net::Address>> bound = server.Start();   // now clients are served
//   ... wait for a signal ...
//   server.Stop();                                              // answers what was sent, then ends
//
// The first loop accepts and hands each connection to the loop with the fewest; TLS connections
// come to it when TlsAcceptor has shaken hands with them. Threads: Start and Stop from one thread;
// the rest from any, between the two.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "weir/base/result.h"
#include "weir/gateway/clients.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/peers.h"
#include "weir/net/address.h"
#include "weir/net/stream.h"
#include "weir/net/tls_context.h"
#include "weir/nodes/node_table.h"
#include "weir/server/acceptor.h"
#include "weir/server/connection.h"
#include "weir/server/server_loop.h"
#include "weir/server/tls_acceptor.h"

namespace weir::server {

class Server final : public gateway::ClientControl, public gateway::Peers {
 public:
  struct Options {
    std::vector<net::Address> listen;
    size_t threads = 1;
    size_t clients_max = 10000;
    std::chrono::milliseconds drain_timeout = std::chrono::seconds(10);
    ConnectionLimits limits;
    std::vector<net::Address> tls_listen;  // Empty: no TLS, and the files are not looked at.
    // Of the clients, so many over TLS, and handshakes at a time: what there is memory for.
    size_t tls_clients_max = 10000;
    size_t handshakes_max = TlsAcceptor::kHandshakesMax;
    net::TlsFiles tls_files;
    // Called on a thread of its own when the files have changed: the error if they were refused.
    TlsAcceptor::Reloaded tls_reloaded = [](const Result<Ok>&) {};
    // Called on a loop when another node cannot be reached, with the reason, and, with none, when
    // it is back. Must not block for long.
    std::function<void(const nodes::Node&, const std::string& problem)> peer_news =
        [](const nodes::Node&, const std::string&) {};
  };

  // Borrows `gateway` until Stop. The gateway delivers results to the loops until it is gone
  // itself: destroy it after Stop and before this.
  Server(gateway::Gateway& gateway, Options options);
  ~Server() override;

  // Listens, then serves on threads of its own. Returns the plain addresses with their real ports.
  // Errors: kUnavailable (address in use, ...), kInvalid (TLS files) with what to do; nothing is
  // served then.
  Result<std::vector<net::Address>> Start();

  // Stops accepting, lets every client finish what it has sent, ends the threads.
  void Stop();

  size_t connections() const;
  size_t tls_connections() const;

  void Visit(gateway::ClientFilter filter, Action action, uint64_t caller, Done done) override;
  void ResumePaused() override;
  void Send(std::vector<std::shared_ptr<gateway::Forward>> forwards) override;

  // What may change while clients are served. What is shorter or smaller than before concerns
  // clients from their next command on; nobody is disconnected for being one too many.
  void SetLimits(size_t clients_max, std::chrono::milliseconds drain_timeout,
                 const ConnectionLimits& limits);

  // Reads the TLS files again, as happens by itself soon after they change. Connections that are
  // open go on. Errors: what is wrong with the files; the old ones stay in use. Cost: milliseconds.
  Result<Ok> ReloadTls();
  // nullptr without TLS.
  const TlsAcceptor* tls() const { return tls_.get(); }

 private:
  Result<Ok> Listen();
  Result<Ok> ListenTls();
  void StopLoopsIfDrained();
  void OnPeer(ring::NodeId node, const std::string& problem);
  void Place(net::Stream stream, const net::Address& peer, net::TlsIdentity identity);

  gateway::Gateway& gateway_;
  Options options_;
  std::atomic<size_t> clients_max_;
  std::atomic<std::chrono::milliseconds> drain_timeout_;
  std::vector<std::unique_ptr<ServerLoop>> loops_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unique_ptr<TlsAcceptor> tls_;
  std::vector<std::thread> threads_;
  std::mutex peers_mutex_;
  std::map<ring::NodeId, size_t> peers_down_;  // Guarded by peers_mutex_: on so many loops.
  uint64_t next_id_ = 1;                       // Of the first loop's thread.
};

}  // namespace weir::server
