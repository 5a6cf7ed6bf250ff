#include "cmd/weir/node_agreement.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weir::cmd {
namespace {

constexpr std::string_view kSame =
    "; write the same [[node]] sections for all nodes, or stop the one that is wrong";

// What is told of who cannot be held against the list.
std::string NotKnown(const std::string& who, const std::string& why) {
  return who + " has not said whether it has this list, and is asked again until it has: " + why;
}

// And of this node, when nobody is at its address.
std::string NotFound(const std::string& who, const std::string& why) {
  return who +
         " is this one, and cannot be found there, where clients are sent; it is asked again: " +
         why;
}

}  // namespace

NodeAgreement::NodeAgreement(const nodes::NodeTable& table, std::string run_id)
    : table_(table), run_id_(std::move(run_id)), known_(table.nodes().size()) {
  for (size_t i = 0; i < known_.size(); ++i) {
    if (run_id_.empty() && IsSelf(table.nodes()[i])) known_[i].state = State::kAgrees;
  }
}

bool NodeAgreement::IsSelf(const nodes::Node& node) const {
  return node.id == table_.node(table_.self()).id;
}

std::vector<nodes::Node> NodeAgreement::Asked() const {
  std::vector<nodes::Node> asked;
  for (const nodes::Node& node : table_.nodes()) {
    if (!run_id_.empty() || !IsSelf(node)) asked.push_back(node);
  }
  return asked;
}

NodeAgreement::Verdict NodeAgreement::Judge(const nodes::Node& node,
                                            const Result<resp::Value>& answer) const {
  using Kind = resp::Value::Kind;
  const std::string who = "node '" + node.id + "' at " + node.address();
  const auto differs = [&who](const std::string& how) {
    return Verdict{State::kDiffers, News::Level::kError, who + how};
  };
  const auto unknown = [&](const std::string& why) {
    return Verdict{State::kUnknown, News::Level::kWarning,
                   IsSelf(node) ? NotFound(who, why) : NotKnown(who, why)};
  };
  if (!answer.ok()) return unknown(answer.error().message);
  const resp::Value& value = answer.value();
  if (value.kind == Kind::kNull) {
    return differs(" runs without [[node]] sections, and serves all slots" + std::string(kSame));
  }
  if (value.kind == Kind::kError) return unknown(value.text);
  if (value.kind != Kind::kArray || value.items.size() != 4) {
    return unknown("what it answers is no reply to the question");
  }
  if (value.items[0].text != node.id) {
    return differs(" says that it is '" + value.items[0].text +
                   "'; mend the addresses of the [[node]] sections");
  }
  if (IsSelf(node) && value.items[3].text != run_id_) {
    return differs(" is another process than this one; a node is one process with its own data");
  }
  if (value.items[1].text != table_.placement_digest()) {
    return differs(" has a list with other ids or weights, or data laid out by another one" +
                   std::string(kSame));
  }
  if (value.items[2].text != table_.digest()) {
    return {State::kAgrees, News::Level::kWarning, who + " has a list with other addresses"};
  }
  return {State::kAgrees, News::Level::kInfo, who + " has the same list"};
}

std::optional<NodeAgreement::News> NodeAgreement::Take(const nodes::Node& node,
                                                       const Result<resp::Value>& answer) {
  const auto found = std::ranges::find(table_.nodes(), node.id, &nodes::Node::id);
  assert(found != table_.nodes().end());
  Known& known = known_[static_cast<size_t>(found - table_.nodes().begin())];
  Verdict verdict = Judge(node, answer);
  // What a node said holds until it says otherwise: it may be busy, or start anew.
  if (verdict.state == State::kUnknown && known.state != State::kUnknown) return std::nullopt;
  known.state = verdict.state;
  const bool expected = known.told.empty() && verdict.level == News::Level::kInfo;
  if (expected || known.told == verdict.text) return std::nullopt;
  known.told = verdict.text;
  return News{verdict.level, std::move(verdict.text)};
}

NodeAgreement::Counts NodeAgreement::counts() const {
  const auto count = [this](State state) {
    return static_cast<size_t>(std::ranges::count(known_, state, &Known::state));
  };
  return {.unknown = count(State::kUnknown), .differing = count(State::kDiffers)};
}

}  // namespace weir::cmd
