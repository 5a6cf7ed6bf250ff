// HashRing: a consistent hash with virtual nodes; names the node, or the first few, for a hash.
//
// Every node puts weight * points_per_weight points on the circle of 64-bit hashes; a key is served
// by the node of the first point at or after its hash. A node's points depend on nothing but the
// node, so a change moves only the keys it must: those of the node that leaves or shrinks, and
// those that a new or grown node takes.
//
//   HashRing ring;
//   ring.Add({.id = NodeId{1}});          // and so on
//   NodeId node = ring.Owner(StableHash(key));
//
// When not to use: where loads must be even. A share deviates by about 1/sqrt(points of the node),
// 8 % at 150 points, and the fullest of 10 nodes is 10 to 25 % above the mean; SlotTable is even by
// construction, and BoundedRing holds each node to its share of what is under way. A HashRing needs
// no state but its members: it suits clients that agree on nothing else.
//
// Deterministic: the owner is a function of the nodes, their weights and the options alone, the
// same on every machine, in every release and for every order of changes (golden test).
//
// Threads: thread-compatible; build a new HashRing beside the old one and swap a pointer.
// Source: Karger et al., "Consistent hashing and random trees", STOC 1997; differs: weights are
// numbers of points, points with equal hashes are both kept and the lower node id comes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "weir/base/result.h"
#include "weir/ring/node_set.h"

namespace weir::ring {

// The hash of a node's index-th point: xxh3_64 of id and index as two little-endian 32-bit words.
// Fixed widths keep (1, 11) and (11, 1) apart; xxh3_64 is one-to-one on 8 bytes, so no two points
// of this hash are equal.
uint64_t StablePointHash(NodeId node, uint32_t index);

struct HashRingOptions {
  // Points of a node of weight 1; more points, more even shares. Minimum 1, maximum
  // HashRing::kMaxPoints.
  uint32_t points_per_weight = 150;
  // Must be the same function wherever rings are to agree.
  uint64_t (*point_hash)(NodeId node, uint32_t index) = &StablePointHash;
};

// A change that returns an error changes nothing.
class HashRing {
 public:
  static constexpr size_t kMaxPoints = size_t{1} << 20;  // 16 MiB.
  static constexpr size_t kMaxOwners = 16;

  explicit HashRing(HashRingOptions options = {});

  // Errors: those of NodeSet; kOverloaded when the ring would have more than kMaxPoints points.
  // Cost: O(points + p log p), p = points of the node.
  Result<Ok> Add(Node node);
  Result<Ok> Remove(NodeId id);
  Result<Ok> Reweigh(NodeId id, uint32_t weight);

  // Returns the node that serves `key_hash`, or kNoNode when no node has a weight above 0.
  // Requires: key_hash is well spread (StableHash), else the shares are not even.
  // Cost: O(log points), no allocation.
  NodeId Owner(uint64_t key_hash) const;

  // Writes the first distinct nodes met from `key_hash` on, the owner first, and returns how many:
  // out.size(), or all nodes with a weight above 0 when these are fewer. When the owner leaves, the
  // second becomes the owner. Requires: out.size() <= kMaxOwners.
  // Cost: O(log points) and a walk of about out.size() points, longer when weights differ much.
  size_t Owners(uint64_t key_hash, std::span<NodeId> out) const;

  std::span<const Node> nodes() const { return nodes_.nodes(); }
  size_t points() const { return points_.size(); }

 private:
  struct Point {
    uint64_t hash;
    NodeId node;
    uint32_t index;
    auto operator<=>(const Point&) const = default;
  };

  // Makes `nodes`, which differ from the present ones in the node `id` at most, the nodes.
  Result<Ok> Change(NodeSet nodes, NodeId id);
  uint32_t PointsOf(const Node* node) const;
  // Returns the index of the first point at or after `hash` on the circle.
  size_t FirstPoint(uint64_t hash) const;

  HashRingOptions options_;
  NodeSet nodes_;
  std::vector<Point> points_;  // Sorted by hash, then node id.
  size_t serving_nodes_ = 0;   // With a weight, and so a point, of 1 or more.
};

}  // namespace weir::ring
