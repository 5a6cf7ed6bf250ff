// The file of what was in memory: what was written is read, and what is damaged is not taken for
// entries.
#include "cmd/weir/snapshot_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
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
    SnapshotWriter writer({.directory = directory.string(), .id = "id-1", .free_min = free_min});
    return Add(&writer, entries);
  }
  static bool Add(SnapshotWriter* writer, const std::vector<Kept>& entries) {
    for (const Kept& kept : entries) {
      writer->Add({kept.key, kept.value, kept.expires_at, kept.fresh_until, kept.version});
    }
    return writer->Commit().ok();
  }
  // The file that is there, in its parts: the head, and each block with its length and sum.
  std::vector<std::string> Parts() const {
    std::string text = Text();
    std::vector<std::string> parts{text.substr(0, text.find('\n') + 1)};
    for (std::string_view left = std::string_view(text).substr(parts[0].size()); !left.empty();) {
      std::string_view head = left;
      uint32_t size = 0;
      TakeLittleEndian(&head, &size);
      parts.emplace_back(left.substr(0, sizeof(size) + sizeof(uint64_t) + size));
      left.remove_prefix(parts.back().size());
    }
    return parts;
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

// As a copy has them that was broken off, or a disk that lost a write.
TEST_F(SnapshotFileTest, BlocksOfAnotherFileOrInAnotherOrderAreDamage) {
  SnapshotWriter other({.directory = directory.string(), .id = "id-2"});
  ASSERT_TRUE(Add(&other, Many()));
  const std::vector<std::string> others = Parts();
  ASSERT_TRUE(Write(Many()));
  const std::vector<std::string> own = Parts();
  ASSERT_GE(own.size(), 4U);
  SetText(own[0] + own[1]);
  const size_t of_the_first = Read(&whole).size();
  ASSERT_TRUE(whole);
  const std::string tail = own[1] + own[2] + own[3];
  EXPECT_EQ(own[2].substr(12), others[2].substr(12)) << "they hold the same";
  const std::vector<std::pair<std::string, size_t>> mixtures = {
      {own[0] + own[1] + others[2], of_the_first},
      {own[0] + own[1] + own[3], of_the_first},
      {own[0] + own[1] + own[1], of_the_first},
      {own[0] + own[2] + own[1], 0},
      {own[0] + others[1], 0},
      {others[0] + tail, 0}};
  for (const auto& [text, good] : mixtures) {
    SetText(text);
    EXPECT_EQ(Read(&whole).size(), good);
    EXPECT_FALSE(whole);
  }
}

// The clock of the caller's deadline, on a disk that takes a second for a block.
TEST_F(SnapshotFileTest, OnASlowDiskItEndsWithinABlockOfTheDeadline) {
  for (const size_t size : {10, 10'000, 1'500'000}) {
    RemoveSnapshot(directory.string(), true);
    int seconds = 0;
    SnapshotWriter writer({.directory = directory.string(), .id = "id-1", .interrupted = [&] {
                             return seconds++ == 3;
                           }});
    const std::string value(size, 'v');
    size_t added = 0;
    while (writer.Add({.key = "key", .value = value})) ASSERT_LT(++added, 1'000'000U);
    EXPECT_EQ(seconds, 4) << "a block is never written without a question";
    const auto kept = writer.Commit();
    ASSERT_TRUE(kept.ok());
    EXPECT_EQ(kept.value(), SnapshotWriter::Kept::kPart);
    EXPECT_EQ(Parts().size(), 4U) << "the head and three blocks";
    EXPECT_EQ(Read(&whole).size(), writer.entries());
    EXPECT_TRUE(whole);
  }
}

TEST_F(SnapshotFileTest, WhatIsCutShortDoesNotTakeThePlaceOfTheFileBefore) {
  ASSERT_TRUE(Write(kEntries));
  {
    SnapshotWriter writer({.directory = directory.string(),
                           .id = "id-2",
                           .interrupted = [asked = 0]() mutable { return ++asked == 3; }});
    for (const Kept& kept : Many()) writer.Add({.key = kept.key, .value = kept.value});
    const auto kept = writer.Commit();
    ASSERT_TRUE(kept.ok());
    EXPECT_EQ(kept.value(), SnapshotWriter::Kept::kFileBefore);
  }
  EXPECT_EQ(Read(&whole), kEntries);
  EXPECT_EQ(id, "id-1");
  RemoveSnapshot(directory.string(), true);
  EXPECT_TRUE(std::filesystem::is_empty(directory)) << "it leaves no trace";
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

TEST_F(SnapshotFileTest, WhereTheDatabaseNeedsAllOfTheDiskTheFileBeforeStays) {
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
