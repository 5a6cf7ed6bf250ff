// The text form of NodeTable. Reading is strict in one stroke: whatever was understood is written
// again and must give the same bytes, so there is exactly one text for each table.
#include <algorithm>
#include <cctype>
#include <utility>

#include "weir/base/checked_text.h"
#include "weir/nodes/node_table.h"

namespace weir::nodes {
namespace {

using checked_text::Take;
using checked_text::TakeNumber;

constexpr std::string_view kFirstLine = "weir-node-table 1\n";
// "checksum " and 16 digits.
constexpr size_t kLastLineBytes = 26;

Error Corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt, std::string("node table: ").append(what)};
}

// Takes an id and the end of its line.
bool TakeId(std::string_view* from, std::string* id) {
  const size_t end = from->find('\n');
  if (end == from->npos || end == 0 || end > NodeTable::kIdBytesMax) return false;
  *id = from->substr(0, end);
  from->remove_prefix(end + 1);
  return std::ranges::all_of(*id, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_.:/-").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

struct Named {
  ring::NodeId number = ring::kNoNode;
  std::string id;
};

// Takes the lines "node NUMBER ID".
bool TakeNames(std::string_view* from, std::vector<Named>* names) {
  while (Take(from, "node ")) {
    uint16_t number = 0;
    Named named;
    if (names->size() == ring::kMaxNodes) return false;
    if (!TakeNumber(from, &number) || !Take(from, " ") || !TakeId(from, &named.id)) return false;
    named.number = ring::NodeId{number};
    names->push_back(std::move(named));
  }
  return true;
}

}  // namespace

std::string NodeTable::ToText() const {
  std::string text(kFirstLine);
  text += "self " + node(self_).id + "\n";
  for (size_t i = 0; i < nodes_.size(); ++i) {
    text += "node " + std::to_string(static_cast<unsigned>(slots_.nodes()[i].id)) + " " +
            nodes_[i].id + "\n";
  }
  text += slots_.ToText();
  checked_text::AppendChecksum(&text);
  return text;
}

Result<NodeTable> NodeTable::FromText(std::string_view text) {
  if (text.size() > kTextBytesMax) return Corrupt("longer than any table");
  std::string_view rest = text;
  if (!Take(&rest, kFirstLine)) {
    return Corrupt("does not begin with 'weir-node-table 1': damaged, or of a newer release");
  }
  std::string self;
  std::vector<Named> names;
  if (!Take(&rest, "self ") || !TakeId(&rest, &self)) return Corrupt("no line 'self ID'");
  if (!TakeNames(&rest, &names)) return Corrupt("a line is not 'node NUMBER ID'");
  if (rest.size() < kLastLineBytes) return Corrupt("cut short");
  rest.remove_suffix(kLastLineBytes);
  Result<ring::SlotTable> slots = ring::SlotTable::FromText(rest);
  if (!slots) return Corrupt(slots.error().message);
  NodeTable table;
  table.slots_ = std::move(slots).value();
  const std::span<const ring::Node> members = table.slots_.nodes();
  if (members.size() != names.size()) return Corrupt("not every node has an id");
  for (size_t i = 0; i < members.size(); ++i) {
    if (names[i].number != members[i].id) return Corrupt("not every node has an id");
    const bool twice =
        std::ranges::find(table.nodes_, names[i].id, &Node::id) != table.nodes_.end();
    if (twice) return Corrupt("two nodes have one id");
    if (names[i].id == self) table.self_ = members[i].id;
    table.nodes_.push_back({.id = std::move(names[i].id), .ip = "", .weight = members[i].weight});
  }
  if (table.self_ == ring::kNoNode) return Corrupt("it does not say which node it is of");
  if (table.ToText() != text) return Corrupt("damaged: the checksum or the spelling is wrong");
  table.NoteRuns();
  const bool served = std::ranges::none_of(
      table.runs_, [](const SlotRun& run) { return run.owner == ring::kNoNode; });
  if (!served) return Corrupt("no node serves anything");
  table.NoteIds();
  table.NoteDigests();
  return table;
}

}  // namespace weir::nodes
