// What `weir ring` says of a slot table and of a change: as a table to read and as JSON.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/ring/slot_table.h"

namespace weir::cmd {

// Reads "7" or "7=3": a node's id, and its weight when that is not 1.
// Errors: kInvalid with the form that is right.
Result<ring::Node> ParseNode(std::string_view text);

// Reads nodes with commas between them. Errors: kInvalid.
Result<ring::NodeSet> ParseNodes(std::string_view text);

// Neighbouring slots, `first` to `last`, that go from one node to another together.
struct SlotRun {
  uint32_t first = 0;
  uint32_t last = 0;
  ring::NodeId from = ring::kNoNode;
  ring::NodeId to = ring::kNoNode;

  bool operator==(const SlotRun&) const = default;
};

// Returns the owners in runs, as long as can be; from == to.
std::vector<SlotRun> RunsOf(const ring::SlotTable& table);
std::vector<SlotRun> RunsOf(const ring::SlotMoves& moves);

// The number of slots of each of the table's nodes, in order.
std::vector<uint32_t> SlotsOf(const ring::SlotTable& table);

// "7", or "-" for nobody.
std::string NameOf(ring::NodeId id);

// Who the numbers of a running server's table are, where it has a list of nodes.
struct RingNames {
  struct Node {
    std::string id;
    std::string address;
    bool myself = false;  // The server that was asked.
  };
  std::string digest;  // The same on all nodes that agree; empty: there is no list.
  std::map<ring::NodeId, Node> nodes;
};

// Requires: `names` has no digest, or names every node of the table.
std::string DescribeTable(const ring::SlotTable& table, const RingNames& names);
std::string TableAsJson(const ring::SlotTable& table, const RingNames& names);

// A change: the table before and after it, and what it moves.
struct RingChange {
  ring::SlotTable before;
  ring::SlotTable after;
  ring::SlotMoves moves;
};

std::string DescribeChange(const RingChange& change);
std::string ChangeAsJson(const RingChange& change);

}  // namespace weir::cmd
