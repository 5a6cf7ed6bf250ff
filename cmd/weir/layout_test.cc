// Goal: a directory is known again under any name, and one that says it is another's is refused.
// Method: real directories and links in a temporary one; marks as text.
#include "cmd/weir/layout.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Directories : public ::testing::Test {
 protected:
  Directories() {
    std::string made = (fs::temp_directory_path() / "layout_test.XXXXXX").string();
    root_ = mkdtemp(made.data());
    fs::create_directories(root_ + "/data/within");
    fs::create_directory(root_ + "/data2");
    fs::create_directory_symlink(root_ + "/data", root_ + "/link");
  }
  ~Directories() override { fs::remove_all(root_); }

  std::string root_;
};

TEST_F(Directories, OneLiesInAnotherByWhatItIsAndNotByItsName) {
  const std::string data = root_ + "/data";
  EXPECT_TRUE(LiesIn(data, data));
  EXPECT_TRUE(LiesIn(data, root_ + "/link"));
  EXPECT_TRUE(LiesIn(data + "/within/not/there/yet", root_ + "/link"));
  EXPECT_TRUE(LiesIn(data, root_));
  EXPECT_FALSE(LiesIn(root_, data));
  EXPECT_FALSE(LiesIn(root_ + "/data2", data));
  EXPECT_FALSE(LiesIn(data, root_ + "/none"));
}

TEST_F(Directories, OneUnderTwoNamesIsRefused) {
  EXPECT_TRUE(CheckApart({root_ + "/data", root_ + "/data2", root_ + "/none"}).ok());
  const auto same = CheckApart({root_ + "/data", root_ + "/data2", root_ + "/link"});
  ASSERT_FALSE(same.ok());
  EXPECT_THAT(same.error().message, HasSubstr("are one"));
}

TEST_F(Directories, AListThatCannotBeReadIsNotAnEmptyOne) {
  EXPECT_TRUE(ReadAddedShards(root_ + "/data").ok());
  fs::create_symlink(root_ + "/none", root_ + "/data/shards.txt");
  EXPECT_FALSE(ReadAddedShards(root_ + "/data").ok());
}

TEST(Mark, MustBeTheExpectedOneOrNone) {
  EXPECT_TRUE(CompareMark("/d", std::nullopt, "", "").ok());
  EXPECT_TRUE(CompareMark("/d", "1 ab", "1 ab", "/first").ok());
  const auto other = CompareMark("/d", "1 ab", "2 cd", "/first");
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message, HasSubstr("not the one that was added as shard 1"));
  EXPECT_FALSE(CompareMark("/d", "1 ab", "", "").ok());
  const auto unexpected = CompareMark("/d", std::nullopt, "2 cd", "/first");
  ASSERT_FALSE(unexpected.ok());
  EXPECT_EQ(unexpected.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(unexpected.error().message, HasSubstr("to the data that begins in /first"));
  EXPECT_THAT(unexpected.error().message, HasSubstr("2 cd /d"));
}

}  // namespace
}  // namespace weir::cmd
