// Goal: only a complete backup opens. Method: directories prepared by hand.
#include "weir/backup/backup_directory.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "weir/backup/files.h"

namespace weir::backup {
namespace {

TEST(BackupDirectoryTest, OnlyACompleteBackupOpens) {
  std::string scratch = std::filesystem::temp_directory_path() / "weir-test-XXXXXX";
  ASSERT_NE(::mkdtemp(scratch.data()), nullptr);
  const auto error = [&] {
    const auto opened = OpenBackup(scratch);
    return opened.ok() ? "(opened)" : opened.error().message;
  };
  const auto expect_error = [&](const std::string& part) {
    EXPECT_NE(error().find(part), std::string::npos) << error();
  };
  Manifest manifest;
  manifest.weir_version = "0.1.0";
  manifest.databases = {{.shards = 1}};
  manifest.shards = {{0, 0}};
  manifest.files = {{"database-0/a", 1, 7}};
  ASSERT_TRUE(MakeDirectory(scratch + "/database-0").ok());
  ASSERT_TRUE(WriteWholeFile(scratch + "/database-0/a", "x").ok());
  EXPECT_FALSE(IsBackup(scratch));
  expect_error("is not a complete backup");
  ASSERT_TRUE(WriteWholeFile(scratch + "/BACKUP", manifest.ToText()).ok());
  EXPECT_TRUE(IsBackup(scratch));
  EXPECT_EQ(error(), "(opened)");
  std::filesystem::resize_file(scratch + "/database-0/a", 2);
  expect_error("another length");
  std::filesystem::remove(scratch + "/database-0/a");
  expect_error("is missing");
  std::filesystem::resize_file(scratch + "/BACKUP", 20);
  expect_error("manifest BACKUP is damaged");
  std::filesystem::remove_all(scratch);
}

}  // namespace
}  // namespace weir::backup
