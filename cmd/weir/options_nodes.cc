// The options of [[node]], and which of the nodes this process is.
#include <utility>

#include "cmd/weir/declare.h"

#include "weir/ring/node_set.h"

namespace weir::cmd {

void DeclareNodes(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(&ServerConfig::node,
              {.key = "node",
               .doc = "Which `[[node]]` this process is; docs/nodes.md tells more.",
               .default_words = "none: there is no list, and this process serves everything"}));
  add(Declare(&ServerConfig::redirect,
              {.key = "redirect",
               .doc = "Which clients are answered `MOVED` when another `[[node]]` serves a key: "
                      "all, none, or those that speak Redis Cluster's protocol. For the others it "
                      "is asked, and answers."}));
  add(Declare(&ServerConfig::peer_timeout,
              {.key = "peer_timeout",
               .doc = "Time that another `[[node]]` has to answer what is forwarded there.",
               .least = std::chrono::milliseconds(10),
               .most = std::chrono::hours(1)}));
  add(Declare(&ServerConfig::peer_secret,
              {.key = "peer_secret",
               .doc = "What nodes prove to each other before one forwards to another; 16 bytes or "
                      "more, the same on all. Not as a flag, which everybody on the machine sees.",
               .default_words = "none; needed where there are several nodes, unless all are of one "
                                "machine and there are no users"}));
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
