#include "weir/server/server.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <string_view>
#include <utility>

#include "weir/gateway/errors.h"

namespace weir::server {
namespace {

void RefuseTooMany(net::Stream& stream) {
  const std::string text = "-" + std::string(gateway::errors::kTooManyClients) + "\r\n";
  const std::array<net::Piece, 1> pieces = {net::Piece{text.data(), text.size()}};
  stream.Send(pieces);
}

}  // namespace

Server::Server(gateway::Gateway& gateway, Options options)
    : gateway_(gateway),
      options_(std::move(options)),
      clients_max_(options_.clients_max),
      drain_timeout_(options_.drain_timeout) {
  for (size_t i = 0; i < std::max<size_t>(options_.threads, 1); ++i) {
    loops_.push_back(std::make_unique<ServerLoop>(gateway_, options_.limits));
    gateway_.AddStats(&loops_.back()->stats());
  }
  gateway_.UseClients(this);
  if (gateway_.nodes() == nullptr || !gateway_.peer_sessions().greets()) return;
  for (const auto& loop : loops_) {
    loop->ConnectPeers(
        [this](ring::NodeId node, const std::string& problem) { OnPeer(node, problem); });
  }
  gateway_.UsePeers(this);
}

Server::~Server() {
  Stop();
}

Result<std::vector<net::Address>> Server::Start() {
  for (const Result<Ok>& listening : {Listen(), ListenTls()}) {
    if (listening.ok()) continue;
    acceptors_.clear();
    tls_.reset();
    return listening.error();
  }
  std::vector<net::Address> bound;
  for (const auto& acceptor : acceptors_) {
    bound.push_back(acceptor->address());
    acceptor->Watch();
  }
  loops_.front()->OnEachTick([this] {
    gateway_.Tick();
    for (const auto& acceptor : acceptors_) acceptor->Resume();
  });
  loops_.front()->ExpireCache();
  for (const auto& loop : loops_) threads_.emplace_back([&loop] { loop->Run(); });
  if (tls_ != nullptr) tls_->Start();
  return bound;
}

Result<Ok> Server::Listen() {
  for (const net::Address& address : options_.listen) {
    Result<net::Socket> socket = net::Socket::Listen(address);
    if (!socket.ok()) return socket.error();
    acceptors_.push_back(
        std::make_unique<Acceptor>(loops_.front()->event_loop(), std::move(socket).value(),
                                   [this](net::Socket accepted, const net::Address& peer) {
                                     Place(net::Stream(std::move(accepted)), peer, {});
                                   }));
  }
  return Ok{};
}

Result<Ok> Server::ListenTls() {
  if (options_.tls_listen.empty()) return Ok{};
  Result<std::unique_ptr<net::TlsContext>> context = net::TlsContext::Create(options_.tls_files);
  if (!context.ok()) return context.error();
  const auto enter = [this](net::Stream stream, const net::Address& peer,
                            net::TlsIdentity identity) {
    // std::function must be copyable; a stream is not.
    auto held = std::make_shared<net::Stream>(std::move(stream));
    loops_.front()->event_loop().Post([this, held, peer, identity = std::move(identity)] {
      Place(std::move(*held), peer, identity);
    });
  };
  tls_ = std::make_unique<TlsAcceptor>(gateway_.clock(), std::move(context).value(), enter,
                                       options_.tls_reloaded, options_.handshakes_max);
  for (const net::Address& address : options_.tls_listen) {
    Result<net::Socket> socket = net::Socket::Listen(address);
    if (!socket.ok()) return socket.error();
    tls_->Add(std::move(socket).value());
  }
  return Ok{};
}

// All are of one home, and every home of this gateway's requests is a loop of this server.
void Server::Send(std::vector<std::shared_ptr<gateway::Forward>> forwards) {
  auto* const loop = static_cast<ServerLoop*>(forwards.front()->origin().home);
  loop->SendToPeers(std::move(forwards));
}

// Each loop finds out by itself; the first that finds a node down tells of it, and the last that
// has it back.
void Server::OnPeer(ring::NodeId node, const std::string& problem) {
  const std::lock_guard lock(peers_mutex_);
  size_t& down = peers_down_[node];
  const bool news = problem.empty() ? --down == 0 : down++ == 0;
  if (news) options_.peer_news(gateway_.nodes()->node(node), problem);
}

void Server::SetLimits(size_t clients_max, std::chrono::milliseconds drain_timeout,
                       const ConnectionLimits& limits) {
  clients_max_ = clients_max;
  drain_timeout_ = drain_timeout;
  for (const auto& loop : loops_) loop->SetLimits(limits);
}

Result<Ok> Server::ReloadTls() {
  return tls_ == nullptr ? Result<Ok>(Ok{}) : tls_->Reload();
}

// On the first loop's thread.
void Server::Place(net::Stream stream, const net::Address& peer, net::TlsIdentity identity) {
  const bool tls_full = stream.is_tls() && tls_connections() >= options_.tls_clients_max;
  if (tls_full || connections() >= clients_max_) {
    loops_.front()->stats().connections_refused.Add(1);
    RefuseTooMany(stream);
    return;
  }
  gateway::Session session;
  session.id = next_id_++;
  session.client.bytes = peer.ip;
  session.peer = peer.ToString();
  session.certificate_subject = std::move(identity.subject);
  session.certificate_names = std::move(identity.names);
  const auto emptiest = std::min_element(
      loops_.begin(), loops_.end(),
      [](const auto& a, const auto& b) { return a->connections() < b->connections(); });
  (*emptiest)->Adopt(std::move(stream), std::move(session));
}

void Server::Stop() {
  if (threads_.empty()) return;
  if (tls_ != nullptr) tls_->Stop();  // Who is half-way in has been promised nothing.
  loops_.front()->event_loop().Post([this] {
    for (const auto& acceptor : acceptors_) acceptor->Unwatch();
  });
  gateway_.StopGathering();
  gateway_.pause().End();  // What clients have sent is to be answered.
  ResumePaused();
  const MonoTime deadline = gateway_.clock().Mono() + drain_timeout_.load();
  for (const auto& loop : loops_) loop->BeginDrain(deadline, [this] { StopLoopsIfDrained(); });
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  // They look at the gateway, which may end before this does.
  for (const auto& loop : loops_) loop->DropConnections();
}

// A loop goes on while any of them has a connection: the first one may still place a newcomer on
// it, and it answers what others ask of its connections. Once the first one drains, it has closed
// the listeners.
void Server::StopLoopsIfDrained() {
  for (const auto& loop : loops_) {
    if (!loop->draining()) return;
  }
  if (connections() > 0) return;
  for (const auto& loop : loops_) loop->Stop();
}

void Server::Visit(gateway::ClientFilter filter, Action action, uint64_t caller, Done done) {
  // What the loops have found; the last one hands it on.
  struct Visited {
    std::mutex mutex;
    size_t loops_left = 0;
    std::vector<gateway::ClientFacts> found;
  };
  auto visited = std::make_shared<Visited>();
  visited->loops_left = loops_.size();
  const auto loop_done = [visited, done = std::move(done)](std::vector<gateway::ClientFacts> some) {
    bool last = false;
    {
      const std::lock_guard lock(visited->mutex);
      std::move(some.begin(), some.end(), std::back_inserter(visited->found));
      last = --visited->loops_left == 0;
    }
    if (last) done(std::move(visited->found));
  };
  for (const auto& loop : loops_) {
    loop->Visit({filter, action == Action::kClose, caller, loop_done});
  }
}

void Server::ResumePaused() {
  for (const auto& loop : loops_) loop->ResumePaused();
}

size_t Server::connections() const {
  size_t count = 0;
  for (const auto& loop : loops_) count += loop->connections();
  return count;
}

size_t Server::tls_connections() const {
  size_t count = 0;
  for (const auto& loop : loops_) count += loop->tls_connections();
  return count;
}

}  // namespace weir::server
