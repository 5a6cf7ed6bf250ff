// Goal: of what an earlier process had cached, Lane::Restore keeps nothing that a write of this
// one, or an invalidation, has overtaken, even where no trace of that is left in the cache. Method:
// one case for each way to overtake it; then random ones over a model.
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/cache/lane.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr size_t kBudget = size_t{1} << 20;

uint64_t HashOf(std::string_view key) {
  return SeededHash(key, 1);
}

Value MakeValue(std::string_view bytes, uint64_t version = 0) {
  return {Bytes::Copy(bytes), kNever, version};
}

class LaneRestore : public testing::Test {
 protected:
  bool Restore(std::string_view key) {
    return lane_.Restore(key, HashOf(key), MakeValue("old"), {}, kNow);
  }
  void Publish(std::string_view key, const std::optional<Value>& value) {
    lane_.Publish(key, HashOf(key), value, {.absent_until = kNow}, kNow);
  }
  std::string See(std::string_view key) {
    const auto hit = lane_.Find(key, HashOf(key), kNow);
    return hit.has_value() ? std::string(hit->value) : "miss";
  }

  Lane lane_{Cache::Options{.budget_bytes = kBudget, .hash_seed = 1}};
};

TEST_F(LaneRestore, WhatNobodyHasTouchedIsThereAgain) {
  EXPECT_FALSE(Restore("k")) << "it has not begun";
  lane_.BeginRestore();
  EXPECT_TRUE(Restore("k"));
  EXPECT_EQ(See("k"), "old");
  lane_.EndRestore();
  EXPECT_FALSE(Restore("later"));
}

TEST_F(LaneRestore, AWriteThatHasLeftNoTraceIsNotUndone) {
  lane_.BeginRestore();
  Publish("removed", std::nullopt);
  Publish("set", MakeValue("new"));
  lane_.Doubt("doubted", HashOf("doubted"));
  lane_.Settle(HashOf("doubted"));
  lane_.Invalidate("invalidated", HashOf("invalidated"));
  lane_.Overtake(HashOf("overtaken"));
  for (const char* key : {"removed", "set", "doubted", "invalidated", "overtaken"}) {
    EXPECT_FALSE(Restore(key)) << key;
  }
  EXPECT_EQ(See("set"), "new");
  EXPECT_TRUE(Restore("other"));
}

TEST_F(LaneRestore, WhatTakesManyKeysAlongEndsIt) {
  for (const int how : {0, 1, 2}) {
    lane_.BeginRestore();
    if (how == 0) lane_.InvalidateTag("k");
    if (how == 1) lane_.InvalidatePrefix("p");
    if (how == 2) lane_.Clear();
    EXPECT_FALSE(Restore("k")) << how;
    EXPECT_FALSE(Restore("p:k")) << how;
  }
}

TEST_F(LaneRestore, WhatALoadHasBroughtStays) {
  lane_.BeginRestore();
  const auto joined = lane_.Join("k", HashOf("k"), {});
  lane_.Finish(joined.value().load, MakeValue("loaded"), {}, kNow);
  EXPECT_FALSE(Restore("k"));
  EXPECT_EQ(See("k"), "loaded");
}

TEST_F(LaneRestore, OneWriteInAThousandTakesFewOthersAlong) {
  lane_.BeginRestore();
  for (int i = 0; i < 10'000; i += 1000) Publish(std::to_string(i), std::nullopt);
  int kept = 0;
  for (int i = 0; i < 10'000; ++i) kept += Restore(std::to_string(i)) ? 1 : 0;
  EXPECT_GE(kept, 9950);
}

TEST_F(LaneRestore, NothingOldIsEverSeen) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    Lane lane(Cache::Options{.budget_bytes = 2000, .hash_seed = 1, .shadow_bytes = 0});
    std::map<std::string, std::string> truth;
    for (int i = 0; i < 100; ++i) truth[std::to_string(i)] = "old";
    lane.BeginRestore();
    for (int step = 0; step < 2000; ++step) {
      const std::string key = std::to_string(random.Below(100));
      if (random.OneIn(8)) {
        truth[key] = "new " + std::to_string(step);
        lane.Publish(key, HashOf(key), MakeValue(truth[key]), {}, kNow);
      } else if (random.OneIn(2)) {
        lane.Restore(key, HashOf(key), MakeValue("old"), {}, kNow);
      } else if (const auto hit = lane.Find(key, HashOf(key), kNow)) {
        ASSERT_EQ(hit->value, truth[key]) << "seed " << seed << " step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace weir::cache
