// PeerRig: one node of two, n1 and n2, as a server with a gateway; and who greets it by hand.
//
// For tests only; the including test opens the store.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/clock.h"
#include "weir/base/key_hash.h"
#include "weir/nodes/node_table.h"
#include "weir/nodes/peer_greeting.h"
#include "weir/server/server.h"
#include "weir/server/test_client.h"
#include "weir/store/store.h"

namespace weir::server {

constexpr char kPeerSecret[] = "0123456789abcdef";

inline nodes::NodeTable TwoNodes(std::string_view self, uint16_t port_of_n2 = 7002) {
  return nodes::NodeTable::FirstPlacement(
      {{"n1", "127.0.0.1", 7001, 1}, {"n2", "127.0.0.1", port_of_n2, 1}}, self);
}

class NodeServer {
 public:
  struct Options {
    std::shared_ptr<const users::Users> users = std::make_shared<const users::Users>();
    std::vector<limit::Policy> policies;
    std::string secret = kPeerSecret;
    uint16_t port = 0;
  };
  NodeServer(nodes::NodeTable table, std::unique_ptr<store::Store> store, Options options)
      : table_(std::make_shared<const nodes::NodeTable>(std::move(table))) {
    gateway::Gateway::Options made;
    made.placement.hash_seed = 3;
    made.placement.ranges = shard::RangeMap::Even(1).value();
    made.placement.shards.push_back({0, 0});
    made.nodes = table_;
    made.peers = {.secret = options.secret, .key = {}};
    made.authentication.users = options.users;
    made.admission.policies = std::move(options.policies);
    std::vector<std::unique_ptr<store::Store>> stores;
    stores.push_back(std::move(store));
    gateway_ = gateway::Gateway::Create(std::move(made), std::move(stores), clock_).value();
    Server::Options server;
    server.listen = {net::ParseAddress("127.0.0.1:" + std::to_string(options.port)).value()};
    server.threads = 2;
    server_ = std::make_unique<Server>(*gateway_, server);
    address_ = server_->Start().value().front();
  }
  ~NodeServer() {
    server_->Stop();
    gateway_.reset();
  }

  const net::Address& address() const { return address_; }
  gateway::Gateway& gateway() { return *gateway_; }
  const nodes::NodeTable& table() const { return *table_; }
  // A key that this node serves.
  std::string OwnKey(int i = 0) const { return KeyOf(table_->self(), i); }
  std::string OthersKey() const {
    return KeyOf(table_->self() == ring::NodeId{0} ? ring::NodeId{1} : ring::NodeId{0}, 0);
  }

 private:
  std::string KeyOf(ring::NodeId node, int i) const {
    for (int n = 0;; ++n) {
      std::string key = "key" + std::to_string(i) + "-" + std::to_string(n);
      if (table_->Owner(TagSlot(KeyTag(key))) == node) return key;
    }
  }

  SystemClock clock_;
  std::shared_ptr<const nodes::NodeTable> table_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<Server> server_;
  net::Address address_;
};

// n1, as n2 sees it.
class RawPeer {
 public:
  RawPeer(const NodeServer& to, std::string user = "", std::string secret = kPeerSecret,
          std::string protocol = "2")
      : client_(to.address()),
        asker_(std::move(secret),
               {.asker = "n1",
                .answerer = "n2",
                .placement_digest = to.table().placement_digest(),
                .asker_nonce = "",
                .answerer_nonce = "",
                .protocol = std::move(protocol),
                .user = std::move(user)},
               nodes::PeerNonce{1}) {}

  // Returns "" when both sides are content, or what is wrong.
  std::string Greet() {
    std::string next = asker_.Hello();
    while (!next.empty()) {
      said_.push_back(next);
      client_.SendBytes(next);
      resp::Value answer;
      if (!client_.Receive(&answer)) return "(closed)";
      Result<std::string> taken = asker_.Take(answer);
      if (!taken.ok()) return taken.error().message;
      next = std::move(taken).value();
    }
    return "";
  }
  static std::vector<std::string> Wrap(const std::vector<std::string>& words) {
    std::string client(16, '\0');
    client[10] = client[11] = '\xff';
    client[12] = 10;  // 10.0.0.0
    std::vector<std::string> wrapped = {"WEIR.FORWARDED", client};
    wrapped.insert(wrapped.end(), words.begin(), words.end());
    return wrapped;
  }
  std::string Do(const std::vector<std::string>& words) { return client_.Do(Wrap(words)); }
  TestClient& client() { return client_; }
  // The messages of the greeting that it has sent.
  const std::vector<std::string>& said() const { return said_; }

 private:
  TestClient client_;
  nodes::PeerAsker asker_;
  std::vector<std::string> said_;
};

}  // namespace weir::server
