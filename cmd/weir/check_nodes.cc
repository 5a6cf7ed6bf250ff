#include "cmd/weir/check_nodes.h"

#include <algorithm>
#include <set>
#include <string>

#include "cmd/weir/values.h"

#include "weir/nodes/peer_greeting.h"

namespace weir::cmd {
namespace {

std::string IdsOf(const std::vector<NodeConfig>& nodes) {
  std::string text;
  for (const NodeConfig& node : nodes) text += (text.empty() ? "" : ", ") + node.id;
  return text;
}

void CheckSelf(const Config& config, Origins& origins) {
  const Place place{"server", 0, "node"};
  const std::string& self = config.server.node;
  if (self.empty()) return;
  if (config.nodes.empty()) {
    origins.AddError(place, "'" + self + "' is of no list; name the nodes in [[node]] sections");
  } else if (std::ranges::find(config.nodes, self, &NodeConfig::id) == config.nodes.end()) {
    origins.AddError(place, "'" + self + "' is none of the [[node]] sections (" +
                                IdsOf(config.nodes) + "); name one of them");
  }
}

// On other machines an address of this one alone leads back to whoever asks.
void WarnOfLoopback(const Config& config, Origins& origins) {
  const auto is_loopback = [](const NodeConfig& node) { return IsLoopback(node.address); };
  if (std::ranges::all_of(config.nodes, is_loopback)) return;
  for (size_t i = 0; i < config.nodes.size(); ++i) {
    if (!is_loopback(config.nodes[i])) continue;
    origins.AddWarning(Place{"node", i, "address"},
                       "'" + ShowValue(config.nodes[i].address) +
                           "' is found on its own machine alone, and other nodes are elsewhere");
  }
}

const Place kPeerSecret{"server", 0, "peer_secret"};
constexpr std::string_view kSecretAdvice =
    "; write the same on all nodes, such as `openssl rand -hex 32` prints";

void CheckPeerSecret(const Config& config, Origins& origins) {
  const std::string& secret = config.server.peer_secret;
  if (secret.empty() || secret.size() >= nodes::kPeerSecretBytesMin) return;
  origins.AddError(kPeerSecret, "is shorter than " + std::to_string(nodes::kPeerSecretBytesMin) +
                                    " bytes and could be guessed" + std::string(kSecretAdvice));
}

// Whoever has the secret may act for every user, so without one all who reach a node must be who
// may everything anyway.
void RequirePeerSecret(const Config& config, Origins& origins) {
  if (!config.server.peer_secret.empty() || config.nodes.size() < 2) return;
  const bool of_one_machine = std::ranges::all_of(
      config.nodes, [](const NodeConfig& node) { return IsLoopback(node.address); });
  if (!of_one_machine) {
    origins.AddError(kPeerSecret,
                     "is needed where nodes are on other machines" + std::string(kSecretAdvice));
  } else if (!config.users.empty()) {
    origins.AddError(kPeerSecret,
                     "is needed where there are nodes and users" + std::string(kSecretAdvice));
  }
}

// Nodes connect to each other without TLS.
void WarnOfTls(const Config& config, Origins& origins) {
  const auto self = std::ranges::find(config.nodes, config.server.node, &NodeConfig::id);
  if (self == config.nodes.end() || config.nodes.size() < 2) return;
  const auto listens = [&self](const std::vector<Endpoint>& endpoints) {
    return std::ranges::find(endpoints, self->address) != endpoints.end();
  };
  if (!listens(config.server.tls_listen)) return;
  origins.AddWarning(Place{"server", 0, "tls_listen"},
                     "'" + ShowValue(self->address) +
                         "' is where other nodes find this one, and nodes cannot forward over TLS "
                         "yet: they answer CLUSTERDOWN to plain clients that ask for its keys");
}

}  // namespace

void CheckNodes(const Config& config, Origins& origins) {
  CheckSelf(config, origins);
  WarnOfLoopback(config, origins);
  CheckPeerSecret(config, origins);
  WarnOfTls(config, origins);
  std::set<Endpoint> addresses;
  bool weighs = config.nodes.empty();
  for (size_t i = 0; i < config.nodes.size(); ++i) {
    const NodeConfig& node = config.nodes[i];
    const Place address{"node", i, "address"};
    weighs |= node.weight > 0;
    if (node.address.port == 0) {
      origins.AddError(address, "'" + ShowValue(node.address) +
                                    "' names no port; clients must be told where the node is");
    } else if (IsEveryAddress(node.address)) {
      origins.AddError(address, "'" + ShowValue(node.address) +
                                    "' is every address of a machine; write the one that clients "
                                    "use, and --listen " +
                                    ShowValue(node.address));
    } else if (!addresses.insert(node.address).second) {
      origins.AddError(
          address, "'" + ShowValue(node.address) + "' is that of another node; each has its own");
    }
  }
  if (!weighs) {
    origins.AddError(Place{"node", 0, "weight"},
                     "all nodes have weight 0, and nobody would serve anything; give one a weight");
  }
}

void CheckServes(const Config& config, Origins& origins) {
  RequirePeerSecret(config, origins);
  if (config.nodes.empty() || !config.server.node.empty()) return;
  origins.AddError(Place{"server", 0, "node"},
                   "is needed where there are [[node]] sections; say which of them this is (" +
                       IdsOf(config.nodes) + "), here or by --node");
}

}  // namespace weir::cmd
