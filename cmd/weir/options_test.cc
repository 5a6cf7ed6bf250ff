// Goal: the table of options is whole, and what is generated from it is complete.
// Method: properties of every row; each shown default reads back.
#include "cmd/weir/options.h"

#include <set>

#include "cmd/weir/load.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Options, EachIsDeclaredOnceInAKnownSectionWithOneSentence) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Option& option : Options()) {
    const std::string name = std::string(option.section) + "." + std::string(option.key);
    EXPECT_TRUE(seen.insert({option.section, option.key}).second) << name;
    EXPECT_NE(FindSection(option.section), nullptr) << name;
    EXPECT_EQ(FindOption(option.section, option.key), &option) << name;
    EXPECT_TRUE(option.doc.ends_with(".")) << name;
    EXPECT_EQ(option.doc.find('|'), option.doc.npos) << name << " would break the table";
    EXPECT_TRUE(option.required || !option.default_text.empty()) << name;
    EXPECT_EQ(option.words.empty(), option.type != ValueType::kChoice) << name;
  }
}

TEST(Options, FlagsAreTheKeysOfTheServer) {
  for (const char* key : {"listen", "admin", "data", "shards", "memory", "threads"}) {
    const Option* option = FindOption("server", key);
    ASSERT_NE(option, nullptr) << key;
    EXPECT_EQ(FlagOf(*option), "--" + std::string(key));
  }
  EXPECT_EQ(FlagOf(*FindOption("server", "max_clients")), "--max-clients");
}

TEST(Options, TheDocumentNamesEverySectionAndKey) {
  const std::string document = ConfigurationDocument();
  for (const Section& section : Sections()) {
    EXPECT_THAT(document, HasSubstr("[" + std::string(section.name) + "]"));
  }
  for (const Option& option : Options()) {
    EXPECT_THAT(document, HasSubstr("| `" + std::string(option.key) + "` | "));
    EXPECT_THAT(document, HasSubstr(std::string(option.doc)));
  }
}

TEST(Options, TheExampleOfTheDocumentIsValid) {
  const std::string document = ConfigurationDocument();
  const size_t begin = document.find("```toml\n") + 8;
  const std::string example = document.substr(begin, document.rfind("```") - begin);
  const Loaded loaded = LoadConfig({.file_name = "example", .text = example, .flags = {}},
                                   {.memory_bytes = uint64_t{8} << 30, .cpus = 2});
  EXPECT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_EQ(loaded.config.limits.size(), 1u);
}

TEST(Options, AnUnknownWordOfAChoiceNamesTheKnownOnes) {
  Config config;
  const Option* option = FindOption("server", "durability");
  EXPECT_THAT(option->read(&config.server, {"fsnc"}), HasSubstr(R"(write "fsync" or "os")"));
  EXPECT_EQ(option->read(&config.server, {"os"}), "");
  EXPECT_EQ(config.server.durability, Durability::kOs);
}

TEST(Options, BoundsAreInclusive) {
  Config config;
  const Option* shards = FindOption("server", "shards");
  EXPECT_EQ(shards->read(&config.server, {"1"}), "");
  EXPECT_EQ(shards->read(&config.server, {"64"}), "");
  EXPECT_THAT(shards->read(&config.server, {"0"}), HasSubstr("below 1"));
  EXPECT_THAT(shards->read(&config.server, {"65"}), HasSubstr("above 64"));
  EXPECT_EQ(config.server.shards, 64) << "a refused value changes nothing";
}

}  // namespace
}  // namespace weir::cmd
