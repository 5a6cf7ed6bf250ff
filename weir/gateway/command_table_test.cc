// Goal: a command is found by its name in any case, and its row says truly where its keys are.
// Method: all rows, and names near them.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/command.h"

namespace weir::gateway {
namespace {

TEST(CommandTable, RowsAreInOrderOfNameAndLowerCase) {
  std::string before;
  for (const CommandSpec& spec : AllCommands()) {
    EXPECT_LT(before, spec.name);
    before = spec.name;
    for (const char c : spec.name) EXPECT_TRUE(c >= 'a' && c <= 'z') << spec.name;
  }
}

TEST(CommandTable, EveryRowIsFoundInAnyCaseAndNothingElse) {
  for (const CommandSpec& spec : AllCommands()) {
    std::string mixed(spec.name);
    for (size_t i = 0; i < mixed.size(); i += 2) mixed[i] = static_cast<char>(mixed[i] - 32);
    EXPECT_EQ(FindCommand(spec.name), &spec);
    EXPECT_EQ(FindCommand(mixed), &spec);
    EXPECT_EQ(FindCommand(std::string(spec.name) + "x"), nullptr);
  }
  EXPECT_EQ(FindCommand(""), nullptr);
  EXPECT_EQ(FindCommand(std::string(1 << 20, 'g')), nullptr);
  EXPECT_EQ(FindCommand(std::string("get\0", 4)), nullptr);
}

TEST(CommandTable, ARowHasTheFunctionOfItsKind) {
  for (const CommandSpec& spec : AllCommands()) {
    EXPECT_EQ(spec.local != nullptr, spec.kind == CommandKind::kLocal) << spec.name;
    EXPECT_EQ(spec.read != nullptr, spec.kind == CommandKind::kRead) << spec.name;
    EXPECT_EQ(spec.write != nullptr, spec.kind == CommandKind::kWrite) << spec.name;
    const bool has_keys = spec.kind == CommandKind::kRead || spec.kind == CommandKind::kWrite;
    EXPECT_EQ(spec.keys.first != 0, has_keys) << spec.name;
  }
}

TEST(CommandTable, KeysAreCountedFromTheirSpec) {
  const auto count = [](const char* name, size_t words) {
    const std::vector<std::string_view> args(words, "x");
    return FindCommand(name)->KeyCount(args);
  };
  EXPECT_EQ(count("get", 2), 1u);
  EXPECT_EQ(count("set", 7), 1u);
  EXPECT_EQ(count("del", 2), 1u);
  EXPECT_EQ(count("del", 5), 4u);
  EXPECT_EQ(count("mset", 3), 1u);
  EXPECT_EQ(count("mset", 7), 3u);
  EXPECT_EQ(count("ping", 1), 0u);
  EXPECT_EQ(FindCommand("mset")->KeyIndex(2), 5u);
}

TEST(CommandTable, ArityIsExactOrAtLeast) {
  EXPECT_TRUE(FindCommand("get")->ArityFits(2));
  EXPECT_FALSE(FindCommand("get")->ArityFits(3));
  EXPECT_FALSE(FindCommand("set")->ArityFits(2));
  EXPECT_TRUE(FindCommand("set")->ArityFits(3));
  EXPECT_TRUE(FindCommand("set")->ArityFits(9));
}

TEST(ParseInteger, ItReadsWhatRedisReads) {
  const auto read = [](std::string_view text) {
    int64_t value = 77;
    return ParseInteger(text, &value) ? std::to_string(value) : "no";
  };
  for (const char* good : {"0", "-1", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(read(good), good);
  }
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "1.0", "0x1", "1e3",
                          "9223372036854775808", "-9223372036854775809", "999999999999999999999"}) {
    EXPECT_EQ(read(bad), "no") << bad;
  }
}

}  // namespace
}  // namespace weir::gateway
