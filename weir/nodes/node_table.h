// NodeTable: the nodes that serve clients together, as one of them sees them: who they are, where
// clients find them, which slots each serves, and which of them this one is.
//
// Every node is given the same list. Where no table has been stored yet, each computes the first
// placement from the list alone, so all have the same; from then on a node keeps the table with its
// data (ToText, FromText), because with embedded storage a slot's records are where the table put
// them. Adopt holds a stored table against the list of a later start.
//
//   NodeTable table = NodeTable::FirstPlacement(nodes, "n1");
//   table.Owner(TagSlot(KeyTag(key)))               // the number of who serves it
//   table.node(table.Owner(slot)).address()         // and where
//
// A node has three names: the id that its operator gives it, for its life; a number, by which
// slots name it, given in order of id at the first placement and kept in the table; and the 40
// hexadecimal digits that Redis Cluster's protocol wants, computed from the id.
//
// Threads: thread-compatible; never changed once it serves. Size: above 32 KiB, so on the heap.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/ring/slot_table.h"

namespace weir::nodes {

// One line of the list.
struct Node {
  std::string id;  // 1 to kIdBytesMax letters, digits and _ . : / -
  std::string ip;  // Where clients are sent; as the protocol writes it, without brackets.
  uint16_t port = 0;
  uint32_t weight = 1;  // Its share of the slots: ring::Node.

  // "10.0.0.1:6390", and "::1:6390": clients of the protocol cut at the last colon.
  std::string address() const { return ip + ":" + std::to_string(port); }
  // 40 hexadecimal digits, the same on every machine and in every release. Cost: three hashes; the
  // table has those of its own nodes.
  std::string cluster_id() const;

  bool operator==(const Node&) const = default;
};

// Neighbouring slots of one node, both ends among them; as many as can be together.
struct SlotRun {
  uint32_t first = 0;
  uint32_t last = 0;
  ring::NodeId owner = ring::kNoNode;

  bool operator==(const SlotRun&) const = default;
};

class NodeTable {
 public:
  static constexpr size_t kIdBytesMax = 64;
  static constexpr size_t kTextBytesMax =
      ring::SlotTable::kMaxTextBytes + (ring::kMaxNodes + 2) * (kIdBytesMax + 16);

  // Requires: ids are ids, and differ; `self` is one of them; at most ring::kMaxNodes, none above
  // ring::kMaxWeight, and some above 0. The order of `nodes` does not matter.
  static NodeTable FirstPlacement(std::vector<Node> nodes, std::string_view self);

  // Takes the addresses of `nodes` for those of this table.
  // Requires: as FirstPlacement.
  // Errors: kInvalid, and nothing has changed, when ids, weights or who this is differ; the message
  // says which, and what to do, for whoever wrote the list.
  Result<Ok> Adopt(std::vector<Node> nodes, std::string_view self);

  // What is kept with the data: all but the addresses.
  //   weir-node-table 1
  //   self n1
  //   node 0 n1                   (number and id, in order of number)
  //   node 1 n2
  //   weir-slot-table 1 …         (SlotTable::ToText)
  //   checksum 5f0e…              (xxh3_64 of all before this line)
  std::string ToText() const;
  // Reads what ToText wrote, and nothing else; addresses are empty until Adopt.
  // Errors: kCorrupt. Safe on hostile input.
  static Result<NodeTable> FromText(std::string_view text);

  ring::NodeId self() const { return self_; }
  // In order of number, as slots().nodes().
  std::span<const Node> nodes() const { return nodes_; }
  // Requires: `number` is one of the table's. Cost: O(log nodes).
  const Node& node(ring::NodeId number) const { return nodes_[IndexOf(number)]; }
  const std::string& cluster_id(ring::NodeId number) const { return ids_[IndexOf(number)]; }
  const std::string& cluster_id(size_t index) const { return ids_[index]; }
  const ring::SlotTable& slots() const { return slots_; }
  // One of the table's: every slot is served.
  ring::NodeId Owner(uint32_t slot) const { return slots_.Owner(slot); }
  // All slots, in order, and those of nodes()[index].
  std::span<const SlotRun> runs() const { return runs_; }
  std::span<const SlotRun> runs(size_t index) const { return runs_of_[index]; }
  uint32_t SlotsOf(size_t index) const;
  // Whether this node serves all slots.
  bool OwnsAll() const { return runs_.size() == 1 && runs_[0].owner == self_; }
  // Of ids, weights and slots, in 16 hexadecimal digits: nodes that place alike have the same.
  const std::string& placement_digest() const { return placement_digest_; }
  // Of the addresses besides.
  const std::string& digest() const { return digest_; }

 private:
  NodeTable() = default;
  size_t IndexOf(ring::NodeId number) const;
  // What follows from nodes_ and slots_.
  void NoteRuns();
  void NoteIds();
  void NoteDigests();

  std::vector<Node> nodes_;
  ring::SlotTable slots_;
  ring::NodeId self_ = ring::kNoNode;
  std::vector<std::string> ids_;  // Node::cluster_id, by index.
  std::vector<SlotRun> runs_;
  std::vector<std::vector<SlotRun>> runs_of_;  // By index of the node.
  std::string placement_digest_;
  std::string digest_;
};

}  // namespace weir::nodes
