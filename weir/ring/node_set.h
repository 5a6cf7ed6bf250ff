// NodeSet: the nodes that share the work, by id, each with a weight.
//
// An id is given to a node by whoever runs the cluster and stays with it for its life: names,
// addresses and the order of a list may change, placement must not. HashRing and SlotTable both
// build on it. When not to use: as a registry of addresses; keep those in a map from NodeId.
// Threads: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "weir/base/result.h"

namespace weir::ring {

enum class NodeId : uint16_t {};

// Names the absence of a node; never a node's id.
inline constexpr NodeId kNoNode{0xffff};

inline constexpr size_t kMaxNodes = 1024;
inline constexpr uint32_t kMaxWeight = 1000;

struct Node {
  NodeId id = kNoNode;
  // The node's part of the work is weight / (sum of weights); 0 = known, but given nothing.
  // At most kMaxWeight.
  uint32_t weight = 1;

  bool operator==(const Node&) const = default;
};

// A change that returns an error changes nothing.
class NodeSet {
 public:
  // Errors: kInvalid (id is kNoNode or taken, weight above kMaxWeight), kOverloaded (kMaxNodes).
  // Cost: O(nodes), as for every change.
  Result<Ok> Add(Node node);

  // Errors: kInvalid (unknown id).
  Result<Ok> Remove(NodeId id);

  // Errors: kInvalid (unknown id, weight above kMaxWeight).
  Result<Ok> Reweigh(NodeId id, uint32_t weight);

  // Returns the node, or nullptr when there is none; valid until the next change.
  // Cost: O(log nodes).
  const Node* Find(NodeId id) const;

  // In ascending order of id; valid until the next change.
  std::span<const Node> nodes() const { return nodes_; }

  uint64_t TotalWeight() const;

  bool operator==(const NodeSet&) const = default;

 private:
  std::vector<Node> nodes_;
};

}  // namespace weir::ring
