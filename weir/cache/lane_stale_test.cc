// Goal: what is stale is found by those alone who ask for it, never past its record, never while
// its key is in doubt; and an invalidation takes what was cached and what is being loaded.
// Method: the interleavings one by one, on a clock that the test sets.

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "weir/cache/lane.h"

namespace weir::cache {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kHash = 7;
constexpr WallTime kNow{1000};
constexpr WallTime kFreshUntil{1100};
constexpr WallTime kKeptUntil{1300};
const Lane::Keep kKeep{kFreshUntil, kFreshUntil, milliseconds(200)};

std::optional<Value> MakeValue(std::string_view bytes, WallTime expires_at = kNever) {
  return Value{Bytes::Copy(bytes), expires_at, 0};
}

WallTime Before(WallTime time) {
  return {time.ms - 1};
}

class LaneStaleTest : public testing::Test {
 protected:
  LoadId Begin(std::string_view key = "k") { return lane_.Join(key, kHash, {}).value().load; }
  void Fill(const std::optional<Value>& value, std::string_view key = "k") {
    lane_.Finish(Begin(key), value, kKeep, kNow);
  }
  static std::string Show(const std::optional<Cache::Hit>& hit) {
    if (!hit.has_value()) return "miss";
    return hit->absent ? "absent" : std::string(hit->value);
  }
  std::string See(WallTime now, std::string_view key = "k") {
    return Show(lane_.Find(key, kHash, now));
  }
  std::string SeeStale(WallTime now, std::string_view key = "k") {
    return Show(lane_.FindStale(key, kHash, now));
  }

