// The text form of SlotTable. Reading is strict in one stroke: whatever was understood is written
// again and must give the same bytes, so there is exactly one text for each table.
#include <cinttypes>

#include "weir/base/checked_text.h"
#include "weir/ring/slot_table.h"

namespace weir::ring {
namespace {

using checked_text::Append;
using checked_text::AppendChecksum;
using checked_text::Take;
using checked_text::TakeNumber;

constexpr std::string_view kFirstLine = "weir-slot-table 1\n";
// "slots 16383-16383 65534\n" and "node 65534 1000\n"; the rest is header and checksum.
static_assert(kSlotCount * 24 + kMaxNodes * 16 + 100 <= SlotTable::kMaxTextBytes);

Error Corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt, std::string("slot table: ").append(what)};
}

// Takes "node ID WEIGHT\n" after "node ".
bool TakeNode(std::string_view* from, Node* node) {
  uint16_t id = 0;
  if (!TakeNumber(from, &id) || !Take(from, " ") || !TakeNumber(from, &node->weight)) return false;
  node->id = NodeId{id};
  return Take(from, "\n");
}

struct Run {
  uint32_t first = 0;
  uint32_t last = 0;
  NodeId owner = kNoNode;
};

// Takes "slots FIRST-LAST OWNER\n" after "slots ".
bool TakeRun(std::string_view* from, Run* run) {
  uint16_t owner = 0;
  if (!TakeNumber(from, &run->first) || !Take(from, "-")) return false;
  if (!TakeNumber(from, &run->last) || !Take(from, " ")) return false;
  if (!Take(from, "-")) {
    if (!TakeNumber(from, &owner)) return false;
    run->owner = NodeId{owner};
  }
  return Take(from, "\n");
}

}  // namespace

std::string SlotTable::ToText() const {
  std::string text(kFirstLine);
  Append(&text, "epoch %" PRIu64 "\n", epoch_);
  for (const Node& node : nodes()) {
    Append(&text, "node %u %" PRIu32 "\n", static_cast<unsigned>(node.id), node.weight);
  }
  for (uint32_t first = 0; first < kSlotCount;) {
    uint32_t end = first + 1;
    while (end < kSlotCount && owners_[end] == owners_[first]) ++end;
    Append(&text, "slots %" PRIu32 "-%" PRIu32 " ", first, end - 1);
    if (owners_[first] == kNoNode) {
      text += "-\n";
    } else {
      Append(&text, "%u\n", static_cast<unsigned>(owners_[first]));
    }
    first = end;
  }
  AppendChecksum(&text);
  return text;
}

Result<SlotTable> SlotTable::FromText(std::string_view text) {
  if (text.size() > kMaxTextBytes) return Corrupt("longer than any table");
  std::string_view rest = text;
  if (!Take(&rest, kFirstLine)) {
    return Corrupt("does not begin with 'weir-slot-table 1': damaged, or of a newer release");
  }
  SlotTable table;
  if (!Take(&rest, "epoch ") || !TakeNumber(&rest, &table.epoch_) || !Take(&rest, "\n")) {
    return Corrupt("no epoch");
  }
  while (Take(&rest, "node ")) {
    Node node;
    if (!TakeNode(&rest, &node)) return Corrupt("a line is not 'node ID WEIGHT'");
    if (auto added = table.nodes_.Add(node); !added) return Corrupt(added.error().message);
  }
  uint32_t next = 0;
  while (Take(&rest, "slots ")) {
    Run run;
    if (!TakeRun(&rest, &run)) return Corrupt("a line is not 'slots FIRST-LAST OWNER'");
    if (run.first != next || run.last < run.first || run.last >= kSlotCount) {
      return Corrupt("the slots are not named in order, each once");
    }
    for (; next <= run.last; ++next) table.owners_[next] = run.owner;
  }
  if (table.ToText() != text) return Corrupt("damaged: the checksum or the spelling is wrong");
  // It was even as it stands when nothing needs to move.
  if (SlotTable even = table; !even.Place(table.nodes_).empty()) {
    return Corrupt("the shares of the nodes are not those of their weights");
  }
  return table;
}

}  // namespace weir::ring
