// The file of what was in memory: what was written is read, and what is damaged is not taken for
// entries.
#include "cmd/weir/snapshot_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

struct Kept {
  std::string key;
  std::string value;
  WallTime expires_at = kNever;
  WallTime fresh_until = kNever;
  uint64_t version = 0;
  bool operator==(const Kept&) const = default;
};

class SnapshotFileTest : public ::testing::Test {
 protected:
  SnapshotFileTest() { std::filesystem::create_directories(directory); }
  ~SnapshotFileTest() override { std::filesystem::remove_all(directory); }

  bool Write(const std::vector<Kept>& entries, uint64_t free_min = 0) const {
    SnapshotWriter writer(directory.string(), "id-1", free_min);
    for (const Kept& kept : entries) {
      writer.Add({kept.key, kept.value, kept.expires_at, kept.fresh_until, kept.version});
    }
    return writer.Commit().ok();
  }
  // What can be read, and whether that is all.
  std::vector<Kept> Read(bool* all) {
    SnapshotReader reader(directory.string());
    id = reader.id();
    std::vector<Kept> entries;
    while (reader.Next([&](const gateway::SnapshotEntry& entry) {
      entries.push_back({std::string(entry.key), std::string(entry.value), entry.expires_at,
                         entry.fresh_until, entry.version});
    })) {
    }
    *all = reader.damage().empty();
    return entries;
  }
  std::string Text() const {
    std::ostringstream text;
    text << std::ifstream(directory / kSnapshotFile, std::ios::binary).rdbuf();
    return text.str();
  }
  void SetText(const std::string& text) const {
    std::ofstream(directory / kSnapshotFile, std::ios::binary) << text;
  }

  const std::filesystem::path directory =
      std::filesystem::path(::testing::TempDir()) /
      (std::string("weir-snapshot-") +
       ::testing::UnitTest::GetInstance()->current_test_info()->name());
  bool whole = false;
  std::string id;
};

const std::vector<Kept> kEntries = {
    {"first", "value", kNever, kNever, 7},
    {std::string("\0\n", 2), "", {123}, kNever, ~uint64_t{0}},
    {"", std::string(300, 'x'), kNever, {-5}, 0},
    {"both", "v", {1}, {2}, 3},
};

// Entries of several blocks.
std::vector<Kept> Many() {
  std::vector<Kept> entries;
  for (int i = 0; i < 300; ++i) {
    entries.push_back({"key:" + std::to_string(i), std::string(10'000, 'v'), kNever, kNever, 1});
  }
  return entries;
}

TEST_F(SnapshotFileTest, WhatWasWrittenIsRead) {
  EXPECT_TRUE(Read(&whole).empty()) << "there is no file";
  EXPECT_TRUE(whole);
  EXPECT_EQ(id, "");
  for (const auto& entries : {std::vector<Kept>(), kEntries, Many()}) {
    ASSERT_TRUE(Write(entries));
    EXPECT_EQ(Read(&whole), entries);
    EXPECT_TRUE(whole);
    EXPECT_EQ(id, "id-1");
  }
}

TEST_F(SnapshotFileTest, AnyChangedByteAndAnyCutIsDamageOrAnotherId) {
  ASSERT_TRUE(Write({kEntries[0]}));
  const std::string text = Text();
  const size_t head = text.find('\n') + 1;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    SetText(damaged);
    const std::vector<Kept> read = Read(&whole);
    EXPECT_TRUE(!whole || id != "id-1") << i;
    EXPECT_TRUE(read.empty() || id != "id-1") << i;
    SetText(text.substr(0, i));
    EXPECT_TRUE(Read(&whole).empty()) << i;
    EXPECT_EQ(whole, i == head) << i << ": of nothing but its head nothing is missing";
  }
}

TEST_F(SnapshotFileTest, WhatIsBeforeTheDamageIsRead) {
  ASSERT_TRUE(Write(Many()));
  SetText(Text().substr(0, Text().size() - 1));
  const std::vector<Kept> read = Read(&whole);
  EXPECT_FALSE(whole);
  EXPECT_GT(read.size(), Many().size() / 2);
  EXPECT_TRUE(std::equal(read.begin(), read.end(), Many().begin()));
}

TEST_F(SnapshotFileTest, AnEntryThatIsTooLargeIsLeftOut) {
  std::vector<Kept> entries = kEntries;
  entries.insert(entries.begin(),
                 {"large", std::string(SnapshotWriter::kEntryBytesMax, 'v'), kNever, kNever, 1});
  entries.push_back(
      {"fits", std::string(SnapshotWriter::kEntryBytesMax - 64, 'v'), kNever, kNever, 1});
  ASSERT_TRUE(Write(entries));
  entries.erase(entries.begin());
  EXPECT_EQ(Read(&whole), entries);
  EXPECT_TRUE(whole);
}

TEST_F(SnapshotFileTest, WhereTheDatabaseNeedsTheDiskItEndsEarlier) {
  ASSERT_TRUE(Write(kEntries));
  const uint64_t free = std::filesystem::space(directory).available;
  EXPECT_FALSE(Write(Many(), 2 * free));
  EXPECT_EQ(Read(&whole), kEntries);
}

TEST_F(SnapshotFileTest, BlocksOfGoodChecksumsThatHoldNoEntriesAreDamage) {
  for (const char* block : {"\xff", "x", "\x03 too short"}) {
    BlockFileWriter writer(
        {.path = (directory / kSnapshotFile).string(), .head = "weir-cache-snapshot 1 id-1\n"});
    writer.Write(block);
    ASSERT_TRUE(writer.Commit().ok());
    EXPECT_TRUE(Read(&whole).empty());
    EXPECT_FALSE(whole);
  }
}

TEST_F(SnapshotFileTest, WhatAKilledProcessHasLeftIsRemoved) {
  ASSERT_TRUE(Write(kEntries));
  const std::filesystem::path fresh = directory / (std::string(kSnapshotFile) + ".new");
  std::ofstream(fresh) << "half";
  RemoveSnapshot(directory.string(), false);
  EXPECT_FALSE(std::filesystem::exists(fresh));
  EXPECT_EQ(Read(&whole), kEntries);
  RemoveSnapshot(directory.string(), true);
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

}  // namespace
}  // namespace weir::cmd
