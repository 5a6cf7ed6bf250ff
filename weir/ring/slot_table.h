// SlotTable: which node serves each of the 16384 slots, even by construction.
//
// Invariants
//   1. A node of weight w out of W holds floor(16384 * w / W) or ceil(16384 * w / W) slots. When
//      W is 0 (no nodes, or all drained) no slot has an owner.
//   2. A change moves the least number of slots that restores 1.
//   3. The epoch rises by one with every change that succeeds, whether or not slots move.
//
// The table remembers: what a change does depends on the table before it, which is how it moves
// less than a placement computed afresh from the nodes. So machines must share the table or apply
// the same changes in the same order; given that, the result is the same on all of them.
// When not to use: for keys without a table that all share; that is HashRing.
//
//   SlotTable table;
//   table.Add({.id = NodeId{7}});
//   NodeId node = table.Owner(TagSlot(KeyTag(key)));
//
// A SlotTable is 32 KiB in one piece, so that routing is one load: keep it on the heap.
// Threads: thread-compatible. LiveSlotTable serves readers while a writer changes it.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/key_hash.h"
#include "weir/base/result.h"
#include "weir/ring/node_set.h"

namespace weir::ring {

struct SlotMove {
  uint32_t slot = 0;
  NodeId from = kNoNode;
  NodeId to = kNoNode;
};

// In ascending order of slot, each slot at most once, from != to. kNoNode: without owner.
using SlotMoves = std::vector<SlotMove>;

class SlotTable {
 public:
  SlotTable() { owners_.fill(kNoNode); }

  // Returns the owner of `slot`, or kNoNode. Requires: slot < kSlotCount. Cost: one load.
  NodeId Owner(uint32_t slot) const {
    assert(slot < kSlotCount);
    return owners_[slot];
  }

  // Each returns what moved. Errors: those of NodeSet; nothing has changed then.
  // Cost: O(slots + nodes * log nodes), below 0.2 ms.
  Result<SlotMoves> Add(Node node);
  Result<SlotMoves> Remove(NodeId id);
  Result<SlotMoves> Reweigh(NodeId id, uint32_t weight);

  // Makes `nodes` the nodes in one change, which moves no more than the single changes would.
  SlotMoves Place(NodeSet nodes);

  std::span<const Node> nodes() const { return nodes_.nodes(); }
  uint64_t epoch() const { return epoch_; }

  // Returns the table as text, which is the same for equal tables:
  //   weir-slot-table 1
  //   epoch 7
  //   node 3 1                    (id and weight, in order of id)
  //   node 4 2
  //   slots 0-5461 3              (a longest run of slots of one owner; - for none)
  //   slots 5462-16383 4
  //   checksum 5f0e…              (xxh3_64 of all before this line)
  std::string ToText() const;

  // Reads what ToText wrote, and nothing else. Errors: kCorrupt (an unknown format number, damage,
  // any other spelling, or a table that breaks invariant 1); safe on hostile input.
  // Cost: O(text), and no more memory than a few times the text.
  static Result<SlotTable> FromText(std::string_view text);
  static constexpr size_t kMaxTextBytes = size_t{512} << 10;

  bool operator==(const SlotTable&) const = default;

 private:
  std::array<NodeId, kSlotCount> owners_;
  NodeSet nodes_;
  uint64_t epoch_ = 0;
};

}  // namespace weir::ring
