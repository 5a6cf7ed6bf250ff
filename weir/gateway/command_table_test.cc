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
    EXPECT_THAT(std::string(spec.name), testing::MatchesRegex("[a-z_.]+(\\|[a-z-]+)?"));
  }
}

TEST(CommandTable, EveryRowIsFoundInAnyCaseAndNothingElse) {
  for (const CommandSpec& spec : AllCommands()) {
    std::string mixed(spec.name);
    for (size_t i = 0; i < mixed.size(); i += 2) {
      if (mixed[i] >= 'a' && mixed[i] <= 'z') mixed[i] = static_cast<char>(mixed[i] - 32);
    }
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
    const bool container = spec.subcommands > 0 && spec.local == nullptr;
    const bool authenticates = spec.kind == CommandKind::kAuthenticate;
    const bool local = (spec.kind == CommandKind::kLocal && !container) || authenticates;
    EXPECT_EQ(spec.local != nullptr, local) << spec.name;
    EXPECT_EQ(spec.credentials != nullptr, authenticates) << spec.name;
    EXPECT_EQ(spec.read != nullptr, spec.kind == CommandKind::kRead) << spec.name;
    EXPECT_EQ(spec.write != nullptr, spec.kind == CommandKind::kWrite) << spec.name;
    EXPECT_EQ(spec.operation != nullptr, spec.kind == CommandKind::kOperation) << spec.name;
    // Limits are decided on the spot, for keys that are not stored; and memory forgets on the spot.
    const bool decides = spec.group == "limit" && (spec.categories & (kCatRead | kCatWrite)) != 0;
    const bool forgets = spec.name == "weir.invalidate|key" || spec.name == "weir.invalidate|tag";
    const bool has_keys = spec.kind == CommandKind::kRead || spec.kind == CommandKind::kWrite ||
                          decides || forgets;
    EXPECT_EQ(spec.keys.first != 0, has_keys) << spec.name;
  }
}

TEST(CommandTable, FlagsSayWhatTheKindDoes) {
  for (const CommandSpec& spec : AllCommands()) {
    EXPECT_EQ((spec.flags & kFlagReadOnly) != 0, (spec.categories & kCatRead) != 0) << spec.name;
    EXPECT_EQ((spec.flags & kFlagWrite) != 0, (spec.categories & kCatWrite) != 0) << spec.name;
    const bool writes = spec.kind == CommandKind::kWrite;
    const bool reads = spec.kind == CommandKind::kRead;
    EXPECT_TRUE(!writes || (spec.flags & kFlagWrite) != 0) << spec.name;
    const bool own = (spec.flags & kFlagTransaction) != 0;  // WATCH, as in Redis.
    EXPECT_TRUE(!reads || own || (spec.flags & kFlagReadOnly) != 0) << spec.name;
    EXPECT_FALSE(spec.summary.empty()) << spec.name;
    EXPECT_FALSE(spec.group.empty()) << spec.name;
    EXPECT_FALSE(spec.since.empty()) << spec.name;
  }
}

TEST(CommandTable, ASubcommandIsFoundByTheWordsOfItsRequest) {
  const auto resolve = [](const std::vector<std::string_view>& words) {
    const CommandSpec* spec = ResolveCommand(words);
    return spec == nullptr ? std::string("nothing") : std::string(spec->name);
  };
  EXPECT_EQ(resolve({"get", "k"}), "get");
  EXPECT_EQ(resolve({"CLIENT"}), "client");
  EXPECT_EQ(resolve({"Client", "GetName"}), "client|getname");
  EXPECT_EQ(resolve({"client", "getnam"}), "nothing");
  EXPECT_EQ(resolve({"client", ""}), "nothing");
  EXPECT_EQ(resolve({"client|getname"}), "nothing");
  EXPECT_EQ(resolve({"command"}), "command");
  EXPECT_EQ(resolve({"command", "count"}), "command|count");
  for (const CommandSpec& spec : AllCommands()) {
    for (const CommandSpec& subcommand : spec.Subcommands()) {
      const size_t bar = subcommand.name.find('|');
      EXPECT_EQ(subcommand.name.substr(0, bar), spec.name);
      EXPECT_EQ(resolve({spec.name, subcommand.name.substr(bar + 1)}), subcommand.name);
    }
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
