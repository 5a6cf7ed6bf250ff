#include "weir/ring/slot_table.h"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

namespace weir::ring {
namespace {

// Slots of each node, in the order of NodeSet::nodes().
using Counts = std::vector<uint32_t>;

// Returns how many slots each node is to hold. Every node gets the floor of its share. The slots
// left over by rounding go, one each, to nodes with a fraction: first to those that hold more than
// their floor, because each such slot is one that need not move; this makes the total least.
Counts Quotas(std::span<const Node> nodes, uint64_t total_weight, const Counts& held) {
  Counts quotas(nodes.size(), 0);
  if (total_weight == 0) return quotas;
  struct Candidate {
    bool keeps;
    uint64_t fraction;  // In units of 1 / total_weight.
    size_t index;
  };
  std::vector<Candidate> candidates;
  uint32_t left = kSlotCount;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const uint64_t share = uint64_t{kSlotCount} * nodes[i].weight;
    const uint64_t fraction = share % total_weight;
    quotas[i] = static_cast<uint32_t>(share / total_weight);
    left -= quotas[i];
    if (fraction > 0) candidates.push_back({held[i] > quotas[i], fraction, i});
  }
  assert(left <= candidates.size());
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    return std::tuple(b.keeps, b.fraction, a.index) < std::tuple(a.keeps, a.fraction, b.index);
  });
  for (uint32_t i = 0; i < left; ++i) ++quotas[candidates[i].index];
  return quotas;
}

}  // namespace

Result<SlotMoves> SlotTable::Add(Node node) {
  NodeSet nodes = nodes_;
  if (Result<Ok> added = nodes.Add(node); !added) return added.error();
  return Place(std::move(nodes));
}

Result<SlotMoves> SlotTable::Remove(NodeId id) {
  NodeSet nodes = nodes_;
  if (Result<Ok> removed = nodes.Remove(id); !removed) return removed.error();
  return Place(std::move(nodes));
}

Result<SlotMoves> SlotTable::Reweigh(NodeId id, uint32_t weight) {
  NodeSet nodes = nodes_;
  if (Result<Ok> reweighed = nodes.Reweigh(id, weight); !reweighed) return reweighed.error();
  return Place(std::move(nodes));
}

SlotMoves SlotTable::Place(NodeSet nodes) {
  nodes_ = std::move(nodes);
  ++epoch_;
  const std::span<const Node> members = nodes_.nodes();
  // By id. Whoever is not a member, nobody among them, has the index after the last.
  const size_t ids = members.empty() ? 0 : static_cast<size_t>(members.back().id) + 1;
  std::vector<uint16_t> indices(ids, static_cast<uint16_t>(members.size()));
  for (size_t i = 0; i < members.size(); ++i) {
    indices[static_cast<size_t>(members[i].id)] = static_cast<uint16_t>(i);
  }
  const auto index_of = [&](NodeId id) {
    const auto at = static_cast<size_t>(id);
    return at < ids ? size_t{indices[at]} : members.size();
  };
  Counts held(members.size() + 1, 0);  // The last counts the slots of nobody and of who has left.
  for (const NodeId owner : owners_) ++held[index_of(owner)];
  Counts quotas = Quotas(members, nodes_.TotalWeight(), held);
  quotas.push_back(0);

  // Who holds too much gives its highest slots; the lowest of all that is given goes to the lowest
  // id that lacks any. Neighbouring slots stay together.
  SlotMoves moves;
  for (uint32_t slot = kSlotCount; slot-- > 0;) {
    const size_t holder = index_of(owners_[slot]);
    if (held[holder] <= quotas[holder]) continue;
    --held[holder];
    moves.push_back({.slot = slot, .from = owners_[slot], .to = kNoNode});
  }
  std::ranges::reverse(moves);
  size_t receiver = 0;
  for (SlotMove& move : moves) {
    while (receiver < members.size() && held[receiver] == quotas[receiver]) ++receiver;
    if (receiver < members.size()) {
      move.to = members[receiver].id;
      ++held[receiver];
    }
    owners_[move.slot] = move.to;
  }
  std::erase_if(moves, [](const SlotMove& move) { return move.from == move.to; });
  return moves;
}

}  // namespace weir::ring
