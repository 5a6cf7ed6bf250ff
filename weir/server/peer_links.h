// PeerLinks: the connections of one event loop to the other nodes: one for each node, user and
// protocol that is in use.
//
// A connection that nobody has used for kIdleMax is closed, unless it looks whether its node is
// back. What is known of a node's health is shared by the connections to it.
// Threads: single-owner: the thread of its loop. Limits: kLinksMax.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "weir/base/time.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/peers.h"
#include "weir/net/event_loop.h"
#include "weir/nodes/peer_circuit.h"
#include "weir/server/peer_connection.h"

namespace weir::server {

// Told when requests begin to be refused because a node cannot be reached, with the reason; and,
// with none, when it is back.
using PeerNews = std::function<void(ring::NodeId node, const std::string& problem)>;

class PeerLinks {
 public:
  // One more, and the one that is idle the longest goes; while none is, who needs it is refused.
  static constexpr size_t kLinksMax = 256;
  static constexpr std::chrono::nanoseconds kIdleMax = std::chrono::minutes(1);
  static constexpr size_t kRoomBytes = size_t{64} << 10;

  // Borrows both. Requires: the gateway has nodes, and greets them.
  PeerLinks(net::EventLoop& loop, gateway::Gateway& gateway,
            std::function<void(gateway::Completions)> deliver, PeerNews news);

  // See gateway::Peers.
  void Send(std::vector<std::shared_ptr<gateway::Forward>> forwards);
  // To be called ten times a second.
  void OnTick(MonoTime now);

  size_t size() const { return links_.size(); }

 private:
  // Node, user, protocol.
  using Key = std::tuple<ring::NodeId, std::string, resp::Protocol>;

  struct Peer {
    nodes::PeerCircuit circuit;
    bool told_down = false;
  };

  PeerConnection* Find(const gateway::Forward::Asked& asked);
  std::unique_ptr<PeerConnection> Make(const Key& key);
  bool MakeRoom();
  nodes::PeerAsker MakeAsker(const Key& key);

  net::EventLoop& loop_;
  gateway::Gateway& gateway_;
  const std::function<void(gateway::Completions)> deliver_;
  const PeerNews news_;
  std::array<char, kRoomBytes> room_;
  std::map<ring::NodeId, Peer> peers_;
  std::map<Key, std::unique_ptr<PeerConnection>> links_;
};

}  // namespace weir::server
