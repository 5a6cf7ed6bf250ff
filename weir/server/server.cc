#include "weir/server/server.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "weir/gateway/errors.h"

namespace weir::server {
namespace {

// Taken in one round, so that a storm of new connections does not hold up the served ones.
constexpr int kAcceptsMax = 64;

void RefuseTooMany(net::Socket& socket) {
  const std::string text = "-" + std::string(gateway::errors::kTooManyClients) + "\r\n";
  const std::array<net::Piece, 1> pieces = {net::Piece{text.data(), text.size()}};
  socket.Send(pieces);
}

}  // namespace

// Accepts on the first loop.
class Server::Acceptor final : public net::EventLoop::Watcher {
 public:
  Acceptor(Server& server, net::Socket socket) : server_(server), socket_(std::move(socket)) {}

  const net::Socket& socket() const { return socket_; }

  void Watch() { loop().Watch(socket_.fd(), true, false, this); }
  void Unwatch() {
    loop().Unwatch(socket_.fd());
    socket_ = net::Socket();
  }

  void OnReady(bool, bool) override {
    for (int i = 0; i < kAcceptsMax; ++i) {
      net::Socket::Accepted accepted;
      const net::Socket::AcceptState state = socket_.Accept(&accepted);
      if (state == net::Socket::AcceptState::kNone) return;
      if (state == net::Socket::AcceptState::kOutOfDescriptors) {
        // Level-triggered readiness would spin: look again at the next tick.
        loop().Change(socket_.fd(), false, false, this);
        paused_ = true;
        return;
      }
      server_.Place(std::move(accepted.socket), accepted.peer);
    }
  }

  void OnTick() {
    if (!paused_ || !socket_) return;
    paused_ = false;
    loop().Change(socket_.fd(), true, false, this);
  }

 private:
  net::EventLoop& loop() { return server_.loops_.front()->event_loop(); }

  Server& server_;
  net::Socket socket_;
  bool paused_ = false;
};

Server::Server(gateway::Gateway& gateway, Options options)
    : gateway_(gateway), options_(std::move(options)) {
  for (size_t i = 0; i < std::max<size_t>(options_.threads, 1); ++i) {
    loops_.push_back(std::make_unique<ServerLoop>(gateway_, options_.limits));
    gateway_.AddStats(&loops_.back()->stats());
  }
}

Server::~Server() {
  Stop();
}

Result<std::vector<net::Address>> Server::Start() {
  std::vector<net::Address> bound;
  for (const net::Address& address : options_.listen) {
    Result<net::Socket> socket = net::Socket::Listen(address);
    if (!socket.ok()) {
      acceptors_.clear();
      return socket.error();
    }
    bound.push_back(socket.value().LocalAddress());
    acceptors_.push_back(std::make_unique<Acceptor>(*this, std::move(socket).value()));
  }
  for (const auto& acceptor : acceptors_) acceptor->Watch();
  loops_.front()->OnEachTick([this] {
    gateway_.Tick();
    for (const auto& acceptor : acceptors_) acceptor->OnTick();
  });
  for (const auto& loop : loops_) threads_.emplace_back([&loop] { loop->Run(); });
  return bound;
}

void Server::Place(net::Socket socket, const net::Address& peer) {
  if (connections() >= options_.clients_max) {
    loops_.front()->stats().connections_refused.Add(1);
    RefuseTooMany(socket);
    return;
  }
  gateway::Session session;
  session.id = next_id_++;
  session.client.bytes = peer.ip;
  session.peer = peer.ToString();
  const auto emptiest = std::min_element(
      loops_.begin(), loops_.end(),
      [](const auto& a, const auto& b) { return a->connections() < b->connections(); });
  (*emptiest)->Adopt(std::move(socket), std::move(session));
}

void Server::Stop() {
  if (threads_.empty()) return;
  loops_.front()->event_loop().Post([this] {
    for (const auto& acceptor : acceptors_) acceptor->Unwatch();
  });
  const MonoTime deadline = gateway_.clock().Mono() + options_.drain_timeout;
  for (const auto& loop : loops_) loop->BeginDrain(deadline);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

size_t Server::connections() const {
  size_t count = 0;
  for (const auto& loop : loops_) count += loop->connections();
  return count;
}

}  // namespace weir::server
