// Goal: CL.THROTTLE's arithmetic is redis-cell's, to the vectors that its own test publishes.
// Method: those vectors in their order, the examples of its manual, and what it gets wrong.
#include "weir/limit/throttle.h"

#include <limits>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

class ThrottleTest : public testing::Test {
 protected:
  Throttled Ask(int64_t max_burst, int64_t count, std::chrono::seconds period, int64_t quantity,
                std::chrono::nanoseconds at = 0ns, std::string_view key = "k") {
    const Result<ThrottleLimit> limit = ThrottleLimit::Create(max_burst, count, period);
    EXPECT_TRUE(limit.ok()) << limit.error().message;
    return Throttle(*limiter_, key, limit.value(), quantity, MonoTime{} + (1h + at));
  }

  std::unique_ptr<Limiter> limiter_ = Limiter::Create({}, {.seed = 7}).value();
};

TEST_F(ThrottleTest, ReproducesTheVectorsOfRedisCell) {
  struct Row {
    int64_t at_ms;
    int64_t quantity;
    bool limited;
    uint64_t remaining;
    int64_t reset_ms;
    int64_t retry_ms;  // 0: none.
  };
  const Row rows[] = {
      {0, 6, true, 5, 0, 0},        {0, 1, false, 4, 1000, 0},    {0, 1, false, 3, 2000, 0},
      {0, 1, false, 2, 3000, 0},    {0, 1, false, 1, 4000, 0},    {0, 1, false, 0, 5000, 0},
      {0, 1, true, 0, 5000, 1000},  {3000, 1, false, 2, 3000, 0}, {3100, 1, false, 1, 3900, 0},
      {4000, 1, false, 1, 4000, 0}, {8000, 1, false, 4, 1000, 0}, {9500, 1, false, 4, 1000, 0},
      {9500, 0, false, 4, 1000, 0}, {9500, 2, false, 2, 3000, 0}, {9500, 5, true, 2, 3000, 3000},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE("t=" + std::to_string(row.at_ms) + " quantity=" + std::to_string(row.quantity));
    const Throttled answer = Ask(4, 1, 1s, row.quantity, std::chrono::milliseconds(row.at_ms));
    EXPECT_EQ(answer.verdict != Verdict::kAllowed, row.limited);
    EXPECT_EQ(answer.remaining, row.remaining);
    EXPECT_EQ(answer.reset_after, std::chrono::milliseconds(row.reset_ms));
    EXPECT_EQ(answer.retry_after, std::chrono::milliseconds(row.retry_ms));
  }
}

TEST_F(ThrottleTest, SecondsAreRoundedUpButForWhatIsBelowAMillisecond) {
  EXPECT_EQ(ThrottleSeconds(0ns), 0);
  EXPECT_EQ(ThrottleSeconds(999'999ns), 0);
  EXPECT_EQ(ThrottleSeconds(1ms), 1);
  EXPECT_EQ(ThrottleSeconds(2s), 2);
  EXPECT_EQ(ThrottleSeconds(2s + 999us), 2);
  EXPECT_EQ(ThrottleSeconds(2s + 1ms), 3);
}

TEST_F(ThrottleTest, ARequestAboveTheBurstCanNeverPass) {
  for (const int64_t quantity : {int64_t{6}, kMax}) {
    const Throttled answer = Ask(4, 1, 1s, quantity);
    EXPECT_EQ(answer.verdict, Verdict::kNever);
    EXPECT_EQ(answer.remaining, 5U);
    EXPECT_EQ(answer.retry_after, 0ns);
  }
}

TEST_F(ThrottleTest, FastRatesWaitForLessThanAMillisecondButNotForNothing) {
  EXPECT_EQ(Ask(0, 1'000'000'000, 1s, 1).verdict, Verdict::kAllowed);
  EXPECT_EQ(Ask(0, 1'000'000'000, 1s, 1).retry_after, 1ns);
  EXPECT_EQ(Ask(9, 5'000'000, 1s, 1, 0ns, "other").remaining, 9U);
}

TEST_F(ThrottleTest, ANegativeQuantityGivesBackAndNeverMoreThanWasTaken) {
  EXPECT_EQ(Ask(4, 1, 1s, -3).remaining, 5U);
  Ask(4, 1, 1s, 4);
  EXPECT_EQ(Ask(4, 1, 1s, -2).remaining, 3U);
  EXPECT_EQ(Ask(4, 1, 1s, std::numeric_limits<int64_t>::min()).remaining, 5U);
}

TEST_F(ThrottleTest, AKeyMayBeAskedWithAnotherLimit) {
  EXPECT_EQ(Ask(4, 1, 1s, 5).remaining, 0U);
  EXPECT_EQ(Ask(9, 1, 1s, 0).remaining, 5U);
  EXPECT_EQ(Ask(4, 1, 10s, 0).remaining, 4U);
}

TEST_F(ThrottleTest, LimitsThatCannotBeAreRefused) {
  const auto ok = [](int64_t max_burst, int64_t count, int64_t period) {
    return ThrottleLimit::Create(max_burst, count, std::chrono::seconds(period)).ok();
  };
  EXPECT_FALSE(ok(-1, 1, 1));
  EXPECT_FALSE(ok(0, 0, 1));
  EXPECT_FALSE(ok(0, 1, 0));
  EXPECT_FALSE(ok(0, -1, 1));
  EXPECT_FALSE(ok(0, 1, kMax));
  EXPECT_TRUE(ok(0, 1'000'000'000, 1));
  EXPECT_FALSE(ok(0, 1'000'000'001, 1));
  EXPECT_TRUE(ok(0, 1, 10 * 365 * 86'400));
  EXPECT_FALSE(ok(1, 1, 10 * 365 * 86'400));
  EXPECT_FALSE(ok(kMax, 1, 1));
  EXPECT_FALSE(ok(kMax, kMax, 1));
}

}  // namespace
}  // namespace weir::limit
