// PeerConnection: the socket of one PeerLink: it does what the link asks for, and ends the requests
// that the link has ended.
//
// One wake-up is one receive, and sends what the link has for the peer. All links of a loop share
// the room that is received into.
// Threads: single-owner: the thread of its loop.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "weir/base/time.h"
#include "weir/gateway/home.h"
#include "weir/gateway/peers.h"
#include "weir/net/address.h"
#include "weir/net/event_loop.h"
#include "weir/net/socket.h"
#include "weir/nodes/peer_link.h"

namespace weir::server {

class PeerConnection final : public net::EventLoop::Watcher {
 public:
  // System calls to send by in one turn; each takes PeerLink::kPiecesMax requests.
  static constexpr int kSendsMax = 16;

  struct Options {
    net::Address address;
    nodes::PeerLink::Limits limits;
    std::function<nodes::PeerAsker()> asker;  // Makes one for each connection.
    std::function<MonoTime()> now;
    std::function<void(gateway::Completions)> deliver;  // To the home, without delay.
    std::span<char> room;                               // To receive into; borrowed.
  };

  // Borrows the loop and the circuit.
  PeerConnection(net::EventLoop& loop, nodes::PeerCircuit& circuit, Options options);
  ~PeerConnection() override;

  // Takes a request; Act does the rest.
  void Send(std::shared_ptr<gateway::Forward> forward, MonoTime now);
  // Connects, sends, closes and delivers as the link has it now.
  void Act(MonoTime now);
  void OnTime(MonoTime now);
  void OnReady(bool readable, bool writable) override;

  // Nothing is under way, so it may go: it is not the one that finds out whether the peer is back.
  bool idle() const { return link_.idle() && !link_.connecting(); }
  // When it was last asked for something.
  MonoTime used_at() const { return used_at_; }

 private:
  void Connect(MonoTime now);
  void EndConnecting(MonoTime now);
  void Close(MonoTime now);
  void SendSome(MonoTime now);
  void Deliver();
  void UpdateInterest();

  net::EventLoop& loop_;
  const Options options_;
  nodes::PeerLink link_;
  net::Socket socket_;
  bool connected_ = false;
  bool watching_write_ = false;
  bool may_send_ = false;  // The socket took all it was given, or is writable again.
  MonoTime used_at_;
  uint64_t next_ticket_ = 1;
  std::unordered_map<uint64_t, std::shared_ptr<gateway::Forward>> forwards_;  // By ticket.
};

}  // namespace weir::server
