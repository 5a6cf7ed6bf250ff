// Goal: files are copied whole or the copy fails; paths are compared as the system sees them.
// Method: real files in a temporary directory.
#include "weir/backup/files.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "weir/base/key_hash.h"

namespace weir::backup {
namespace {

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = std::filesystem::temp_directory_path() / "weir-test-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    scratch_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }
  std::string At(const std::string& name) const { return scratch_ + "/" + name; }

  static bool GoOn(uint64_t) { return true; }

  std::string scratch_;
};

TEST_F(FilesTest, ACopyIsWholeAndItsSumIsThatOfItsContent) {
  std::string content;
  for (int i = 0; content.size() < (size_t{9} << 20); ++i) content += std::to_string(i);
  for (const std::string& text : {content, std::string()}) {
    std::filesystem::remove(At("from"));
    std::filesystem::remove(At("to"));
    ASSERT_TRUE(WriteWholeFile(At("from"), text).ok());
    uint64_t told = 0;
    const auto copied = CopyFile(At("from"), At("to"), [&](uint64_t bytes) {
      told += bytes;
      return true;
    });
    ASSERT_TRUE(copied.ok()) << copied.error().message;
    EXPECT_EQ(copied.value().bytes, text.size());
    EXPECT_EQ(copied.value().hash, StableHash(text));
    EXPECT_EQ(told, text.size());
    EXPECT_EQ(ReadWholeFile(At("to"), text.size()).value(), text);
    EXPECT_EQ(SumFile(At("to"), GoOn).value().hash, StableHash(text));
  }
}

TEST_F(FilesTest, ACopyNeverReplacesAFileAndCanBeStopped) {
  ASSERT_TRUE(WriteWholeFile(At("from"), std::string(100, 'x')).ok());
  ASSERT_TRUE(WriteWholeFile(At("to"), "mine").ok());
  EXPECT_FALSE(CopyFile(At("from"), At("to"), GoOn).ok());
  EXPECT_EQ(ReadWholeFile(At("to"), 100).value(), "mine");
  const auto stopped = CopyFile(At("from"), At("other"), [](uint64_t) { return false; });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().message, "cancelled");
  const auto absent = CopyFile(At("absent"), At("third"), GoOn);
  ASSERT_FALSE(absent.ok());
  EXPECT_NE(absent.error().message.find(At("absent")), std::string::npos);
  std::filesystem::create_symlink(At("from"), At("link"));
  EXPECT_FALSE(SumFile(At("link"), GoOn).ok()) << "a link is not followed";
}

TEST_F(FilesTest, ACopyThatDoesNotFitIsAnError) {
  ASSERT_TRUE(WriteWholeFile(At("from"), std::string(10'000, 'x')).ok());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{5'000, before.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto copied = CopyFile(At("from"), At("to"), GoOn);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().message, "cannot write " + At("to") + ": File too large");
}

TEST_F(FilesTest, WhatCannotBeWrittenOrMeasuredIsAnError) {
  EXPECT_FALSE(WriteWholeFile(At("absent/file"), "x").ok());
  EXPECT_GT(FreeBytesAt(scratch_).value(), 0U);
  EXPECT_FALSE(FreeBytesAt(At("absent")).ok());
}

TEST_F(FilesTest, AFileIsReplacedWholeOrIsAsBefore) {
  ASSERT_TRUE(WriteWholeFile(At("text.new"), "of a process that ended").ok());
  ASSERT_TRUE(ReplaceFile(At("text"), "one").ok());
  ASSERT_TRUE(ReplaceFile(At("text"), "two").ok());
  EXPECT_EQ(ReadWholeFile(At("text"), 3).value(), "two");
  EXPECT_FALSE(std::filesystem::exists(At("text.new")));
  ASSERT_TRUE(MakeDirectory(At("folder")).ok());
  EXPECT_EQ(ReplaceFile(At("folder"), "three").error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(At("folder.new")));
  ASSERT_TRUE(MakeDirectory(At("text.new")).ok());  // Where the new text would go.
  EXPECT_EQ(ReplaceFile(At("text"), "three").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(ReadWholeFile(At("text"), 3).value(), "two");
}

TEST_F(FilesTest, AReplacementThatAPowerCutMayUndoIsUnknown) {
  const auto fails = [](const std::string& directory) {
    return Result<Ok>(Error{ErrorCode::kUnavailable, "cannot sync " + directory});
  };
  const auto replaced = ReplaceFile(At("text"), "one", fails);
  EXPECT_EQ(replaced.error().code, ErrorCode::kUnknown);
  EXPECT_EQ(replaced.error().message, "cannot sync " + scratch_);
  EXPECT_EQ(ReadWholeFile(At("text"), 3).value(), "one");
}

TEST_F(FilesTest, ATextThatIsTooLongIsRefused) {
  ASSERT_TRUE(WriteWholeFile(At("text"), "12345").ok());
  EXPECT_EQ(ReadWholeFile(At("text"), 5).value(), "12345");
  const auto over = ReadWholeFile(At("text"), 4);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::kCorrupt);
}

TEST_F(FilesTest, PathsAreComparedWithoutLinks) {
  ASSERT_TRUE(MakeDirectory(At("data")).ok());
  EXPECT_FALSE(MakeDirectory(At("data")).ok());
  std::filesystem::create_directory_symlink(At("data"), At("link"));
  EXPECT_TRUE(IsWithin(RealPath(At("link/x/../y")), RealPath(At("data"))));
  EXPECT_TRUE(IsWithin(RealPath(At("data/")), RealPath(At("data"))));
  EXPECT_FALSE(IsWithin(RealPath(At("data-2")), RealPath(At("data"))));
  EXPECT_FALSE(IsWithin(scratch_, RealPath(At("data"))));
  EXPECT_TRUE(IsWithin("/a", "/"));
  EXPECT_EQ(ParentOf("/a/b"), "/a");
  EXPECT_TRUE(SyncDirectory(At("data")).ok());
  EXPECT_FALSE(SyncDirectory(At("absent")).ok());
  ASSERT_TRUE(WriteWholeFile(At("data/b"), "22").ok());
  ASSERT_TRUE(WriteWholeFile(At("data/a"), "1").ok());
  ASSERT_TRUE(MakeDirectory(At("data/folder")).ok());
  const auto files = ListFiles(At("data"));
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files.value().size(), 2U);
  EXPECT_EQ(files.value()[0].name, "a");
  EXPECT_EQ(files.value()[1].bytes, 2U);
  EXPECT_FALSE(ListFiles(At("absent")).ok());
}

}  // namespace
}  // namespace weir::backup
