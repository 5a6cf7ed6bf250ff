// Goal: a manifest says exactly what was written, and hostile text cannot make it say more.
// Method: a golden text; every flipped bit, every truncation, and foreign lines under a right
// checksum.
#include "weir/backup/manifest.h"

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"

namespace weir::backup {
namespace {

Manifest Sample() {
  Manifest manifest;
  manifest.weir_version = "0.1.0";
  manifest.cut_ms = 1'764'000'000'000;
  manifest.databases = {{2, 9, 7, 3, 1}, {1, 8, 6, 4, 0}};
  manifest.shards = {{0, 0}, {1, 0}, {0, 1}};
  manifest.files = {{"database-0/000012.sst", 4711, 0xf0}, {"database-1/CURRENT", 0, 1}};
  return manifest;
}

// `body` with the checksum that makes it whole.
std::string Sealed(const std::string& body) {
  char line[40];
  std::snprintf(line, sizeof(line), "checksum %016llx\n",
                static_cast<unsigned long long>(StableHash(body)));
  return body + line;
}

std::string Replaced(const std::string& from, const std::string& to) {
  std::string text = Sample().ToText();
  text.resize(text.find("checksum "));
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return Sealed(text.replace(at, from.size(), to));
}

TEST(ManifestTest, TheTextIsPinnedAndComesBack) {
  const std::string text = Sample().ToText();
  EXPECT_EQ(text.substr(0, text.find("checksum ")),
            "weir-backup 1\n"
            "weir 0.1.0\n"
            "cut_ms 1764000000000\n"
            "database 0 shards=2 commit=9 version_max=7 records=3 with_expiry=1\n"
            "database 1 shards=1 commit=8 version_max=6 records=4 with_expiry=0\n"
            "shard 0 database=0 index=0\n"
            "shard 1 database=1 index=0\n"
            "shard 2 database=0 index=1\n"
            "file bytes=4711 xxh3=00000000000000f0 database-0/000012.sst\n"
            "file bytes=0 xxh3=0000000000000001 database-1/CURRENT\n");
  const auto read = Manifest::FromText(text);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read.value().ToText(), text);
  EXPECT_EQ(read.value().TotalBytes(), 4711U);
  EXPECT_EQ(read.value().TotalRecords(), 7U);
}

TEST(ManifestTest, EveryFlippedBitAndEveryTruncationIsDamage) {
  std::string text = Sample().ToText();
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    const auto flip = static_cast<char>(1 << bit % 8);
    text[bit / 8] ^= flip;
    const auto read = Manifest::FromText(text);
    ASSERT_FALSE(read.ok()) << "bit " << bit;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    text[bit / 8] ^= flip;
  }
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(Manifest::FromText(text.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Manifest::FromText(text + "\n").ok());
}

TEST(ManifestTest, APathCannotLeaveTheBackup) {
  for (const char* path :
       {"/etc/passwd", "database-0/../../x", "database-0/..", "database-0/.", "database-0/",
        "database-2/x", "database-00/x", "database-0", "BACKUP", "../database-0/x",
        "database-0/a/b", "database-0/a b", "database--1/x", "database-0/\x01"}) {
    EXPECT_FALSE(Manifest::FromText(Replaced("database-1/CURRENT", path)).ok()) << path;
  }
  EXPECT_TRUE(Manifest::FromText(Replaced("database-1/CURRENT", "database-1/OPTIONS-7")).ok());
}

TEST(ManifestTest, ShardsMustBeThoseOfTheDatabases) {
  EXPECT_FALSE(Manifest::FromText(Replaced("shards=2", "shards=3")).ok());
  EXPECT_FALSE(Manifest::FromText(Replaced("shard 2 database=0 index=1\n", "")).ok());
  EXPECT_FALSE(Manifest::FromText(Replaced("database=0 index=1", "database=9 index=1")).ok());
  EXPECT_FALSE(Manifest::FromText(Replaced("database=0 index=1", "database=0 index=0")).ok());
  EXPECT_FALSE(Manifest::FromText(Replaced("database 1 ", "database 7 ")).ok());
}

TEST(ManifestTest, AnUnknownFormatIsSaidToBeOne) {
  const auto read = Manifest::FromText(Replaced("weir-backup 1", "weir-backup 2"));
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message.find("a format that this weir does not know"), std::string::npos);
  EXPECT_FALSE(Manifest::FromText("").ok());
  EXPECT_FALSE(Manifest::FromText(Sealed("weir-backup 1\n")).ok()) << "no database";
}

TEST(ManifestTest, TheNumberOfDatabasesIsLimited) {
  Manifest manifest;
  manifest.weir_version = "0.1.0";
  for (uint32_t i = 0; i < Manifest::kDatabasesMax; ++i) {
    manifest.databases.push_back({.shards = 1});
    manifest.shards.push_back({i, 0});
  }
  EXPECT_TRUE(Manifest::FromText(manifest.ToText()).ok());
  manifest.databases.push_back({.shards = 1});
  manifest.shards.push_back({Manifest::kDatabasesMax, 0});
  EXPECT_FALSE(Manifest::FromText(manifest.ToText()).ok());
}

}  // namespace
}  // namespace weir::backup
