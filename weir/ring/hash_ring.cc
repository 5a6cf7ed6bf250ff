#include "weir/ring/hash_ring.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "weir/base/key_hash.h"

namespace weir::ring {

uint64_t StablePointHash(NodeId node, uint32_t index) {
  std::array<char, 8> label{};
  for (unsigned byte = 0; byte < 4; ++byte) {
    label[byte] = static_cast<char>(static_cast<uint32_t>(node) >> (8 * byte));
    label[byte + 4] = static_cast<char>(index >> (8 * byte));
  }
  return StableHash(std::string_view(label.data(), label.size()));
}

HashRing::HashRing(HashRingOptions options) : options_(options) {
  assert(options.points_per_weight >= 1);
  assert(options.points_per_weight <= kMaxPoints);
  assert(options.point_hash != nullptr);
}

Result<Ok> HashRing::Add(Node node) {
  NodeSet nodes = nodes_;
  if (Result<Ok> added = nodes.Add(node); !added) return added;
  return Change(std::move(nodes), node.id);
}

Result<Ok> HashRing::Remove(NodeId id) {
  NodeSet nodes = nodes_;
  if (Result<Ok> removed = nodes.Remove(id); !removed) return removed;
  return Change(std::move(nodes), id);
}

Result<Ok> HashRing::Reweigh(NodeId id, uint32_t weight) {
  NodeSet nodes = nodes_;
  if (Result<Ok> reweighed = nodes.Reweigh(id, weight); !reweighed) return reweighed;
  return Change(std::move(nodes), id);
}

NodeId HashRing::Owner(uint64_t key_hash) const {
  return points_.empty() ? kNoNode : points_[FirstPoint(key_hash)].node;
}

size_t HashRing::Owners(uint64_t key_hash, std::span<NodeId> out) const {
  assert(out.size() <= kMaxOwners);
  const size_t wanted = std::min(out.size(), serving_nodes_);
  size_t found = 0;
  // Ends within one round: every serving node has a point.
  for (size_t at = FirstPoint(key_hash); found < wanted; ++at) {
    const NodeId node = points_[at % points_.size()].node;
    const std::span<NodeId> seen = out.first(found);
    if (std::ranges::find(seen, node) == seen.end()) out[found++] = node;
  }
  return found;
}

Result<Ok> HashRing::Change(NodeSet nodes, NodeId id) {
  if (nodes.TotalWeight() * options_.points_per_weight > kMaxPoints) {
    return Error{ErrorCode::kOverloaded, "the ring would have more than " +
                                             std::to_string(kMaxPoints) +
                                             " points; lower the weights or points_per_weight"};
  }
  const uint32_t before = PointsOf(nodes_.Find(id));
  const uint32_t after = PointsOf(nodes.Find(id));
  nodes_ = std::move(nodes);
  serving_nodes_ = static_cast<size_t>(
      std::ranges::count_if(nodes_.nodes(), [](const Node& node) { return node.weight > 0; }));
  if (after < before) {
    std::erase_if(points_, [=](const Point& p) { return p.node == id && p.index >= after; });
    return Ok{};
  }
  const auto old_end = static_cast<std::ptrdiff_t>(points_.size());
  for (uint32_t index = before; index < after; ++index) {
    points_.push_back({options_.point_hash(id, index), id, index});
  }
  std::sort(points_.begin() + old_end, points_.end());
  std::inplace_merge(points_.begin(), points_.begin() + old_end, points_.end());
  return Ok{};
}

uint32_t HashRing::PointsOf(const Node* node) const {
  return node == nullptr ? 0 : node->weight * options_.points_per_weight;
}

size_t HashRing::FirstPoint(uint64_t hash) const {
  // A binary search whose steps are additions, not jumps: half of its jumps would be mispredicted.
  size_t before = 0;  // All points up to here lie before `hash`.
  for (size_t left = points_.size(); left > 0;) {
    const size_t half = (left + 1) / 2;
    before += points_[before + half - 1].hash < hash ? half : 0;
    left -= half;
  }
  return before == points_.size() ? 0 : before;
}

}  // namespace weir::ring
