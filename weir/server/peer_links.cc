#include "weir/server/peer_links.h"

#include <algorithm>
#include <utility>

#include "weir/net/address.h"
#include "weir/nodes/node_table.h"

namespace weir::server {
namespace {

net::Address AddressOf(const nodes::Node& node) {
  const bool v6 = node.ip.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + node.ip + "]" : node.ip;
  return net::ParseAddress(host + ":" + std::to_string(node.port)).value();
}

}  // namespace

PeerLinks::PeerLinks(net::EventLoop& loop, gateway::Gateway& gateway,
                     std::function<void(gateway::Completions)> deliver, PeerNews news)
    : loop_(loop), gateway_(gateway), deliver_(std::move(deliver)), news_(std::move(news)) {}

void PeerLinks::Send(std::vector<std::shared_ptr<gateway::Forward>> forwards) {
  const MonoTime now = gateway_.clock().Mono();
  std::vector<PeerConnection*> used;
  gateway::Completions refused;
  for (std::shared_ptr<gateway::Forward>& forward : forwards) {
    PeerConnection* const link = Find(forward->asked());
    if (link == nullptr) {
      forward->Fail(gateway::PeerOutcome::kNotSent, "too many users need a connection to it");
      refused.operations.push_back(std::move(forward));
      continue;
    }
    link->Send(std::move(forward), now);
    if (std::ranges::find(used, link) == used.end()) used.push_back(link);
  }
  for (PeerConnection* const link : used) link->Act(now);
  if (refused.size() > 0) deliver_(std::move(refused));
}

PeerConnection* PeerLinks::Find(const gateway::Forward::Asked& asked) {
  const Key key{asked.to, asked.user, asked.protocol};
  const auto found = links_.find(key);
  if (found != links_.end()) return found->second.get();
  if (links_.size() >= kLinksMax && !MakeRoom()) return nullptr;
  return links_.emplace(key, Make(key)).first->second.get();
}

// Returns whether there is room for one more.
bool PeerLinks::MakeRoom() {
  auto oldest = links_.end();
  for (auto each = links_.begin(); each != links_.end(); ++each) {
    if (!each->second->idle()) continue;
    if (oldest == links_.end() || each->second->used_at() < oldest->second->used_at()) {
      oldest = each;
    }
  }
  if (oldest == links_.end()) return false;
  links_.erase(oldest);
  return true;
}

std::unique_ptr<PeerConnection> PeerLinks::Make(const Key& key) {
  const ring::NodeId to = std::get<ring::NodeId>(key);
  PeerConnection::Options options;
  options.address = AddressOf(gateway_.nodes()->node(to));
  options.asker = [this, key] { return MakeAsker(key); };
  options.now = [this] { return gateway_.clock().Mono(); };
  options.deliver = deliver_;
  options.room = room_;
  return std::make_unique<PeerConnection>(loop_, peers_[to].circuit, std::move(options));
}

nodes::PeerAsker PeerLinks::MakeAsker(const Key& key) {
  const auto& [to, user, protocol] = key;
  const nodes::NodeTable& table = *gateway_.nodes();
  gateway::PeerSessions& sessions = gateway_.peer_sessions();
  const nodes::PeerTerms terms{.asker = table.node(table.self()).id,
                               .answerer = table.node(to).id,
                               .placement_digest = table.placement_digest(),
                               .asker_nonce = "",
                               .answerer_nonce = "",
                               .protocol = protocol == resp::Protocol::kResp3 ? "3" : "2",
                               .user = user};
  return nodes::PeerAsker(sessions.secret(), terms, sessions.NewNonce());
}

void PeerLinks::OnTick(MonoTime now) {
  for (const auto& [key, link] : links_) link->OnTime(now);
  for (auto& [number, peer] : peers_) {
    const bool down = !peer.circuit.closed();
    if (std::exchange(peer.told_down, down) == down) continue;
    news_(number, down ? peer.circuit.problem() : "");
  }
  std::erase_if(links_, [this, now](const auto& each) {
    // Those to a node that is down go on looking whether it is back.
    const bool closed = peers_[std::get<ring::NodeId>(each.first)].circuit.closed();
    return closed && each.second->idle() && now - each.second->used_at() > kIdleMax;
  });
}

}  // namespace weir::server
