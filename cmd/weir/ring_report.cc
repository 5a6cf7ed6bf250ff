#include "cmd/weir/ring_report.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <utility>

namespace weir::cmd {
namespace {

using ring::NodeId;

constexpr size_t kRunsShown = 4;
constexpr size_t kMovedRunsShown = 20;

template <typename... Args>
void Append(std::string* to, const char* format, Args... args) {
  char line[160];
  to->append(line, static_cast<size_t>(std::snprintf(line, sizeof(line), format, args...)));
}

std::string Slots(const SlotRun& run) {
  std::string text = std::to_string(run.first);
  if (run.last != run.first) text += "-" + std::to_string(run.last);
  return text;
}

double Percent(uint64_t part) {
  return 100.0 * static_cast<double>(part) / kSlotCount;
}

// The first runs of `id`, and how many follow.
std::string SomeRuns(const std::vector<SlotRun>& runs, NodeId id) {
  std::string text;
  size_t shown = 0;
  size_t left = 0;
  for (const SlotRun& run : runs) {
    if (run.to != id) continue;
    if (shown == kRunsShown) {
      ++left;
      continue;
    }
    text += (shown++ == 0 ? "" : " ") + Slots(run);
  }
  if (left > 0) text += " and " + std::to_string(left) + " more";
  return text.empty() ? "-" : text;
}

// The most slots that a node holds for each that is its share.
double PeakToMean(const ring::SlotTable& table) {
  uint64_t total = 0;
  for (const ring::Node& node : table.nodes()) total += node.weight;
  double peak = 0;
  const std::vector<uint32_t> slots = SlotsOf(table);
  for (size_t i = 0; i < slots.size(); ++i) {
    if (table.nodes()[i].weight == 0) continue;
    const double share =
        static_cast<double>(kSlotCount) * table.nodes()[i].weight / static_cast<double>(total);
    peak = std::max(peak, slots[i] / share);
  }
  return peak;
}

std::string RunAsJson(const SlotRun& run) {
  return "{\"first\":" + std::to_string(run.first) + ",\"last\":" + std::to_string(run.last);
}

std::string IdAsJson(NodeId id) {
  return id == ring::kNoNode ? "null" : NameOf(id);
}

// Weight and slots of one node before and after; absent: not a member.
struct Sides {
  std::string weight_before = "-";
  std::string weight_after = "-";
  uint32_t slots_before = 0;
  uint32_t slots_after = 0;
  uint32_t gains = 0;
  uint32_t loses = 0;
};

std::map<NodeId, Sides> SidesOf(const RingChange& change) {
  std::map<NodeId, Sides> sides;
  const std::vector<uint32_t> before = SlotsOf(change.before);
  for (size_t i = 0; i < before.size(); ++i) {
    Sides& side = sides[change.before.nodes()[i].id];
    side.weight_before = std::to_string(change.before.nodes()[i].weight);
    side.slots_before = before[i];
  }
  const std::vector<uint32_t> after = SlotsOf(change.after);
  for (size_t i = 0; i < after.size(); ++i) {
    Sides& side = sides[change.after.nodes()[i].id];
    side.weight_after = std::to_string(change.after.nodes()[i].weight);
    side.slots_after = after[i];
  }
  for (const ring::SlotMove& move : change.moves) {
    if (move.from != ring::kNoNode) ++sides[move.from].loses;
    if (move.to != ring::kNoNode) ++sides[move.to].gains;
  }
  return sides;
}

}  // namespace

Result<ring::Node> ParseNode(std::string_view text) {
  const Error wrong{ErrorCode::kInvalid, "'" + std::string(text) +
                                             "' is not a node; write its id from 0 to 65534, and "
                                             "=WEIGHT after it unless that is 1: 7 or 7=3"};
  uint16_t id = 0;
  ring::Node node;
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc()) return wrong;
  if (at != end) {
    if (*at != '=') return wrong;
    const auto weight = std::from_chars(at + 1, end, node.weight);
    if (weight.ec != std::errc() || weight.ptr != end) return wrong;
  }
  node.id = NodeId{id};
  return node;
}

Result<ring::NodeSet> ParseNodes(std::string_view text) {
  ring::NodeSet nodes;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const Result<ring::Node> node = ParseNode(text.substr(at, comma - at));
    if (!node.ok()) return node.error();
    if (auto added = nodes.Add(node.value()); !added.ok()) return added.error();
    at = comma + 1;
  }
  return nodes;
}

std::vector<SlotRun> RunsOf(const ring::SlotTable& table) {
  std::vector<SlotRun> runs;
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
    const NodeId owner = table.Owner(slot);
    if (runs.empty() || runs.back().to != owner) runs.push_back({slot, slot, owner, owner});
    runs.back().last = slot;
  }
  return runs;
}

std::vector<SlotRun> RunsOf(const ring::SlotMoves& moves) {
  std::vector<SlotRun> runs;
  for (const ring::SlotMove& move : moves) {
    const bool joins = !runs.empty() && runs.back().last + 1 == move.slot &&
                       runs.back().from == move.from && runs.back().to == move.to;
    if (!joins) runs.push_back({move.slot, move.slot, move.from, move.to});
    runs.back().last = move.slot;
  }
  return runs;
}

