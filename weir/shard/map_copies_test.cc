// Goal: the newest whole copy is the map, and damage to one copy is survived and told. Method:
// every combination of absent, older, newer and damaged; then a history of changes, each of which
// may be torn at any byte.
#include "weir/shard/map_copies.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace weir::shard {
namespace {

constexpr uint64_t kMiddle = uint64_t{1} << 63;

RangeMap MapOfEpoch(uint64_t epoch) {
  RangeMap map = RangeMap::Even(1).value();
  while (map.epoch() < epoch) {
    EXPECT_TRUE(map.epoch() % 2 == 0 ? map.Split({kMiddle}) : map.Merge({kMiddle}));
  }
  return map;
}

TEST(MapCopiesTest, NothingStoredIsNoMap) {
  EXPECT_FALSE(ReadMapCopies({}).value().has_value());
}

TEST(MapCopiesTest, TheNewerCopyIsTheMap) {
  const std::string older = MapOfEpoch(3).ToText();
  const std::string newer = MapOfEpoch(4).ToText();
  for (const size_t at : {0U, 1U}) {
    MapCopies copies;
    copies[at] = newer;
    EXPECT_EQ(ReadMapCopies(copies).value()->newer, at);
    copies[1 - at] = older;
    const StoredMap stored = ReadMapCopies(copies).value().value();
    EXPECT_EQ(stored.map.epoch(), 4U);
    EXPECT_EQ(stored.newer, at);
    EXPECT_EQ(stored.damage, "");
  }
}

TEST(MapCopiesTest, ADamagedCopyIsToldAndTheOtherUsed) {
  const std::string whole = MapOfEpoch(3).ToText();
  const std::string damaged = MapOfEpoch(4).ToText().substr(1);
  for (const size_t at : {0U, 1U}) {
    MapCopies copies;
    copies[at] = whole;
    copies[1 - at] = damaged;
    const StoredMap stored = ReadMapCopies(copies).value().value();
    EXPECT_EQ(stored.map.epoch(), 3U);
    EXPECT_EQ(stored.newer, at);
    EXPECT_NE(stored.damage, "");
    copies[at] = std::nullopt;
    EXPECT_EQ(ReadMapCopies(copies).error().code, ErrorCode::kCorrupt);
    copies[at] = damaged;
    EXPECT_EQ(ReadMapCopies(copies).error().code, ErrorCode::kCorrupt);
  }
}

TEST(MapCopiesTest, TwoMapsOfOneEpochAreRefused) {
  RangeMap other = RangeMap::Even(1).value();
  ASSERT_TRUE(other.Split({kMiddle / 2}));
  EXPECT_EQ(ReadMapCopies({MapOfEpoch(1).ToText(), other.ToText()}).error().message,
            "range map: two different maps are of epoch 1");
  EXPECT_EQ(ReadMapCopies({other.ToText(), other.ToText()}).value()->map, other);
}

// A change is acknowledged when its write is whole; a torn write leaves any bytes in its copy.
RC_GTEST_PROP(MapCopiesProperty, ATornWriteLosesNoAcknowledgedChange, ()) {
  RangeMap acknowledged = RangeMap::Even(2).value();
  MapCopies copies = {acknowledged.ToText(), std::nullopt};
  const int changes = *rc::gen::inRange(1, 30);
  for (int i = 0; i < changes; ++i) {
    const StoredMap stored = ReadMapCopies(copies).value().value();
    RC_ASSERT(stored.map == acknowledged);
    RangeMap changed = stored.map;
    const Position at{*rc::gen::inRange<uint64_t>(1, 9) << 59};
    if (!changed.Split(at)) RC_ASSERT(changed.Merge(at).ok() || changed.Assign(at, ShardId{1}));
    std::string& copy = copies[1 - stored.newer].emplace(changed.ToText());
    if (*rc::gen::inRange(0, 3) == 0) {
      copy.resize(*rc::gen::inRange<size_t>(0, copy.size()));
    } else {
      acknowledged = changed;
    }
  }
}

}  // namespace
}  // namespace weir::shard
