// Goal: whatever is split, merged and assigned, the ranges cover 2^64 exactly and name the right
// shard. Method: random histories on a grid of boundaries, against a model that holds one shard for
// each cell of the grid; then each limit and refusal by name.
#include "weir/shard/range_map.h"

#include <array>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace weir::shard {
namespace {

constexpr Position kLastPosition{~uint64_t{0}};

ErrorCode CodeOf(const Result<Ok>& result) {
  return result ? ErrorCode::kUnknown : result.error().code;
}

// The space as 32 cells, each with its shard, and whether a range begins at it.
class GridModel {
 public:
  static constexpr size_t kCells = 32;
  struct Cell {
    bool begins = false;
    ShardId shard{};
  };

  explicit GridModel(uint32_t shards) {
    for (size_t i = 0; i < kCells; ++i) {
      cells_[i].shard = ShardId{static_cast<uint32_t>(i * shards / kCells)};
      cells_[i].begins = i == 0 || cells_[i].shard != cells_[i - 1].shard;
    }
  }

  // The boundaries of the grid are about 2^59 apart, most of them within a slot; those of an even
  // map of 1, 2 or 4 shards are among them.
  static Position Start(size_t cell) {
    return {cell << 59 | (cell % 8 == 0 ? 0 : cell * kPositionUnit)};
  }

  // Each applies a change when it is legal, and returns whether it is.
  bool Split(size_t cell) { return !cells_[cell].begins && (cells_[cell].begins = true); }
  bool Merge(size_t cell) {
    if (cell == 0 || !cells_[cell].begins) return false;
    if (cells_[cell].shard != cells_[cell - 1].shard) return false;
    cells_[cell].begins = false;
    return true;
  }
  bool Assign(size_t cell, ShardId shard) {
    if (!cells_[cell].begins) return false;
    do {
      cells_[cell].shard = shard;
      ++cell;
    } while (cell < kCells && !cells_[cell].begins);
    return true;
  }

  void Compare(const RangeMap& map) const {
    RC_ASSERT(map.Validate().ok());
    size_t index = 0;
    for (size_t cell = 0; cell < kCells; ++cell) {
      if (cells_[cell].begins) {
        // A range ends where the next one begins.
        RC_ASSERT(map.At(index).from == Start(cell));
        if (index > 0) RC_ASSERT(map.At(index - 1).to == Start(cell));
        ++index;
      }
      const Position last = cell + 1 < kCells ? Position{Start(cell + 1).value - 1} : kLastPosition;
      for (const Position at : {Start(cell), last}) {
        RC_ASSERT(map.ShardOf(at) == cells_[cell].shard);
        RC_ASSERT(map.Find(at) == map.At(index - 1));
        RC_ASSERT(map.Find(at).Contains(at));
      }
    }
    RC_ASSERT(index == map.size());
    RC_ASSERT(map.At(map.size() - 1).to == Position{0});
  }

 private:
  std::array<Cell, kCells> cells_;
};

RC_GTEST_PROP(RangeMapProperty, RangesCoverTheSpaceExactlyAfterAnyHistory, ()) {
  const auto shards = *rc::gen::element<uint32_t>(1, 2, 4);
  RangeMap map = RangeMap::Even(shards).value();
  GridModel model(shards);
  model.Compare(map);
  const int changes = *rc::gen::inRange(1, 100);
  for (int i = 0; i < changes; ++i) {
    const auto cell = *rc::gen::inRange<size_t>(0, GridModel::kCells);
    const ShardId shard{*rc::gen::inRange<uint32_t>(0, 3)};
    const uint64_t epoch = map.epoch();
    const RangeMap before = map;
    bool legal = false;
    bool done = false;
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        legal = model.Split(cell);
        done = map.Split(GridModel::Start(cell)).ok();
        break;
      case 1:
        legal = model.Merge(cell);
        done = map.Merge(GridModel::Start(cell)).ok();
        break;
      default:
        legal = model.Assign(cell, shard);
        done = map.Assign(GridModel::Start(cell), shard).ok();
    }
    RC_ASSERT(done == legal);
    RC_ASSERT(map.epoch() == epoch + (done ? 1 : 0));
    RC_ASSERT(done || map == before);
    model.Compare(map);
  }
}

