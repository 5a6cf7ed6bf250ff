#include "weir/server/tls_acceptor.h"

#include <string>
#include <string_view>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace weir::server {
namespace {

constexpr std::string_view kNotTlsText =
    "-ERR this port speaks TLS only; connect with TLS (redis-cli --tls) or to the plain port\r\n";
constexpr uint64_t kTicksBetweenFileChecks = 10;
constexpr int kNiceness = 10;

}  // namespace

// One connection that has not finished its handshake.
class TlsAcceptor::Handshake final : public net::EventLoop::Watcher {
 public:
  Handshake(TlsAcceptor& owner, net::Stream stream, const net::Address& peer, MonoTime began)
      : owner_(owner), stream_(std::move(stream)), peer_(peer), began_(began) {
    owner_.event_loop_.Watch(stream_.fd(), true, false, this);
  }

  MonoTime began() const { return began_; }
  void set_place(Handshakes::iterator place) { place_ = place; }
  Handshakes::iterator place() const { return place_; }
  int fd() const { return stream_.fd(); }

  void OnReady(bool, bool) override {
    if (closed_) return;
    const net::Stream::Step step = stream_.Handshake();
    if (step == net::Stream::Step::kWantRead || step == net::Stream::Step::kWantWrite) {
      const bool write = step == net::Stream::Step::kWantWrite;
      if (write != watching_write_) owner_.event_loop_.Change(fd(), !write, write, this);
      watching_write_ = write;
      return;
    }
    Leave(step);
  }

  // Out of the loop; destroyed at the end of the round.
  void MarkClosed() {
    closed_ = true;
    owner_.event_loop_.Unwatch(fd());
  }
  void CloseStream() { stream_ = net::Stream(); }

 private:
  void Leave(net::Stream::Step step) {
    owner_.Close(*this);
    switch (step) {
      case net::Stream::Step::kDone: {
        owner_.counts_.done.Add(1);
        net::TlsIdentity identity = stream_.identity();
        owner_.enter_(std::move(stream_), peer_, std::move(identity));
        return;
      }
      case net::Stream::Step::kNotTls:
        owner_.counts_.not_tls.Add(1);
        stream_.Refuse(kNotTlsText);
        break;
      default:
        owner_.counts_.failed.Add(1);
    }
    CloseStream();
  }

  TlsAcceptor& owner_;
  net::Stream stream_;
  net::Address peer_;
  MonoTime began_;
  Handshakes::iterator place_;
  bool watching_write_ = false;
  bool closed_ = false;
};

TlsAcceptor::TlsAcceptor(Clock& clock, std::unique_ptr<net::TlsContext> context, Enter enter,
                         Reloaded reloaded, size_t handshakes_max)
    : clock_(clock),
      context_(std::move(context)),
      enter_(std::move(enter)),
      reloaded_(std::move(reloaded)),
      handshakes_max_(handshakes_max),
      event_loop_(this, kTick) {}

TlsAcceptor::~TlsAcceptor() {
  Stop();
}

void TlsAcceptor::Add(net::Socket listener) {
  acceptors_.push_back(std::make_unique<Acceptor>(
      event_loop_, std::move(listener),
      [this](net::Socket socket, const net::Address& peer) { Take(std::move(socket), peer); }));
}

std::vector<net::Address> TlsAcceptor::addresses() const {
  std::vector<net::Address> addresses;
  for (const auto& acceptor : acceptors_) addresses.push_back(acceptor->address());
  return addresses;
}

void TlsAcceptor::Start() {
  for (const auto& acceptor : acceptors_) acceptor->Watch();
  thread_ = std::thread([this] { Run(); });
}

void TlsAcceptor::Run() {
  // Linux keeps the priority of each thread; what is refused here is only less fair.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNiceness);
  event_loop_.Run();
}

void TlsAcceptor::Stop() {
  if (!thread_.joinable()) return;
  event_loop_.Stop();
  thread_.join();
  for (const auto& acceptor : acceptors_) acceptor->Unwatch();
  under_way_.clear();
}

void TlsAcceptor::Take(net::Socket socket, const net::Address& peer) {
  under_way_.push_back(
      std::make_unique<Handshake>(*this, context_->Accept(std::move(socket)), peer, clock_.Mono()));
  under_way_.back()->set_place(std::prev(under_way_.end()));
  under_way_count_.store(under_way_.size(), std::memory_order_relaxed);
  if (under_way_.size() < handshakes_max_) return;
  for (const auto& acceptor : acceptors_) acceptor->Pause();
}

void TlsAcceptor::Close(Handshake& handshake) {
  handshake.MarkClosed();
  closed_.splice(closed_.end(), under_way_, handshake.place());
  under_way_count_.store(under_way_.size(), std::memory_order_relaxed);
  for (const auto& acceptor : acceptors_) acceptor->Resume();
}

void TlsAcceptor::CloseOverdue() {
  const MonoTime now = clock_.Mono();
  while (!under_way_.empty()) {
    const bool full = under_way_.size() >= handshakes_max_;
    const auto allowed = full ? kHandshakeTimeoutWhenFull : kHandshakeTimeout;
    Handshake& oldest = *under_way_.front();
    if (now - oldest.began() <= allowed) return;
    counts_.timed_out.Add(1);
    Close(oldest);
    oldest.CloseStream();
  }
}

void TlsAcceptor::OnTick() {
  CloseOverdue();
  if (under_way_.size() < handshakes_max_) {
    for (const auto& acceptor : acceptors_) acceptor->Resume();  // It may have lacked descriptors.
  }
  if (++ticks_ % kTicksBetweenFileChecks != 0) return;
  std::string refusal;
  switch (context_->ReloadIfChanged(&refusal)) {
    case net::TlsContext::Reloaded::kUnchanged:
      return;
    case net::TlsContext::Reloaded::kDone:
      return reloaded_(Ok{});
    case net::TlsContext::Reloaded::kRefused:
      return reloaded_(Error{ErrorCode::kInvalid, refusal});
  }
}

bool TlsAcceptor::OnRoundEnd(bool) {
  closed_.clear();
  return false;
}

}  // namespace weir::server
