// Goal: an expiry argument names the moment that Redis would, and what is out of range is an error
// that does not depend on when it is asked. Method: cases at the edges; a property over numbers.
#include "weir/gateway/expiry.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace weir::gateway {
namespace {

constexpr WallTime kNow{1'700'000'000'000};
constexpr auto kPositive = ExpiryRange::kPositive;
using enum ExpiryUnit;

std::string Parse(const std::string& number, ExpiryUnit unit, ExpiryRange range = kPositive) {
  const Result<WallTime> parsed = ParseExpiry(number, unit, kNow, "SET", range);
  return parsed.ok() ? std::to_string(parsed.value().ms) : parsed.error().message;
}

TEST(ParseExpiry, EachUnitNamesItsMoment) {
  EXPECT_EQ(Parse("2", kSeconds), "1700000002000");
  EXPECT_EQ(Parse("2", kMilliseconds), "1700000000002");
  EXPECT_EQ(Parse("2", kSecondsAt), "2000");
  EXPECT_EQ(Parse("2", kMillisecondsAt), "2");
  EXPECT_EQ(Parse("-2", kSeconds, ExpiryRange::kAny), "1699999998000");
}

TEST(ParseExpiry, OutOfRangeIsAnError) {
  const std::string invalid = "ERR invalid expire time in 'set' command";
  for (const char* number : {"0", "-1", "9223372036854775807"}) {
    EXPECT_EQ(Parse(number, kSeconds), invalid) << number;
  }
  EXPECT_EQ(Parse("9223372036854775807", kMilliseconds), invalid);
  EXPECT_EQ(Parse("-9223372036854775808", kSeconds, ExpiryRange::kAny), invalid);
  EXPECT_EQ(Parse("x", kSeconds), "ERR value is not an integer or out of range");
}

TEST(ParseExpiryUnit, ItReadsFourWordsInAnyCase) {
  std::optional<ExpiryUnit> unit;
  EXPECT_TRUE(ParseExpiryUnit("eX", &unit));
  EXPECT_EQ(unit, kSeconds);
  EXPECT_TRUE(ParseExpiryUnit("PX", &unit));
  EXPECT_EQ(unit, kMilliseconds);
  EXPECT_TRUE(ParseExpiryUnit("exat", &unit));
  EXPECT_EQ(unit, kSecondsAt);
  EXPECT_TRUE(ParseExpiryUnit("PXAT", &unit));
  EXPECT_EQ(unit, kMillisecondsAt);
  EXPECT_FALSE(ParseExpiryUnit("NX", &unit));
}

// SetIsBlind relies on this: what it calls blind must not fail later.
RC_GTEST_PROP(ParseExpiry, SucceedsAtAnyTimeWhenThePositiveCheckDoes, (int64_t number)) {
  const auto unit = static_cast<ExpiryUnit>(*rc::gen::inRange(0, 4));
  const WallTime now{*rc::gen::inRange<int64_t>(0, int64_t{1} << 45)};
  const std::string text = std::to_string(number);
  const Result<WallTime> parsed = ParseExpiry(text, unit, now, "set", kPositive);
  RC_ASSERT(parsed.ok() == IsPositiveExpiry(text, unit));
  if (parsed.ok()) RC_ASSERT(parsed.value() < kNever);
}

}  // namespace
}  // namespace weir::gateway
