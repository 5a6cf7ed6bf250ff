// Goal: a move goes at full speed while nobody asks, and yields to who does. Method: looks at what
// databases would have answered, one after another.
#include "weir/gateway/copy_pace.h"

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kBusy = 64 << 20;
constexpr CopyPace::Answers kNone{};

CopyPace::Answers Of(uint64_t count, milliseconds each) {
  return {count, count * each};
}

TEST(CopyPaceTest, IsIdleAfterSomeLooksWithoutARequestAndNotBefore) {
  CopyPace pace(kBusy);
  for (int i = 1; i < CopyPace::kIdleLooks; ++i) pace.Look(kNone);
  EXPECT_FALSE(pace.idle());
  pace.Look(kNone);
  EXPECT_TRUE(pace.idle());
  pace.Look(Of(1, milliseconds(5)));
  EXPECT_FALSE(pace.idle()) << "one request is enough";
  EXPECT_EQ(pace.bytes(), kBusy);
}

TEST(CopyPaceTest, IsHalvedWhileAnswersTakeLongerDownToAPart) {
  CopyPace pace(kBusy);
  pace.Look(Of(100, milliseconds(5)));
  EXPECT_EQ(pace.bytes(), kBusy);
  pace.Look(Of(100, milliseconds(10)));
  EXPECT_EQ(pace.bytes(), kBusy) << "twice as long is still usual";
  pace.Look(Of(100, milliseconds(11)));
  EXPECT_EQ(pace.bytes(), kBusy / 2);
  for (int i = 0; i < 10; ++i) pace.Look(Of(100, milliseconds(20)));
  EXPECT_EQ(pace.bytes(), kBusy / CopyPace::kParts) << "it never stops";
}

TEST(CopyPaceTest, RisesAgainWhenAnswersAreAsUsualAndNoHigherThanTold) {
  CopyPace pace(kBusy);
  pace.Look(Of(1, milliseconds(5)));
  pace.Look(Of(1, milliseconds(50)));
  ASSERT_EQ(pace.bytes(), kBusy / 2);
  pace.Look(Of(1, milliseconds(5)));
  EXPECT_EQ(pace.bytes(), kBusy / 2 + kBusy / CopyPace::kParts);
  for (int i = 0; i < 20; ++i) pace.Look(Of(1, milliseconds(5)));
  EXPECT_EQ(pace.bytes(), kBusy);
}

TEST(CopyPaceTest, ADeviceThatHasBecomeSlowerIsUsualInTheEnd) {
  CopyPace pace(kBusy);
  pace.Look(Of(1, milliseconds(5)));
  for (int i = 0; i < 200; ++i) pace.Look(Of(1, milliseconds(20)));
  EXPECT_EQ(pace.bytes(), kBusy);
}

TEST(CopyPaceTest, ATinyPaceNeverStops) {
  CopyPace pace(1);
  pace.Look(Of(1, milliseconds(1)));
  for (int i = 0; i < 10; ++i) pace.Look(Of(1, milliseconds(9)));
  EXPECT_EQ(pace.bytes(), 1);
}

}  // namespace
}  // namespace weir::gateway
