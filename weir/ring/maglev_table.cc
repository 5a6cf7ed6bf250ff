#include "weir/ring/maglev_table.h"

#include <algorithm>

#include "weir/ring/hash_ring.h"

namespace weir::ring {
namespace {

// A node's order of the entries: offset, offset + skip, ..., all modulo kEntries, which is prime,
// so each comes once.
struct Claimant {
  NodeId id;
  uint32_t weight;
  uint32_t next;  // The entry it tries next.
  uint32_t skip;
  uint64_t turns = 0;
};

}  // namespace

MaglevTable::MaglevTable(const NodeSet& nodes) : owners_(kEntries, kNoNode) {
  std::vector<Claimant> claimants;
  uint64_t heaviest = 0;
  for (const Node& node : nodes.nodes()) {
    if (node.weight == 0) continue;
    heaviest = std::max<uint64_t>(heaviest, node.weight);
    claimants.push_back(
        {.id = node.id,
         .weight = node.weight,
         .next = static_cast<uint32_t>(StablePointHash(node.id, 0) % kEntries),
         .skip = static_cast<uint32_t>(StablePointHash(node.id, 1) % (kEntries - 1)) + 1});
  }
  if (claimants.empty()) return;
  uint32_t claimed = 0;
  for (uint64_t round = 1;; ++round) {
    for (Claimant& claimant : claimants) {
      // By now it is due round * weight / heaviest turns, rounded down.
      if ((claimant.turns + 1) * heaviest > round * claimant.weight) continue;
      ++claimant.turns;
      while (owners_[claimant.next] != kNoNode) {
        claimant.next = (claimant.next + claimant.skip) % kEntries;
      }
      owners_[claimant.next] = claimant.id;
      if (++claimed == kEntries) return;
    }
  }
}

}  // namespace weir::ring
