// The options of [[node]], and which of the nodes this process is.
#include <utility>

#include "cmd/weir/declare.h"

#include "weir/ring/node_set.h"

namespace weir::cmd {

void DeclareNodes(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(&ServerConfig::node,
              {.key = "node",
               .doc = "Which `[[node]]` this process is; a key that another one serves is answered "
                      "`MOVED`, to every client. docs/nodes.md tells more.",
               .default_words = "none: there is no list, and this process serves everything"}));
  add(Declare(&NodeConfig::id,
              {.key = "id",
               .doc = "Name of the node for its life: 1 to 64 letters, digits and `_ . : / -`, "
                      "used once.",
               .required = true}));
  add(Declare(&NodeConfig::address,
              {.key = "address",
               .doc = "Where clients find the node; what it listens on unless `listen` or "
                      "`tls_listen` says otherwise.",
               .required = true}));
  add(Declare(&NodeConfig::weight,
              {.key = "weight",
               .doc = "Its share of the slots is its weight's share of all weights; 0: none.",
               .least = 0,
               .most = int64_t{ring::kMaxWeight}}));
}

}  // namespace weir::cmd
