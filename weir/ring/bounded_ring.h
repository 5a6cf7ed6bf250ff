// BoundedRing: a HashRing that knows how much each node serves at this moment, and passes a full
// node by.
//
// A node of weight w out of W is given a key only while it then serves no more than
// ceil(limit * total * w / W) of the `total` keys under way. A key whose node is full goes to a
// node drawn by a sequence that its hash seeds, not to the next on the circle: the neighbour of a
// full node would fill next, and so on round.
//
//   BoundedRing ring(HashRing(), {.limit_percent = 125});
//   NodeId node = ring.Acquire(StableHash(key));   // and when the work is done:
//   ring.Release(node);
//
// Where the same key went before matters to caches: while nothing is full, a key is served by the
// owner that the HashRing names. When not to use: where every caller must name the same node for a
// key, since each one counts for itself what it has under way.
//
// Threads: single-owner.
// Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing with bounded loads", arXiv
// 1608.01350; the draw in place of the walk is Chen, Coleman, Shrivastava, "Revisiting consistent
// hashing with bounded loads", arXiv 1908.08762; differs: after kMaxDraws full nodes the one
// emptiest for its weight is taken, lower id first, so an answer takes a bounded time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "weir/base/result.h"
#include "weir/ring/hash_ring.h"

namespace weir::ring {

class BoundedRing {
 public:
  static constexpr size_t kMaxDraws = 32;
  static constexpr uint32_t kMinLimitPercent = 100;
  static constexpr uint32_t kMaxLimitPercent = 100'000;

  struct Options {
    // What a node may serve, in percent of its share: 100 is even, 125 moves few keys.
    // kMinLimitPercent to kMaxLimitPercent.
    uint32_t limit_percent = 125;
  };

  // Takes `ring`; nothing is under way.
  BoundedRing(HashRing ring, Options options);

  // Returns the node that serves the key, and counts it there until Release; kNoNode when no node
  // has a weight. Cost: O(log points) for each draw, one while nothing is full; O(nodes) after
  // kMaxDraws.
  NodeId Acquire(uint64_t key_hash);

  // Says that one of the keys that Acquire gave to `node` is done. Of a node that has been removed
  // nothing is counted any more, and this does nothing.
  void Release(NodeId node);

  // As in HashRing. A node that is given less keeps what it has under way, and is full for so long.
  Result<Ok> Add(Node node);
  Result<Ok> Remove(NodeId id);
  Result<Ok> Reweigh(NodeId id, uint32_t weight);

  // How many keys `node` serves; 0 for an unknown node.
  uint64_t LoadOf(NodeId node) const;
  uint64_t total_load() const { return total_load_; }
  const HashRing& ring() const { return ring_; }

 private:
  struct Served {
    Node node;
    uint64_t load = 0;
  };

  const Served* Find(NodeId id) const;
  // Whether one more key may go to a node.
  bool HasRoom(const Served& served) const;
  const Served* Emptiest() const;
  // Takes the nodes of the ring over, and the loads of those that stay.
  void NoteNodes();

  HashRing ring_;
  Options options_;
  std::vector<Served> served_;  // In order of id.
  uint64_t total_weight_ = 0;
  uint64_t total_load_ = 0;
};

}  // namespace weir::ring
