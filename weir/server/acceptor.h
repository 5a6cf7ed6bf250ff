// Acceptor: takes the connections that arrive at one listener and hands each on.
//
// Threads: single-owner: the thread of its event loop.
// Limits: kAcceptsMax connections in one round, so that a storm does not hold up the others of the
// loop.
#pragma once

#include <functional>
#include <utility>

#include "weir/net/event_loop.h"
#include "weir/net/socket.h"

namespace weir::server {

class Acceptor final : public net::EventLoop::Watcher {
 public:
  static constexpr int kAcceptsMax = 64;
  using Take = std::function<void(net::Socket, const net::Address& peer)>;

  // Borrows `loop`.
  Acceptor(net::EventLoop& loop, net::Socket listener, Take take)
      : loop_(loop), listener_(std::move(listener)), take_(std::move(take)) {}

  net::Address address() const { return listener_.LocalAddress(); }

  void Watch();
  // Closes the listener: the next client finds nobody there.
  void Unwatch();
  // Leaves newcomers in the system's queue until Resume. Resume does nothing unless paused, so it
  // may be called at each tick.
  void Pause();
  void Resume();
  bool paused() const { return paused_; }

  void OnReady(bool readable, bool writable) override;

 private:
  net::EventLoop& loop_;
  net::Socket listener_;
  Take take_;
  bool paused_ = false;
};

}  // namespace weir::server