TEST(RangeMapTest, SlotsAreDividedEvenly) {
  for (const uint32_t shards : {1U, 2U, 3U, 4U, 7U, 1000U, RangeMap::kMaxEvenShards}) {
    const RangeMap map = RangeMap::Even(shards).value();
    ASSERT_EQ(map.size(), shards);
    ASSERT_TRUE(map.Validate());
    EXPECT_EQ(map.epoch(), 0U);
    for (uint32_t i = 0; i < shards; ++i) {
      const Range range = map.At(i);
      EXPECT_EQ(range.shard, ShardId{i});
      // The end of the last range, 2^64, reads 0: subtract 1 on both sides of the division.
      const uint64_t slots = (range.to.value - 1 - range.from.value) / kPositionsPerSlot + 1;
      EXPECT_GE(slots, kSlotCount / shards);
      EXPECT_LE(slots, (kSlotCount + shards - 1) / shards);
      EXPECT_EQ(range.from.value % kPositionsPerSlot, 0U);
    }
    EXPECT_EQ(map.At(shards - 1).to, Position{0});
  }
}

TEST(RangeMapTest, ShardsOfAnEvenMapEndAtTheLimit) {
  EXPECT_FALSE(RangeMap::Even(0));
  EXPECT_TRUE(RangeMap::Even(RangeMap::kMaxEvenShards));
  EXPECT_FALSE(RangeMap::Even(RangeMap::kMaxEvenShards + 1));
}

TEST(RangeMapTest, TheLastPositionBelongsToTheLastRange) {
  const RangeMap map = RangeMap::Even(3).value();
  EXPECT_EQ(map.ShardOf(kLastPosition), ShardId{2});
  EXPECT_EQ(map.ShardOf(Position{0}), ShardId{0});
}

TEST(RangeMapTest, ATagCannotBeCut) {
  RangeMap map = RangeMap::Even(1).value();
  const Position key = PositionOf("{user1000}.following");
  const Position tag{key.value / kPositionUnit * kPositionUnit};
  EXPECT_EQ(CodeOf(map.Split(key)), ErrorCode::kInvalid);
  EXPECT_EQ(CodeOf(map.Split({tag.value + 1})), ErrorCode::kInvalid);
  // The narrowest range there is still holds the whole tag.
  ASSERT_TRUE(map.Split(tag));
  ASSERT_TRUE(map.Split({tag.value + kPositionUnit}));
  ASSERT_TRUE(map.Assign(tag, ShardId{9}));
  for (const char* sibling : {"{user1000}.followers", "{user1000}", "user1000"}) {
    EXPECT_EQ(map.ShardOf(PositionOf(sibling)), ShardId{9});
  }
  EXPECT_EQ(map.ShardOf({tag.value - 1}), ShardId{0});
  EXPECT_EQ(map.ShardOf({tag.value + kPositionUnit}), ShardId{0});
}

TEST(RangeMapTest, RefusalsSayWhatToDo) {
  RangeMap map = RangeMap::Even(2).value();
  EXPECT_EQ(map.Merge({uint64_t{1} << 63}).error().message,
            "the ranges that meet at 8000000000000000 are of different shards; move one of them "
            "first");
  EXPECT_EQ(CodeOf(map.Merge({0})), ErrorCode::kInvalid);
  EXPECT_EQ(CodeOf(map.Split({0})), ErrorCode::kInvalid);
  EXPECT_EQ(CodeOf(map.Assign({kPositionUnit}, ShardId{1})), ErrorCode::kInvalid);
  EXPECT_EQ(map, RangeMap::Even(2).value());
}

TEST(RangeMapTest, RangesEndAtTheLimit) {
  RangeMap map = RangeMap::Even(1).value();
  for (uint64_t i = 1; i < RangeMap::kMaxRanges; ++i) ASSERT_TRUE(map.Split({i * kPositionUnit}));
  EXPECT_EQ(map.size(), RangeMap::kMaxRanges);
  EXPECT_TRUE(map.Validate());
  EXPECT_EQ(CodeOf(map.Split({RangeMap::kMaxRanges * kPositionUnit})), ErrorCode::kOverloaded);
  ASSERT_TRUE(map.Merge({kPositionUnit}));
  EXPECT_TRUE(map.Split({RangeMap::kMaxRanges * kPositionUnit}));
}

}  // namespace
}  // namespace weir::shard
