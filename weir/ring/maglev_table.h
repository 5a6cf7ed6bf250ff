// MaglevTable: a table from hash to node that two machines build alike from the nodes alone.
//
// Every node lists all entries of the table in an order of its own, and the nodes take turns, each
// claiming the first of its list that is free; a node of weight w has w turns for every
// max-weight turns of the heaviest. So every node holds its share of the entries within one for
// equal weights, a look-up is one load, and a change moves about twice what it must.
//
//   MaglevTable table(nodes);                    // nodes is a NodeSet
//   NodeId node = table.Owner(StableHash(key));
//
// When not to use: where moved keys are dear (HashRing moves fewer, SlotTable the fewest) or nodes
// change often: a build costs milliseconds.
//
// Deterministic: a function of ids and weights, the same on every machine and in every release
// (golden test); the order in which nodes were added does not matter.
//
// Threads: immutable after construction; build a new one and swap a pointer.
// Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer", NSDI 2016,
// section 3.4; differs: weights, as in Envoy; orders are seeded by id, and lower ids go first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "weir/ring/node_set.h"

namespace weir::ring {

class MaglevTable {
 public:
  // A prime; 64 entries a node at kMaxNodes, so that one entry is 1.6 % of a share at worst.
  static constexpr uint32_t kEntries = 65537;

  // Cost: O(kEntries) turns, and more tries the fuller the table is; about 2 ms for 10 nodes.
  explicit MaglevTable(const NodeSet& nodes);

  // Returns the node that serves `key_hash`, or kNoNode when no node has a weight above 0.
  // Requires: key_hash is well spread (StableHash). Cost: one load.
  NodeId Owner(uint64_t key_hash) const { return owners_[key_hash % kEntries]; }

 private:
  std::vector<NodeId> owners_;  // kEntries of them, 128 KiB.
};

}  // namespace weir::ring
