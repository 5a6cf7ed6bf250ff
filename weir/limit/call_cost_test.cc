// Goal: it is told apart whether a call's time is its own or its keys', from what calls take.
// Method: calls of known costs, with sizes that differ, differ little, or not at all.
#include "weir/limit/call_cost.h"

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// Calls of `least` to `most` keys, each of which takes `call` and `key` for each.
CallCost Of(nanoseconds call, nanoseconds key, size_t least, size_t most) {
  CallCost cost;
  Random random(5);
  for (int i = 0; i < 500; ++i) {
    const size_t keys = least + random.Below(most - least + 1);
    cost.OnCall(keys, call + key * static_cast<int64_t>(keys));
  }
  return cost;
}

TEST(CallCostTest, BothPartsAreFound) {
  const CallCost cost = Of(1ms, 20us, 1, 200);
  EXPECT_NEAR(cost.call_ns(), 1e6, 2e4);
  EXPECT_NEAR(cost.key_ns(), 2e4, 200);
}

TEST(CallCostTest, WhatIsAllKeysMayHaveAsManyAsFitIntoTheTime) {
  EXPECT_NEAR(static_cast<double>(Of(0ns, 500us, 1, 20).KeysWithin(3ms)), 6, 1);
}

TEST(CallCostTest, WhatTakesItsTimeForItselfMayTakeTwiceAsLong) {
  EXPECT_NEAR(static_cast<double>(Of(4ms, 20us, 1, 300).KeysWithin(3ms)), 200, 10);
}

TEST(CallCostTest, WhatTakesNoTimeForItsKeysIsNotLimited) {
  EXPECT_EQ(Of(4ms, 0ns, 1, 300).KeysWithin(3ms), SIZE_MAX);
}

TEST(CallCostTest, CallsOfOneSizeSayNothingOfTheirKeys) {
  EXPECT_EQ(Of(0ns, 500us, 7, 7).KeysWithin(3ms), SIZE_MAX);
}

TEST(CallCostTest, BeforeTheFirstCallNothingIsLimited) {
  EXPECT_EQ(CallCost().KeysWithin(3ms), SIZE_MAX);
}

TEST(CallCostTest, WhatDoesNotEvenDoOneInTimeMayHaveOne) {
  EXPECT_EQ(Of(0ns, 50ms, 1, 3).KeysWithin(3ms), 1U);
}

TEST(CallCostTest, ADatabaseThatChangesIsFoundOut) {
  CallCost cost = Of(0ns, 500us, 1, 20);
  Random random(6);
  for (int i = 0; i < 1000; ++i) cost.OnCall(1 + random.Below(200), 4ms);
  EXPECT_NEAR(cost.call_ns(), 4e6, 1e5);
}

}  // namespace
}  // namespace weir::limit
