// The file of hot keys: what was written is read, and what is damaged is not taken for keys.
#include "cmd/weir/hot_keys.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

using Keys = std::vector<std::string>;

class HotKeysTest : public ::testing::Test {
 protected:
  HotKeysTest() { std::filesystem::create_directories(directory); }
  ~HotKeysTest() override { std::filesystem::remove_all(directory); }

  bool Write(const Keys& keys, uint64_t free_min = 0) const {
    HotKeysWriter writer(directory.string(), free_min);
    for (const std::string& key : keys) writer.Add(key);
    return writer.Commit().ok();
  }
  // What can be read, and whether that is all.
  Keys Read(bool* all, size_t bytes_max = SIZE_MAX) const {
    HotKeys read = ReadHotKeys(directory.string(), bytes_max);
    *all = read.damage.empty();
    Keys keys;
    while (std::optional<std::string> key = read.keys.Take()) keys.push_back(std::move(*key));
    return keys;
  }
  std::string Text() const {
    std::ostringstream text;
    text << std::ifstream(directory / kHotKeysFile, std::ios::binary).rdbuf();
    return text.str();
  }
  void SetText(const std::string& text) const {
    std::ofstream(directory / kHotKeysFile, std::ios::binary) << text;
  }

  const std::filesystem::path directory =
      std::filesystem::path(::testing::TempDir()) /
      (std::string("weir-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
  bool whole = false;
};

const Keys kKeys = {"first", std::string("\0\n\r", 3), "", std::string(300, 'x')};

// Keys of several blocks.
Keys Many() {
  Keys keys;
  for (int i = 0; i < 30'000; ++i) keys.push_back("key:" + std::to_string(i));
  return keys;
}

TEST_F(HotKeysTest, WhatWasWrittenIsRead) {
  EXPECT_EQ(Read(&whole), Keys()) << "there is no file";
  EXPECT_TRUE(whole);
  for (const Keys& keys : {Keys(), kKeys, Many()}) {
    ASSERT_TRUE(Write(keys));
    EXPECT_EQ(Read(&whole), keys);
    EXPECT_TRUE(whole);
  }
}

TEST_F(HotKeysTest, NoMoreIsReadThanThereIsRoomFor) {
  ASSERT_TRUE(Write(Many()));
  const Keys read = Read(&whole, 1);
  EXPECT_TRUE(whole);
  EXPECT_FALSE(read.empty());
  EXPECT_LT(read.size(), Many().size() / 2);
  EXPECT_TRUE(std::equal(read.begin(), read.end(), Many().begin()));
}

TEST_F(HotKeysTest, AnyChangedByteAndAnyCutWithinABlockIsDamage) {
  ASSERT_TRUE(Write({"a", "bc"}));
  const std::string text = Text();
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    SetText(damaged);
    EXPECT_EQ(Read(&whole), Keys()) << i;
    EXPECT_FALSE(whole) << i;
    SetText(text.substr(0, i));
    EXPECT_EQ(Read(&whole), Keys()) << i;
    EXPECT_EQ(whole, i == 16) << i << ": of nothing but its head nothing is missing";
  }
  SetText(text + "x");
  EXPECT_EQ(Read(&whole), (Keys{"a", "bc"}));
  EXPECT_FALSE(whole);
}

TEST_F(HotKeysTest, WhatIsBeforeTheDamageIsRead) {
  ASSERT_TRUE(Write(Many()));
  SetText(Text().substr(0, Text().size() - 1));
  const Keys read = Read(&whole);
  EXPECT_FALSE(whole);
  EXPECT_GT(read.size(), Many().size() / 2);
  EXPECT_TRUE(std::equal(read.begin(), read.end(), Many().begin()));
}

// Its length would be more than there is memory for.
TEST_F(HotKeysTest, ABlockThatSaysItIsHugeIsNotBelieved) {
  SetText("weir-hot-keys 1\n" + std::string(12, '\xff') + "abc");
  EXPECT_EQ(Read(&whole), Keys());
  EXPECT_FALSE(whole);
}

TEST_F(HotKeysTest, WhatIsNoFileIsDamage) {
  std::filesystem::create_directory(directory / kHotKeysFile);
  EXPECT_EQ(Read(&whole), Keys());
  EXPECT_FALSE(whole);
  EXPECT_FALSE(Write(kKeys)) << "it cannot take its place";
}

TEST_F(HotKeysTest, WhatIsNotCommittedLeavesTheFileBefore) {
  ASSERT_TRUE(Write(kKeys));
  { HotKeysWriter(directory.string(), 0).Add("lost"); }
  EXPECT_EQ(Read(&whole), kKeys);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files += entry.exists();
  EXPECT_EQ(files, 1U);
}

TEST_F(HotKeysTest, WhatTheDatabaseNeedsOfTheDiskIsLeftToIt) {
  ASSERT_TRUE(Write(kKeys));
  const uint64_t free = std::filesystem::space(directory).available;
  HotKeysWriter writer(directory.string(), 2 * free);
  EXPECT_FALSE(writer.Add("more"));
  const Result<Ok> written = writer.Commit();
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message.find("what is left of the disk"), std::string::npos);
  EXPECT_EQ(Read(&whole), kKeys);
}

TEST_F(HotKeysTest, OnlyItsOwnerMayReadIt) {
  ASSERT_TRUE(Write(kKeys));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(directory / kHotKeysFile).permissions(),
            perms::owner_read | perms::owner_write);
}

TEST_F(HotKeysTest, WhatAKilledProcessHasLeftIsRemovedAndWrittenOver) {
  ASSERT_TRUE(Write(kKeys));
  const std::filesystem::path fresh = directory / (std::string(kHotKeysFile) + ".new");
  std::ofstream(fresh) << "half";
  ASSERT_TRUE(Write({"a"}));
  EXPECT_EQ(Read(&whole), Keys{"a"});
  std::ofstream(fresh) << "half";
  RemoveHotKeys(directory.string(), false);
  EXPECT_FALSE(std::filesystem::exists(fresh));
  EXPECT_EQ(Read(&whole), Keys{"a"});
  RemoveHotKeys(directory.string(), true);
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(HotKeysTest, WhereThereIsNoDirectoryNothingIsWritten) {
  std::filesystem::remove_all(directory);
  EXPECT_FALSE(Write(kKeys));
}

}  // namespace
}  // namespace weir::cmd
