// TlsAcceptor: takes the connections of the TLS listeners and hands each on once hands are shaken.
//
// A handshake costs a signature: 0.1 ms of CPU with an EC key, 1 to 5 ms with RSA. So handshakes
// run on one thread of their own, at lower priority than the loops that serve: a storm of them
// uses what CPU is left, and no served client waits for one. The files are looked at, and read
// again, on that thread too.
//
// Threads: Start and Stop from one thread; Reload and counts from any; callbacks come on the
// acceptor's thread.
// Limits: kHandshakesMax under way, the rest waits in the listener's queue; kHandshakeTimeout for
// each, kHandshakeTimeoutWhenFull while newcomers have to wait for room.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "weir/base/clock.h"
#include "weir/gateway/stats.h"
#include "weir/net/event_loop.h"
#include "weir/net/tls_context.h"
#include "weir/server/acceptor.h"

namespace weir::server {

class TlsAcceptor final : public net::EventLoop::Observer {
 public:
  static constexpr size_t kHandshakesMax = 512;
  static constexpr auto kHandshakeTimeout = std::chrono::seconds(10);
  static constexpr auto kHandshakeTimeoutWhenFull = std::chrono::seconds(1);
  static constexpr auto kTick = std::chrono::milliseconds(100);

  using Enter = std::function<void(net::Stream, const net::Address& peer, net::TlsIdentity)>;
  // Told of each change of the files: the error when it was refused and the old ones stay.
  using Reloaded = std::function<void(const Result<Ok>&)>;

  struct Counts {
    gateway::Counter done;
    gateway::Counter failed;
    gateway::Counter timed_out;
    gateway::Counter not_tls;
  };

  // Borrows `clock`.
  TlsAcceptor(Clock& clock, std::unique_ptr<net::TlsContext> context, Enter enter,
              Reloaded reloaded, size_t handshakes_max = kHandshakesMax);
  ~TlsAcceptor() override;

  // Requires: before Start.
  void Add(net::Socket listener);
  void Start();
  // Closes the listeners and what has not finished its handshake.
  void Stop();

  // See net::TlsContext.
  Result<Ok> Reload() { return context_->Reload(); }
  int64_t certificate_ends() const { return context_->certificate_ends(); }
  std::vector<net::Address> addresses() const;
  const Counts& counts() const { return counts_; }
  size_t under_way() const { return under_way_count_.load(std::memory_order_relaxed); }

 private:
  class Handshake;
  using Handshakes = std::list<std::unique_ptr<Handshake>>;

  void OnTick() override;
  bool OnRoundEnd(bool idle) override;
  void OnWake() override {}
  void Run();
  void Take(net::Socket socket, const net::Address& peer);
  void Close(Handshake& handshake);
  void CloseOverdue();

  Clock& clock_;
  std::unique_ptr<net::TlsContext> context_;
  Enter enter_;
  Reloaded reloaded_;
  const size_t handshakes_max_;  // At a time; who comes beyond waits to be accepted.
  net::EventLoop event_loop_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  Handshakes under_way_;  // The oldest first.
  Handshakes closed_;     // Until the end of the round.
  std::atomic<size_t> under_way_count_{0};
  Counts counts_;
  uint64_t ticks_ = 0;
  std::thread thread_;
};

}  // namespace weir::server
