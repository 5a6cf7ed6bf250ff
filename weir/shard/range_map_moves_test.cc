// Goal: a move in the map goes through its phases and no other way, and the map never holds one
// that cannot be. Method: each transition by hand; random commands against the rules; texts that
// break one rule each.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "weir/base/checked_text_rig.h"
#include "weir/shard/range_map.h"

namespace weir::shard {
namespace {

constexpr Position kMiddle{uint64_t{1} << 63};

TEST(RangeMapMoves, AMoveGoesOverAndItsCopyIsRemoved) {
  RangeMap map = RangeMap::Even(2).value();
  const uint64_t move = map.BeginMove(kMiddle, ShardId{0}).value();
  EXPECT_EQ(move, map.epoch());
  EXPECT_EQ(map.ShardOf(kMiddle), ShardId{1});
  ASSERT_TRUE(map.Flip(move).ok());
  EXPECT_EQ(map.ShardOf(kMiddle), ShardId{0});
  EXPECT_EQ(map.FindMove(move)->copy, ShardId{1});
  EXPECT_EQ(map.FindMove(move)->phase, MovePhase::kFollow);
  ASSERT_TRUE(map.Finish(move).ok());
  EXPECT_EQ(map.ShardOf(kMiddle), ShardId{0});
  ASSERT_TRUE(map.EndMove(move).ok());
  EXPECT_TRUE(map.moves().empty());
  EXPECT_EQ(map.epoch(), 4U);
}

TEST(RangeMapMoves, AMoveGoesBackAndTheNewCopyIsRemoved) {
  RangeMap map = RangeMap::Even(2).value();
  const uint64_t move = map.BeginMove({0}, ShardId{1}).value();
  ASSERT_TRUE(map.Flip(move).ok());
  ASSERT_TRUE(map.Rollback(move).ok());
  EXPECT_EQ(map.ShardOf({0}), ShardId{1}) << "until it is equal";
  ASSERT_TRUE(map.Flip(move).ok());
  EXPECT_EQ(map.ShardOf({0}), ShardId{0});
  EXPECT_EQ(map.FindMove(move)->phase, MovePhase::kClean);
  EXPECT_EQ(map.FindMove(move)->copy, ShardId{1});
}

TEST(RangeMapMoves, CancelUndoesACopyAndARollback) {
  RangeMap map = RangeMap::Even(2).value();
  const uint64_t move = map.BeginMove({0}, ShardId{1}).value();
  ASSERT_TRUE(map.Flip(move).ok());
  ASSERT_TRUE(map.Rollback(move).ok());
  ASSERT_TRUE(map.Cancel(move).ok());
  EXPECT_EQ(map.FindMove(move)->phase, MovePhase::kFollow);
  const uint64_t other = map.BeginMove(kMiddle, ShardId{0}).value();
  ASSERT_TRUE(map.Cancel(other).ok());
  EXPECT_EQ(map.FindMove(other)->phase, MovePhase::kClean);
  EXPECT_EQ(map.ShardOf(kMiddle), ShardId{1});
}

TEST(RangeMapMoves, WhatIsInAMoveIsNotCutJoinedOrGivenAway) {
  RangeMap map = RangeMap::Even(1).value();
  ASSERT_TRUE(map.Split(kMiddle).ok());
  ASSERT_TRUE(map.BeginMove(kMiddle, ShardId{1}).ok());
  const RangeMap before = map;
  EXPECT_FALSE(map.Split({kMiddle.value + kPositionUnit}).ok());
  EXPECT_FALSE(map.Merge(kMiddle).ok());
  EXPECT_FALSE(map.Assign(kMiddle, ShardId{1}).ok());
  EXPECT_FALSE(map.BeginMove(kMiddle, ShardId{2}).ok());
  EXPECT_FALSE(map.BeginMove({0}, ShardId{0}).ok());
  EXPECT_FALSE(map.BeginMove({kPositionUnit}, ShardId{2}).ok());
  EXPECT_EQ(map, before);
  EXPECT_TRUE(map.Split({kPositionUnit}).ok()) << "of another range";
}

TEST(RangeMapMoves, ThereAreAtMostSoMany) {
  RangeMap map = RangeMap::Even(RangeMap::kMaxMoves + 1).value();
  for (size_t i = 0; i < RangeMap::kMaxMoves; ++i) {
    ASSERT_TRUE(map.BeginMove(map.At(i).from, ShardId{RangeMap::kMaxMoves}).ok());
  }
  const Result<uint64_t> refused = map.BeginMove(map.At(RangeMap::kMaxMoves).from, ShardId{0});
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
}

// Each move that stands changes only as its phase allows, and every map is read as written.
RC_GTEST_PROP(RangeMapMovesProperty, CommandsKeepTheMapWhole, ()) {
  RangeMap map = RangeMap::Even(4).value();
  const int steps = *rc::gen::inRange(0, 60);
  for (int step = 0; step < steps; ++step) {
    const RangeMap before = map;
    const uint64_t id =
        map.moves().empty() ? 1 : map.moves()[*rc::gen::inRange<size_t>(0, map.moves().size())].id;
    const Position at = map.At(*rc::gen::inRange<size_t>(0, map.size())).from;
    bool ok = false;
    switch (*rc::gen::inRange(0, 9)) {
      case 0:
        ok = map.BeginMove(at, ShardId{*rc::gen::inRange(0U, 4U)}).ok();
        break;
      case 1:
        ok = map.Flip(id).ok();
        break;
      case 2:
        ok = map.Cancel(id).ok();
        break;
      case 3:
        ok = map.Rollback(id).ok();
        break;
      case 4:
        ok = map.Finish(id).ok();
        break;
      case 5:
        ok = map.EndMove(id).ok();
        break;
      case 6:
        ok = map.SetPaused(id, *rc::gen::arbitrary<bool>()).ok();
        break;
      case 7:
        ok = map.Split({at.value + kPositionUnit}).ok();
        break;
      default:
        ok = map.Merge(at).ok();
        break;
    }
    RC_ASSERT(map.Validate().ok());
    RC_ASSERT(map.epoch() == before.epoch() + (ok ? 1 : 0));
    RC_ASSERT(ok || map == before);
    RC_ASSERT(RangeMap::FromText(map.ToText()).value() == map);
  }
}

TEST(RangeMapMoves, TheTextNeverChanges) {
  RangeMap map = RangeMap::Even(2).value();
  ASSERT_TRUE(map.BeginMove(kMiddle, ShardId{7}).ok());
  ASSERT_TRUE(map.BeginMove({0}, ShardId{1}).ok());
  ASSERT_TRUE(map.Flip(2).ok());
  ASSERT_TRUE(map.SetPaused(1, true).ok());
  const std::string text =
      "weir-range-map 1\n"
      "epoch 4\n"
      "0000000000000000 1\n"
      "8000000000000000 1\n"
      "move 1 8000000000000000 7 copy paused\n"
      "move 2 0000000000000000 0 follow going\n";
  EXPECT_EQ(map.ToText(), checked_text::Sealed(text));
}

TEST(RangeMapMoves, AMoveThatCannotBeIsNotRead) {
  const std::string head = "weir-range-map 1\nepoch 9\n0000000000000000 0\n8000000000000000 1\n";
  const auto read = [&](const std::string& moves) {
    return checked_text::MessageOf<RangeMap>(checked_text::Sealed(head + moves));
  };
  EXPECT_EQ(read("move 3 8000000000000000 0 clean going\n"), "read");
  EXPECT_EQ(read("move 10 8000000000000000 0 clean going\n"),
            "range map: move 10 is of a later map");
  EXPECT_EQ(read("move 3 4000000000000000 1 copy going\n"), "range map: move 3 is of no range");
  EXPECT_EQ(read("move 3 8000000000000000 1 copy going\n"),
            "range map: move 3 has its copy where the range is");
  EXPECT_EQ(read("move 3 0000000000000000 1 copy going\nmove 2 8000000000000000 0 copy going\n"),
            "range map: move 2 is out of order");
  EXPECT_EQ(read("move 3 0000000000000000 1 copy going\nmove 4 0000000000000000 2 copy going\n"),
            "range map: move 4 is of a range in another move");
  EXPECT_EQ(read("move 3 0000000000000000 1 going going\n"), "range map: a move cannot be read");
  EXPECT_EQ(read("move 3 0 1 copy going\n"),
            "range map: damaged: the checksum or the spelling is wrong");
}

}  // namespace
}  // namespace weir::shard
