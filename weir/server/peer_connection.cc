#include "weir/server/peer_connection.h"

#include <array>
#include <utility>

#include "weir/gateway/peer_sessions.h"

namespace weir::server {

using nodes::LinkOutcome;
using nodes::PeerLink;

PeerConnection::PeerConnection(net::EventLoop& loop, nodes::PeerCircuit& circuit, Options options)
    : loop_(loop), options_(std::move(options)), link_(options_.limits, circuit) {}

PeerConnection::~PeerConnection() {
  if (socket_) loop_.Unwatch(socket_.fd());
}

void PeerConnection::Send(std::shared_ptr<gateway::Forward> forward, MonoTime now) {
  used_at_ = now;
  const uint64_t ticket = next_ticket_++;
  const MonoTime deadline = forward->asked().deadline;
  std::string request = gateway::ForwardedRequest(*forward);
  forwards_.emplace(ticket, std::move(forward));
  link_.Send(ticket, std::move(request), deadline, now);
}

void PeerConnection::Act(MonoTime now) {
  for (;;) {
    const PeerLink::Action action = link_.action(now);
    if (action == PeerLink::Action::kConnect) {
      Connect(now);
    } else if (action == PeerLink::Action::kClose) {
      Close(now);
    } else if (connected_ && may_send_ && link_.has_unsent()) {
      SendSome(now);
      if (connected_) break;
    } else {
      break;
    }
  }
  UpdateInterest();
  Deliver();
}

void PeerConnection::OnTime(MonoTime now) {
  link_.OnTime(now);
  Act(now);
}

void PeerConnection::Connect(MonoTime now) {
  link_.OnConnecting(now);
  Result<net::Socket> socket = net::Socket::BeginConnect(options_.address);
  if (!socket.ok()) {
    link_.OnFailed(socket.error().message);
    link_.OnClosed(now);
    return;
  }
  socket_ = std::move(socket).value();
  watching_write_ = true;
  loop_.Watch(socket_.fd(), true, true, this);
}

void PeerConnection::Close(MonoTime now) {
  loop_.Unwatch(socket_.fd());
  socket_ = net::Socket();
  connected_ = false;
  link_.OnClosed(now);
}

// The socket is writable, or broken.
void PeerConnection::EndConnecting(MonoTime now) {
  const Result<Ok> ended = socket_.Connected();
  if (!ended.ok()) {
    link_.OnFailed(ended.error().message);
    return Close(now);
  }
  connected_ = may_send_ = true;
  link_.OnConnected(options_.asker());
}

void PeerConnection::OnReady(bool readable, bool writable) {
  const MonoTime now = options_.now();
  if (!socket_) return;
  if (!connected_) {
    EndConnecting(now);
    return Act(now);
  }
  may_send_ |= writable;
  if (readable) {
    const net::Transfer got = socket_.Receive(options_.room);
    if (got.state == net::Transfer::State::kDone) {
      link_.OnReceived({options_.room.data(), got.bytes}, now);
    } else if (got.state != net::Transfer::State::kWouldBlock) {
      Close(now);
    }
  }
  Act(now);
}

void PeerConnection::SendSome(MonoTime now) {
  for (int i = 0; i < kSendsMax && may_send_ && link_.has_unsent(); ++i) {
    std::array<std::string_view, PeerLink::kPiecesMax> texts;
    std::array<net::Piece, PeerLink::kPiecesMax> pieces;
    static_assert(PeerLink::kPiecesMax <= net::Socket::kPiecesMax);
    const size_t count = link_.Unsent(texts);
    size_t bytes = 0;
    for (size_t j = 0; j < count; ++j) {
      pieces[j] = {texts[j].data(), texts[j].size()};
      bytes += texts[j].size();
    }
    const net::Transfer sent = socket_.Send(std::span(pieces).first(count));
    if (sent.state == net::Transfer::State::kClosed) return Close(now);
    may_send_ = sent.bytes == bytes;
    link_.OnSent(sent.bytes);
  }
}

void PeerConnection::Deliver() {
  if (!link_.has_ended()) return;
  gateway::Completions completions;
  for (PeerLink::Ended& ended : link_.TakeEnded()) {
    const auto found = forwards_.find(ended.ticket);
    std::shared_ptr<gateway::Forward> forward = std::move(found->second);
    forwards_.erase(found);
    if (ended.outcome == LinkOutcome::kAnswered) {
      forward->Answer(std::move(ended.answer));
    } else {
      const bool lost = ended.outcome == LinkOutcome::kLost;
      forward->Fail(lost ? gateway::PeerOutcome::kLost : gateway::PeerOutcome::kNotSent,
                    std::move(ended.why));
    }
    completions.operations.push_back(std::move(forward));
  }
  options_.deliver(std::move(completions));
}

// What it has to send and could not is waited for; what was not tried goes in the next turn.
void PeerConnection::UpdateInterest() {
  if (!socket_) return;
  const bool write = !connected_ || link_.has_unsent();
  if (write == watching_write_) return;
  watching_write_ = write;
  loop_.Change(socket_.fd(), true, write, this);
}

}  // namespace weir::server