std::vector<uint32_t> SlotsOf(const ring::SlotTable& table) {
  std::map<NodeId, uint32_t> held;
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) ++held[table.Owner(slot)];
  std::vector<uint32_t> slots;
  for (const ring::Node& node : table.nodes()) slots.push_back(held[node.id]);
  return slots;
}

std::string NameOf(NodeId id) {
  return id == ring::kNoNode ? "-" : std::to_string(static_cast<unsigned>(id));
}

std::string DescribeTable(const ring::SlotTable& table, const RingNames& names) {
  std::string text;
  const bool named = !names.digest.empty();
  Append(&text, "%zu nodes, epoch %llu, %s%speak to mean %.4f\n", table.nodes().size(),
         static_cast<unsigned long long>(table.epoch()), named ? "digest " : "",
         named ? (names.digest + ", ").c_str() : "", PeakToMean(table));
  Append(&text, "%6s %7s %6s %9s  %s\n", "node", "weight", "slots", "share",
         named ? "id, address, which" : "which");
  const std::vector<SlotRun> runs = RunsOf(table);
  const std::vector<uint32_t> slots = SlotsOf(table);
  for (size_t i = 0; i < slots.size(); ++i) {
    const ring::Node& node = table.nodes()[i];
    Append(&text, "%6s %7u %6u %7.2f %%  ", NameOf(node.id).c_str(), node.weight, slots[i],
           Percent(slots[i]));
    if (named) {
      const RingNames::Node& name = names.nodes.at(node.id);
      text += name.id + (name.myself ? "*  " : "  ") + name.address + "  ";
    }
    text += SomeRuns(runs, node.id) + "\n";
  }
  return text;
}

std::string TableAsJson(const ring::SlotTable& table, const RingNames& names) {
  std::string text = "{\"epoch\":" + std::to_string(table.epoch());
  const bool named = !names.digest.empty();
  if (named) text += ",\"digest\":\"" + names.digest + "\"";
  text += ",\"nodes\":[";
  const std::vector<uint32_t> slots = SlotsOf(table);
  for (size_t i = 0; i < slots.size(); ++i) {
    const ring::Node& node = table.nodes()[i];
    text += (i == 0 ? "" : ",") + std::string("{\"id\":") + NameOf(node.id) +
            ",\"weight\":" + std::to_string(node.weight) + ",\"slots\":" + std::to_string(slots[i]);
    if (named) {
      const RingNames::Node& name = names.nodes.at(node.id);
      text += ",\"name\":\"" + name.id + "\",\"address\":\"" + name.address +
              "\",\"myself\":" + (name.myself ? "true" : "false");
    }
    text += "}";
  }
  text += "],\"slots\":[";
  const std::vector<SlotRun> runs = RunsOf(table);
  for (size_t i = 0; i < runs.size(); ++i) {
    text += (i == 0 ? "" : ",") + RunAsJson(runs[i]) + ",\"node\":" + IdAsJson(runs[i].to) + "}";
  }
  return text + "]}\n";
}

std::string DescribeChange(const RingChange& change) {
  std::string text;
  Append(&text, "%zu of %u slots move (%.2f %%), the least that keeps every node at its share\n",
         change.moves.size(), kSlotCount, Percent(change.moves.size()));
  Append(&text, "%6s %15s %17s %7s %7s\n", "node", "weight", "slots", "gains", "loses");
  for (const auto& [id, side] : SidesOf(change)) {
    Append(&text, "%6s %6s -> %5s %7u -> %6u %7u %7u\n", NameOf(id).c_str(),
           side.weight_before.c_str(), side.weight_after.c_str(), side.slots_before,
           side.slots_after, side.gains, side.loses);
  }
  const std::vector<SlotRun> runs = RunsOf(change.moves);
  if (runs.empty()) return text;
  Append(&text, "\n%13s %6s %6s\n", "slots", "from", "to");
  for (size_t i = 0; i < std::min(runs.size(), kMovedRunsShown); ++i) {
    Append(&text, "%13s %6s %6s\n", Slots(runs[i]).c_str(), NameOf(runs[i].from).c_str(),
           NameOf(runs[i].to).c_str());
  }
  if (runs.size() > kMovedRunsShown) {
    Append(&text, "and %zu more; --json prints all\n", runs.size() - kMovedRunsShown);
  }
  return text;
}

std::string ChangeAsJson(const RingChange& change) {
  std::string text = "{\"moved\":" + std::to_string(change.moves.size()) + ",\"moves\":[";
  const std::vector<SlotRun> runs = RunsOf(change.moves);
  for (size_t i = 0; i < runs.size(); ++i) {
    text += (i == 0 ? "" : ",") + RunAsJson(runs[i]) + ",\"from\":" + IdAsJson(runs[i].from) +
            ",\"to\":" + IdAsJson(runs[i].to) + "}";
  }
  std::string before = TableAsJson(change.before, {});
  std::string after = TableAsJson(change.after, {});
  before.pop_back();
  return text + "],\"before\":" + before + ",\"after\":" + after.substr(0, after.size() - 1) +
         "}\n";
}

}  // namespace weir::cmd
