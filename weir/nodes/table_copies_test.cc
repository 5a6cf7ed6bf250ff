// Goal: a table outlives damage to one of its copies, and a guess is never made.
// Method: every pair of what two places may hold: nothing, a table, another table, damage.
#include "weir/nodes/table_copies.h"

#include <gmock/gmock.h>

namespace weir::nodes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

NodeTable TableOf(std::string_view self) {
  return NodeTable::FirstPlacement({{.id = "a", .ip = "::1", .port = 1, .weight = 1},
                                    {.id = "b", .ip = "::1", .port = 2, .weight = 1}},
                                   self);
}

TEST(TableCopies, WhereNothingIsStoredThereIsNoTable) {
  const auto read = ReadTableCopies({});
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read.value().has_value());
}

TEST(TableCopies, OneWholeCopyIsEnough) {
  const std::string text = TableOf("a").ToText();
  for (const bool second : {false, true}) {
    for (const std::optional<std::string>& other :
         {std::optional<std::string>(), std::optional(text), std::optional(text.substr(1)),
          std::optional<std::string>("")}) {
      TableCopies copies{text, other};
      if (second) std::swap(copies[0], copies[1]);
      const auto read = ReadTableCopies(copies);
      ASSERT_TRUE(read.ok());
      EXPECT_EQ(read.value()->table.ToText(), text);
      const bool both = other == text;
      EXPECT_THAT(read.value()->whole, ElementsAre(!second || both, second || both));
      if (other.has_value() && !both) {
        EXPECT_THAT(read.value()->damage, HasSubstr("node table"));
      } else {
        EXPECT_THAT(read.value()->damage, IsEmpty());
      }
    }
  }
}

TEST(TableCopies, WhatCannotBeReadOrDiffersIsAnError) {
  const std::string text = TableOf("a").ToText();
  const std::string other = TableOf("b").ToText();
  for (const TableCopies& copies : {TableCopies{"", std::nullopt}, TableCopies{std::nullopt, "x"},
                                    TableCopies{"x", "y"}, TableCopies{text, other}}) {
    const auto read = ReadTableCopies(copies);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace weir::nodes
