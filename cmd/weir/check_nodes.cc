#include "cmd/weir/check_nodes.h"

#include <algorithm>
#include <set>
#include <string>

#include "cmd/weir/values.h"

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

}  // namespace

void CheckNodes(const Config& config, Origins& origins) {
  CheckSelf(config, origins);
  WarnOfLoopback(config, origins);
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
  if (config.nodes.empty() || !config.server.node.empty()) return;
  origins.AddError(Place{"server", 0, "node"},
                   "is needed where there are [[node]] sections; say which of them this is (" +
                       IdsOf(config.nodes) + "), here or by --node");
}

}  // namespace weir::cmd
