#include "weir/ring/node_set.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace weir::ring {
namespace {

Error Invalid(NodeId id, std::string_view what) {
  std::string message = "node " + std::to_string(static_cast<unsigned>(id)) + " ";
  return {ErrorCode::kInvalid, message.append(what)};
}

Error TooHeavy(NodeId id) {
  return Invalid(id, "is too heavy; the greatest weight is " + std::to_string(kMaxWeight));
}

}  // namespace

Result<Ok> NodeSet::Add(Node node) {
  if (node.id == kNoNode) return Invalid(node.id, "cannot be: the id means no node");
  if (node.weight > kMaxWeight) return TooHeavy(node.id);
  const auto at = std::ranges::lower_bound(nodes_, node.id, {}, &Node::id);
  if (at != nodes_.end() && at->id == node.id) return Invalid(node.id, "is already there");
  if (nodes_.size() == kMaxNodes) {
    return Error{ErrorCode::kOverloaded,
                 "there can be at most " + std::to_string(kMaxNodes) + " nodes"};
  }
  nodes_.insert(at, node);
  return Ok{};
}

Result<Ok> NodeSet::Remove(NodeId id) {
  const auto erased = std::erase_if(nodes_, [id](const Node& node) { return node.id == id; });
  if (erased == 0) return Invalid(id, "is unknown");
  return Ok{};
}

Result<Ok> NodeSet::Reweigh(NodeId id, uint32_t weight) {
  if (weight > kMaxWeight) return TooHeavy(id);
  const auto at = std::ranges::find(nodes_, id, &Node::id);
  if (at == nodes_.end()) return Invalid(id, "is unknown");
  at->weight = weight;
  return Ok{};
}

const Node* NodeSet::Find(NodeId id) const {
  const auto at = std::ranges::lower_bound(nodes_, id, {}, &Node::id);
  return at != nodes_.end() && at->id == id ? &*at : nullptr;
}

uint64_t NodeSet::TotalWeight() const {
  uint64_t total = 0;
  for (const Node& node : nodes_) total += node.weight;
  return total;
}

}  // namespace weir::ring
