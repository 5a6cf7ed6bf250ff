#include "cmd/weir/ring_picture.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace weir::cmd {
namespace {

using ring::NodeId;

constexpr uint32_t kSlotsPerRow = 128;
constexpr uint32_t kCell = 5;  // Pixels.
constexpr uint32_t kTop = 40;
constexpr uint32_t kLegendLeft = kSlotsPerRow * kCell + 30;
constexpr uint32_t kLegendLine = 18;
constexpr size_t kLegendNodes = 34;
static_assert(kSlotCount % kSlotsPerRow == 0);

template <typename... Args>
void Append(std::string* to, const char* format, Args... args) {
  char line[256];
  to->append(line, static_cast<size_t>(std::snprintf(line, sizeof(line), format, args...)));
}

// Steps of the golden angle keep the colours of any number of nodes apart.
std::string ColourOf(NodeId id, std::span<const ring::Node> nodes) {
  if (id == ring::kNoNode) return "#ddd";
  const auto at = std::ranges::lower_bound(nodes, id, {}, &ring::Node::id) - nodes.begin();
  std::string colour;
  Append(&colour, "hsl(%u,60%%,%u%%)", static_cast<unsigned>(at * 13751 / 100 % 360),
         at % 2 == 0 ? 62U : 48U);
  return colour;
}

// Rectangles for the slots of a run, one for each row that it touches.
void DrawRun(std::string* svg, const SlotRun& run, const std::string& style, uint32_t inset) {
  for (uint32_t first = run.first; first <= run.last;) {
    const uint32_t row = first / kSlotsPerRow;
    const uint32_t last = std::min(run.last, (row + 1) * kSlotsPerRow - 1);
    Append(svg, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" %s/>\n",
           first % kSlotsPerRow * kCell, kTop + row * kCell + inset, (last - first + 1) * kCell,
           kCell - 2 * inset, style.c_str());
    first = last + 1;
  }
}

std::string Fill(const std::string& colour) {
  return "fill=\"" + colour + "\"";
}

void DrawSlots(std::string* svg, const ring::SlotTable& table) {
  for (const SlotRun& run : RunsOf(table)) {
    DrawRun(svg, run, Fill(ColourOf(run.to, table.nodes())), 0);
  }
}

void DrawLegend(std::string* svg, const ring::SlotTable& table) {
  const std::vector<uint32_t> slots = SlotsOf(table);
  uint32_t y = kTop + kLegendLine;
  for (size_t i = 0; i < std::min(slots.size(), kLegendNodes); ++i, y += kLegendLine) {
    const ring::Node& node = table.nodes()[i];
    Append(svg, "<rect x=\"%u\" y=\"%u\" width=\"12\" height=\"12\" %s/>\n", kLegendLeft, y - 11,
           Fill(ColourOf(node.id, table.nodes())).c_str());
    Append(svg, "<text x=\"%u\" y=\"%u\">node %s, weight %u: %u slots</text>\n", kLegendLeft + 18,
           y, NameOf(node.id).c_str(), node.weight, slots[i]);
  }
  if (slots.size() > kLegendNodes) {
    Append(svg, "<text x=\"%u\" y=\"%u\">and %zu more</text>\n", kLegendLeft + 18, y,
           slots.size() - kLegendNodes);
  }
}

std::string Begin(const std::string& title) {
  std::string svg;
  Append(&svg,
         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
         "font-family=\"sans-serif\" font-size=\"13\">\n",
         kLegendLeft + 240, kTop + kSlotCount / kSlotsPerRow * kCell + 10);
  svg += "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  return svg + "<text x=\"0\" y=\"20\" font-size=\"16\">" + title + "</text>\n";
}

}  // namespace

std::string DrawTable(const ring::SlotTable& table) {
  std::string svg = Begin("16384 slots, epoch " + std::to_string(table.epoch()) +
                          ": row by row from the upper left");
  DrawSlots(&svg, table);
  DrawLegend(&svg, table);
  return svg + "</svg>\n";
}

std::string DrawChange(const RingChange& change) {
  std::string svg = Begin(std::to_string(change.moves.size()) +
                          " of 16384 slots move: a stripe has the colour of who gives the slot");
  DrawSlots(&svg, change.after);
  // Of a node that leaves no colour is left; what it gives is black.
  for (const SlotRun& run : RunsOf(change.moves)) {
    const auto nodes = change.after.nodes();
    const bool stays = std::ranges::find(nodes, run.from, &ring::Node::id) != nodes.end();
    DrawRun(&svg, run, Fill(stays ? ColourOf(run.from, nodes) : "black"), 2);
  }
  DrawLegend(&svg, change.after);
  return svg + "</svg>\n";
}

}  // namespace weir::cmd