  Lane lane_{Cache::Options{1 << 20}};
};

TEST_F(LaneStaleTest, AnEntryIsFreshThenStaleThenGone) {
  for (const auto& value : {MakeValue("v"), std::optional<Value>()}) {
    const std::string shown = value.has_value() ? "v" : "absent";
    Fill(value);
    EXPECT_EQ(See(Before(kFreshUntil)), shown);
    EXPECT_EQ(See(kFreshUntil), "miss");
    EXPECT_EQ(SeeStale(kFreshUntil), shown);
    EXPECT_EQ(SeeStale(Before(kKeptUntil)), shown);
    EXPECT_EQ(lane_.FindStale("k", kHash, kNow)->fresh_until, kFreshUntil);
    EXPECT_EQ(lane_.FindStale("k", kHash, kNow)->cached_until, kKeptUntil);
    EXPECT_EQ(SeeStale(kKeptUntil), "miss");
    EXPECT_EQ(See(kKeptUntil), "miss");
    EXPECT_EQ(lane_.cache().entries(), 0U) << "Find has let it go";
    EXPECT_EQ(lane_.cache().bytes(), 0U);
  }
}

TEST_F(LaneStaleTest, WhatIsFoundAgainIsWhatWasFoundFreshOrStale) {
  const auto again = [this](WallTime now) { return Show(lane_.FindAgain("k", kHash, now)); };
  Fill(MakeValue("v"));
  EXPECT_EQ(again(Before(kFreshUntil)), "v");
  EXPECT_EQ(again(Before(kKeptUntil)), "v");
  EXPECT_EQ(again(kKeptUntil), "miss");
  EXPECT_EQ(lane_.cache().counters().lookups, 0U);
  lane_.Doubt("k", kHash);
  EXPECT_EQ(again(kFreshUntil), "miss") << "in doubt";
}

TEST_F(LaneStaleTest, NothingIsShownPastItsRecord) {
  const WallTime end{1200};
  Fill(MakeValue("v", end));
  EXPECT_EQ(SeeStale(Before(end)), "v");
  EXPECT_EQ(SeeStale(end), "miss");
  const WallTime sooner{1050};
  Fill(MakeValue("w", sooner));
  EXPECT_EQ(See(Before(sooner)), "w");
  EXPECT_EQ(See(sooner), "miss");
  EXPECT_EQ(SeeStale(sooner), "miss");
}

TEST_F(LaneStaleTest, WhatIsNotKeptIsNotStaleEither) {
  lane_.Finish(Begin(), MakeValue("v"), {kNow, kNow, milliseconds(200)}, kNow);
  EXPECT_EQ(SeeStale(kNow), "miss");
  lane_.Finish(Begin(), std::nullopt, {kNow, kNow, milliseconds(200)}, kNow);
  EXPECT_EQ(SeeStale(kNow), "miss");
}

TEST_F(LaneStaleTest, AWriteTakesThePlaceOfWhatIsStale) {
  Fill(MakeValue("old"));
  EXPECT_EQ(SeeStale(kFreshUntil), "old") << "it is not acknowledged yet";
  lane_.Publish("k", kHash, MakeValue("new"), kKeep, kNow);
  EXPECT_EQ(SeeStale(kFreshUntil), "new");
  const std::string large(Cache::kInlineBytesMax * 100, 'x');  // More than the cache keeps of one.
  lane_.Publish("k", kHash, MakeValue(large), kKeep, kNow);
  EXPECT_EQ(SeeStale(kFreshUntil), "miss");
}

TEST_F(LaneStaleTest, AKeyInDoubtHasNothingStale) {
  Fill(MakeValue("old"));
  lane_.Doubt("k", kHash);
  EXPECT_EQ(SeeStale(kFreshUntil), "miss");
  EXPECT_EQ(lane_.BeginRefresh("k", kHash), std::nullopt);
  Fill(MakeValue("old"));
  EXPECT_EQ(SeeStale(kFreshUntil), "miss");
  lane_.Settle(kHash);
  EXPECT_EQ(SeeStale(kFreshUntil), "miss");
}

TEST_F(LaneStaleTest, OneRefreshIsUnderWayAndReadersJoinIt) {
  Fill(MakeValue("old"));
  const std::optional<LoadId> refresh = lane_.BeginRefresh("k", kHash);
  ASSERT_TRUE(refresh.has_value());
  EXPECT_EQ(lane_.BeginRefresh("k", kHash), std::nullopt);
  EXPECT_FALSE(lane_.Join("k", kHash, {}).value().begun);
  EXPECT_EQ(lane_.Finish(*refresh, MakeValue("new"), kKeep, kNow).waiters.size(), 1U);
  EXPECT_EQ(See(kNow), "new");
  EXPECT_TRUE(lane_.BeginRefresh("k", kHash).has_value());
}

TEST_F(LaneStaleTest, ARefreshThatAWriteOvertookFillsNothing) {
  Fill(MakeValue("old"));
  const std::optional<LoadId> refresh = lane_.BeginRefresh("k", kHash);
  lane_.Publish("k", kHash, MakeValue("new"), kKeep, kNow);
  lane_.Finish(*refresh, MakeValue("old"), kKeep, kNow);
  EXPECT_EQ(See(kNow), "new");
}

TEST_F(LaneStaleTest, AsManyRefreshesBeginAsThereMayBeLoads) {
  for (size_t i = 0; i < Loads::kLoadsMax; ++i) {
    ASSERT_TRUE(lane_.BeginRefresh("k" + std::to_string(i), i).has_value());
  }
  EXPECT_EQ(lane_.BeginRefresh("one more", Loads::kLoadsMax), std::nullopt);
}

struct Invalidation {
  const char* name;
  void (*run)(Lane& lane);
};

class LaneInvalidationTest : public LaneStaleTest,
                             public testing::WithParamInterface<Invalidation> {};

// All of them concern the key "a:{t}".
INSTANTIATE_TEST_SUITE_P(
    All, LaneInvalidationTest,
    testing::Values(Invalidation{"Key", [](Lane& lane) { lane.Invalidate("a:{t}", kHash); }},
                    Invalidation{"Tag", [](Lane& lane) { lane.InvalidateTag("t"); }},
                    Invalidation{"Prefix", [](Lane& lane) { lane.InvalidatePrefix("a:"); }}),
    [](const auto& with) { return std::string(with.param.name); });

TEST_P(LaneInvalidationTest, TakesWhatIsFreshAndWhatIsStale) {
  Fill(MakeValue("old"), "a:{t}");
  GetParam().run(lane_);
  EXPECT_EQ(See(kNow, "a:{t}"), "miss");
  EXPECT_EQ(SeeStale(kNow, "a:{t}"), "miss");
  Fill(MakeValue("new"), "a:{t}");
  EXPECT_EQ(See(kNow, "a:{t}"), "new");
}

TEST_P(LaneInvalidationTest, ALoadThatBeganBeforeFillsNothingAndIsNotJoined) {
  const LoadId before = Begin("a:{t}");
  GetParam().run(lane_);
  const auto after = lane_.Join("a:{t}", kHash, {});
  EXPECT_TRUE(after.value().begun);
  lane_.Finish(before, MakeValue("old"), kKeep, kNow);
  EXPECT_EQ(See(kNow, "a:{t}"), "miss");
  lane_.Finish(after.value().load, MakeValue("new"), kKeep, kNow);
  EXPECT_EQ(See(kNow, "a:{t}"), "new");
}

TEST_P(LaneInvalidationTest, AWriteOnItsWayIsCachedAsEver) {
  const LoadId before = Begin("a:{t}");
  GetParam().run(lane_);
  lane_.Publish("a:{t}", kHash, MakeValue("new"), kKeep, kNow);
  lane_.Finish(before, MakeValue("old"), kKeep, kNow);
  EXPECT_EQ(See(kNow, "a:{t}"), "new");
}

TEST_P(LaneInvalidationTest, ADoubtStays) {
  lane_.Doubt("a:{t}", kHash);
  GetParam().run(lane_);
  EXPECT_TRUE(lane_.InDoubt(kHash));
  Fill(MakeValue("old"), "a:{t}");
  EXPECT_EQ(See(kNow, "a:{t}"), "miss");
}

TEST_F(LaneStaleTest, OtherKeysStay) {
  constexpr uint64_t kOther = 8;
  lane_.Finish(lane_.Join("b:{u}", kOther, {}).value().load, MakeValue("v"), kKeep, kNow);
  lane_.Invalidate("a:{t}", kHash);
  lane_.InvalidateTag("t");
  lane_.InvalidatePrefix("a:");
  EXPECT_EQ(Show(lane_.Find("b:{u}", kOther, kNow)), "v");
  lane_.Clear();
  EXPECT_EQ(Show(lane_.Find("b:{u}", kOther, kNow)), "miss");
}

}  // namespace
}  // namespace weir::cache
