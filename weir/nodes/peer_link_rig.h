// For tests: what both ends of a PeerLink need to be greeted, and requests that can be told apart.
#pragma once

#include <string>
#include <string_view>

#include "weir/nodes/node_table.h"
#include "weir/nodes/peer_greeting.h"
#include "weir/resp/reader.h"

namespace weir::nodes {

// The node that answers, up to the point where its peer has proven itself.
class GreetingPeer {
 public:
  static constexpr char kSecret[] = "0123456789abcdef";

  static NodeTable TableOf(std::string_view self) {
    return NodeTable::FirstPlacement({{"n1", "127.0.0.1", 7001, 1}, {"n2", "127.0.0.1", 7002, 1}},
                                     self);
  }
  PeerAsker MakeAsker(std::string secret = kSecret) const {
    const PeerTerms terms{.asker = "n1",
                          .answerer = "n2",
                          .placement_digest = table_.placement_digest(),
                          .asker_nonce = "",
                          .answerer_nonce = "",
                          .protocol = "2",
                          .user = ""};
    return PeerAsker(std::move(secret), terms, PeerNonce{1});
  }

  // Takes one request of the greeting, whole, and returns the answer.
  std::string Answer(std::string_view request) {
    resp::Reader reader;
    resp::Value value;
    if (reader.Next(&request, &value) != resp::ReadResult::kValue) return "-ERR\r\n";
    const auto word = [&value](size_t i) { return std::string_view(value.items[i].text); };
    const bool hello = word(1) == "HELLO";
    const Result<std::string> answer =
        hello ? answerer_.Take(PeerAnswerer::Hello{word(2), word(3), word(4), word(5)})
              : answerer_.Take(PeerAnswerer::Proof{word(2), word(3), word(4)});
    if (!answer.ok()) return "-ERR " + answer.error().message + "\r\n";
    if (!hello) greeted_ = true;
    return (hello ? "*2\r\n$2\r\nn2\r\n$64\r\n" : "$64\r\n") + answer.value() + "\r\n";
  }
  bool greeted() const { return greeted_; }

 private:
  NodeTable table_ = TableOf("n2");
  PeerAnswerer answerer_{kSecret, table_, PeerNonce{2}};
  bool greeted_ = false;
};

}  // namespace weir::nodes
