// Goal: a table survives being written and read, and nothing but a written table is read. Method:
// random tables there and back; every single-byte change of a text; hand-made texts with a right
// checksum that break one rule each.
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "weir/base/checked_text_rig.h"
#include "weir/ring/slot_table.h"

namespace weir::ring {
namespace {

using checked_text::EveryDamageOf;
using checked_text::Sealed;

std::string MessageOf(const std::string& text) {
  return checked_text::MessageOf<SlotTable>(text);
}

// Golden: tables are saved, so every release must read them.
TEST(SlotTableTextTest, TheTextNeverChanges) {
  SlotTable table;
  const std::string empty = "weir-slot-table 1\nepoch 0\nslots 0-16383 -\n";
  EXPECT_EQ(table.ToText(), Sealed(empty));
  EXPECT_EQ(SlotTable::FromText(Sealed(empty)).value(), table);
  ASSERT_TRUE(table.Add({NodeId{7}, 1}));
  ASSERT_TRUE(table.Add({NodeId{3}, 3}));
  ASSERT_TRUE(table.Add({NodeId{5}, 0}));
  const std::string text =
      "weir-slot-table 1\n"
      "epoch 3\n"
      "node 3 3\n"
      "node 5 0\n"
      "node 7 1\n"
      "slots 0-4095 7\n"
      "slots 4096-16383 3\n";
  EXPECT_EQ(table.ToText(), Sealed(text));
  EXPECT_EQ(SlotTable::FromText(Sealed(text)).value(), table);
}

RC_GTEST_PROP(SlotTableTextProperty, ATableIsReadAsItWasWritten, ()) {
  SlotTable table;
  for (const auto id : *rc::gen::container<std::vector<uint16_t>>(rc::gen::inRange(0, 12))) {
    const auto weight = *rc::gen::inRange<uint32_t>(0, 5);
    if (!table.Add({NodeId{id}, weight})) RC_ASSERT(table.Reweigh(NodeId{id}, weight).ok());
  }
  RC_ASSERT(SlotTable::FromText(table.ToText()).value() == table);
}

TEST(SlotTableTextTest, EveryChangedByteIsNoticed) {
  SlotTable table;
  for (uint16_t id = 0; id < 3; ++id) ASSERT_TRUE(table.Add({NodeId{id}}));
  const std::string text = table.ToText();
  ASSERT_EQ(MessageOf(text), "read");
  for (const std::string& damaged : EveryDamageOf(text)) {
    EXPECT_NE(MessageOf(damaged), "read") << damaged;
  }
}

TEST(SlotTableTextTest, ARightChecksumDoesNotExcuseABrokenTable) {
  const std::string head = "weir-slot-table 1\nepoch 1\n";
  const std::string nodes = "node 1 1\nnode 2 1\n";
  ASSERT_EQ(MessageOf(Sealed(head + nodes + "slots 0-8191 2\nslots 8192-16383 1\n")), "read");
  const struct {
    std::string body;
    const char* message;
  } cases[] = {
      {nodes + "slots 0-8190 2\nslots 8191-16383 1\n",
       "slot table: the shares of the nodes are not those of their weights"},
      {nodes + "slots 0-8191 2\nslots 8192-16383 3\n",
       "slot table: the shares of the nodes are not those of their weights"},
      {nodes + "slots 0-8191 2\nslots 8192-16383 -\n",
       "slot table: the shares of the nodes are not those of their weights"},
      {nodes + "slots 0-8191 2\nslots 8193-16383 1\n",
       "slot table: the slots are not named in order, each once"},
      {nodes + "slots 0-8191 2\nslots 8192-16384 1\n",
       "slot table: the slots are not named in order, each once"},
      {nodes + "slots 0-8191 2\nslots 8192-8191 1\n",
       "slot table: the slots are not named in order, each once"},
      {"node 1 1\nnode 1 1\nslots 0-16383 1\n", "slot table: node 1 is already there"},
      {"node 65535 1\nslots 0-16383 1\n", "slot table: node 65535 cannot be: the id means no node"},
      {"node 1 1001\nslots 0-16383 1\n",
       "slot table: node 1 is too heavy; the greatest weight is 1000"},
      {"node 1\nslots 0-16383 1\n", "slot table: a line is not 'node ID WEIGHT'"},
      {"slots 0 -\n", "slot table: a line is not 'slots FIRST-LAST OWNER'"},
      // One table, one spelling: in order of id, runs as long as can be, and all slots.
      {"node 2 1\nnode 1 1\nslots 0-8191 2\nslots 8192-16383 1\n",
       "slot table: damaged: the checksum or the spelling is wrong"},
      {"node 1 1\nslots 0-1 1\nslots 2-16383 1\n",
       "slot table: damaged: the checksum or the spelling is wrong"},
      {"node 1 1\nslots 0-1 1\n", "slot table: damaged: the checksum or the spelling is wrong"},
      {"node 1 01\nslots 0-16383 1\n",
       "slot table: damaged: the checksum or the spelling is wrong"},
  };
  for (const auto& broken : cases) {
    EXPECT_EQ(MessageOf(Sealed(head + broken.body)), broken.message) << broken.body;
  }
  EXPECT_EQ(MessageOf(Sealed("weir-slot-table 2\nepoch 1\nslots 0-16383 -\n")),
            "slot table: does not begin with 'weir-slot-table 1': damaged, or of a newer release");
}

// The longest text: the most nodes, and no two neighbouring slots of one.
TEST(SlotTableTextTest, TextsEndAtTheLimits) {
  std::string body = "weir-slot-table 1\nepoch 18446744073709551615\n";
  for (size_t i = 0; i < kMaxNodes; ++i) body += "node " + std::to_string(64000 + i) + " 1\n";
  for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
    const std::string number = std::to_string(slot);
    body +=
        "slots " + number + "-" + number + " " + std::to_string(64000 + slot % kMaxNodes) + "\n";
  }
  EXPECT_LE(Sealed(body).size(), SlotTable::kMaxTextBytes);
  EXPECT_EQ(MessageOf(Sealed(body)), "read");
  EXPECT_EQ(MessageOf(std::string(SlotTable::kMaxTextBytes + 1, '0')),
            "slot table: longer than any table");
}

}  // namespace
}  // namespace weir::ring
