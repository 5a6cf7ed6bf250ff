// Goal: what a move tells of its bytes, rate and time left is what a person would work out.
// Method: passes over a range of known size.
#include "weir/gateway/move_progress.h"

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

using std::chrono::seconds;

TEST(MoveProgressTest, KnowsNothingBeforeItHasBegun) {
  MoveProgress progress;
  EXPECT_EQ(progress.done(), 0U);
  EXPECT_EQ(progress.all(0), 0U);
  EXPECT_EQ(progress.seconds_left(0), std::nullopt);
  progress.Tick(seconds(1));
  EXPECT_EQ(progress.seconds_left(0), std::nullopt);
}

TEST(MoveProgressTest, TakesAllFromThePartThatIsPassedAndCountsTheSecondPass) {
  MoveProgress progress;
  progress.Note(0, 100);
  progress.Tick(seconds(1));
  EXPECT_EQ(progress.all(0.25), 400U);
  EXPECT_EQ(progress.bytes_per_second(), 100U);
  EXPECT_EQ(progress.seconds_left(0.25), 3U + 4U) << "it is copied, then verified";
}

TEST(MoveProgressTest, KnowsTheBytesOfTheSecondPassFromTheFirst) {
  MoveProgress progress;
  progress.Note(0, 500);
  progress.Note(1, 200);
  progress.Tick(seconds(1));
  EXPECT_EQ(progress.done(), 200U);
  EXPECT_EQ(progress.all(0.9), 500U);
  EXPECT_GT(progress.seconds_left(0.9), 0U);
  progress.Note(1, 400);
  EXPECT_EQ(progress.all(1), 600U) << "clients wrote meanwhile: never less than is done";
}

TEST(MoveProgressTest, BeginsAnewWithTheMove) {
  MoveProgress progress;
  progress.Note(1, 500);
  progress.Note(0, 10);
  EXPECT_EQ(progress.done(), 10U);
  EXPECT_EQ(progress.all(0.5), 20U);
}

TEST(MoveProgressTest, ARateIsTakenOverAboutASecond) {
  MoveProgress progress;
  progress.Note(0, 1000);
  progress.Tick(seconds(1));
  for (int i = 0; i < 100; ++i) {
    progress.Note(0, 10);
    progress.Tick(std::chrono::milliseconds(100));
  }
  EXPECT_NEAR(static_cast<double>(progress.bytes_per_second()), 100, 5);
}

}  // namespace
}  // namespace weir::gateway
