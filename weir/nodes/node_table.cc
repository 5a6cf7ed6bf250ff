#include "weir/nodes/node_table.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/base/checked_text.h"
#include "weir/base/key_hash.h"

namespace weir::nodes {
namespace {

using checked_text::Append;

void SortById(std::vector<Node>* nodes) {
  std::ranges::sort(*nodes, {}, &Node::id);
}

const Node* Find(std::span<const Node> nodes, std::string_view id) {
  const auto found = std::ranges::find(nodes, id, &Node::id);
  return found == nodes.end() ? nullptr : &*found;
}

// What the list says otherwise than the table, or "".
std::string Difference(std::span<const Node> table, std::span<const Node> list) {
  for (const Node& node : list) {
    const Node* known = Find(table, node.id);
    if (known == nullptr) return "node '" + node.id + "' is new";
    if (known->weight == node.weight) continue;
    return "node '" + node.id + "' has weight " + std::to_string(node.weight) + ", not " +
           std::to_string(known->weight);
  }
  for (const Node& node : table) {
    if (Find(list, node.id) == nullptr) return "node '" + node.id + "' is missing";
  }
  return "";
}

std::string ShowList(std::span<const Node> nodes) {
  std::string text;
  for (const Node& node : nodes) {
    text += (text.empty() ? "" : ", ") + node.id + " of weight " + std::to_string(node.weight);
  }
  return text;
}

std::string DigestOf(std::string_view text) {
  std::string digits;
  Append(&digits, "%016" PRIx64, StableHash(text));
  return digits;
}

}  // namespace

std::string Node::cluster_id() const {
  std::string digits;
  Append(&digits, "%016" PRIx64, StableHash("weir cluster id 1 " + id));
  Append(&digits, "%016" PRIx64, StableHash("weir cluster id 2 " + id));
  Append(&digits, "%08" PRIx32, static_cast<uint32_t>(StableHash("weir cluster id 3 " + id)));
  return digits;
}

NodeTable NodeTable::FirstPlacement(std::vector<Node> nodes, std::string_view self) {
  SortById(&nodes);
  NodeTable table;
  ring::NodeSet members;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const ring::NodeId number{static_cast<uint16_t>(i)};
    [[maybe_unused]] const Result<Ok> added =
        members.Add({.id = number, .weight = nodes[i].weight});
    assert(added.ok());
    if (nodes[i].id == self) table.self_ = number;
  }
  assert(table.self_ != ring::kNoNode);
  table.slots_.Place(std::move(members));
  table.nodes_ = std::move(nodes);
  table.NoteRuns();
  table.NoteIds();
  table.NoteDigests();
  return table;
}

Result<Ok> NodeTable::Adopt(std::vector<Node> nodes, std::string_view self) {
  assert(Find(nodes, self) != nullptr);
  const std::string& kept = node(self_).id;
  if (const std::string difference = Difference(nodes_, nodes); !difference.empty()) {
    return Error{ErrorCode::kInvalid,
                 difference + ": the data was laid out for " + ShowList(nodes_) +
                     ", and no node could serve what another one holds; write the [[node]] "
                     "sections as they were, on all nodes"};
  }
  if (kept != self) {
    return Error{ErrorCode::kInvalid, "the data is that of node '" + kept + "', not of '" +
                                          std::string(self) +
                                          "'; give each node a data directory of its own"};
  }
  for (Node& known : nodes_) known = *Find(nodes, known.id);
  NoteDigests();
  return Ok{};
}

uint32_t NodeTable::SlotsOf(size_t index) const {
  uint32_t slots = 0;
  for (const SlotRun& run : runs(index)) slots += run.last - run.first + 1;
  return slots;
}

size_t NodeTable::IndexOf(ring::NodeId number) const {
  const auto found = std::ranges::lower_bound(slots_.nodes(), number, {}, &ring::Node::id);
  assert(found != slots_.nodes().end() && found->id == number);
  return static_cast<size_t>(found - slots_.nodes().begin());
}

void NodeTable::NoteRuns() {
  runs_.clear();
  runs_of_.assign(nodes_.size(), {});
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
    const ring::NodeId owner = slots_.Owner(slot);
    if (runs_.empty() || runs_.back().owner != owner) runs_.push_back({slot, slot, owner});
    runs_.back().last = slot;
  }
  for (const SlotRun& run : runs_) {
    if (run.owner != ring::kNoNode) runs_of_[IndexOf(run.owner)].push_back(run);
  }
}

void NodeTable::NoteIds() {
  ids_.clear();
  for (const Node& node : nodes_) ids_.push_back(node.cluster_id());
}

void NodeTable::NoteDigests() {
  const std::string slots = slots_.ToText();
  std::string ids;
  std::string addresses;
  for (const Node& node : nodes_) {
    ids += node.id + "\n";
    addresses += node.id + " " + node.address() + "\n";
  }
  placement_digest_ = DigestOf(ids + slots);
  digest_ = DigestOf(addresses + slots);
}

}  // namespace weir::nodes
