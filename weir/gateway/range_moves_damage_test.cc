// Goal: a move that meets damage ends and says where; nothing is flipped to files that were not
// read back, and nothing cleared before they were; what merely fails is tried again, ever later;
// and a move finishes by itself at its time and not before.
// Method: a whole gateway over scripted stores on one thread, which find damage when told to.
#include <string>

#include "weir/gateway/range_moves_rig.h"

namespace weir::gateway {
namespace {

using testing::HasSubstr;
using Kind = ScriptedStore::Kind;

const Error kDamage{ErrorCode::kCorrupt, "block checksum mismatch"};

class RangeMovesDamage : public RangeMovesTest {
 protected:
  explicit RangeMovesDamage(GatewayRig::Options options = TwoDatabases())
      : RangeMovesTest(std::move(options)) {
    for (int i = 0; i < 50; ++i) Ask({"SET", "k" + std::to_string(i), "v"});
  }
  void Move() { Ask({"WEIR.SHARD", "MOVE", "0", "1"}); }
  // Lets the stores answer all but checks of files.
  void RunButChecks() {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t store = 0; store < 2; ++store) {
        for (const auto id : rig_.store(store).held()) {
          if (rig_.store(store).kind(id) == Kind::kCheck) continue;
          rig_.store(store).Complete(id);
          moved = true;
        }
      }
      for (; !rig_.inbox_empty(); moved = true) rig_.DeliverOne();
    }
  }
  void SendButChecks(const Words& words) {
    rig_.SendAndHandOn(client_, words);
    RunButChecks();
    rig_.Replies(client_);
  }
};

TEST_F(RangeMovesDamage, ADamagedCopyEndsTheMoveAndIsNamed) {
  rig_.store(1).damage = kDamage;
  Move();
  for (int i = 0; i < 10; ++i) Wait();
  EXPECT_EQ(Last().phase, "clean") << "which nobody can do yet";
  EXPECT_EQ(Last().stage, "damaged");
  EXPECT_THAT(Last().error, HasSubstr("shard 1 where its copy is"));
  EXPECT_THAT(Last().error, HasSubstr("block checksum mismatch"));
  rig_.store(1).damage.reset();
  RunUntil("ended");
  EXPECT_EQ(Last().range.shard, shard::ShardId{0});
  EXPECT_THAT(Last().error, HasSubstr("is damaged"));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Ask({"GET", "k" + std::to_string(i)}), "v");
}

TEST_F(RangeMovesDamage, ADamagedSourceEndsTheMoveAndIsNamed) {
  rig_.store(0).damage = kDamage;
  Move();
  RunUntil("ended");
  EXPECT_EQ(Last().range.shard, shard::ShardId{0});
  EXPECT_THAT(Last().error, HasSubstr("shard 0 where the range is"));
  EXPECT_EQ(Last().bytes, 0U);
}

TEST_F(RangeMovesDamage, WhatOnlyFailsIsTriedAgainEverLaterAndThenGoesOn) {
  rig_.store(1).damage = Error{ErrorCode::kUnavailable, "busy"};
  Move();
  for (int i = 0; i < 1000; ++i) Wait();  // 100 s.
  EXPECT_EQ(Last().phase, "copy");
  EXPECT_THAT(Last().error, HasSubstr("busy"));
  EXPECT_LT(rig_.gateway().moves().totals().failures, 25U);
  EXPECT_GT(rig_.gateway().moves().totals().failures, 10U);
  rig_.store(1).damage.reset();
  for (int i = 0; i < 101; ++i) Wait();
  EXPECT_EQ(Last().phase, "follow");
}

class RangeMovesFiles : public RangeMovesDamage {
 protected:
  RangeMovesFiles() { rig_.store(1).has_files = rig_.store(0).has_files = true; }
};

TEST_F(RangeMovesFiles, TheCopyIsInTablesBeforeItIsVerifiedAndReadBackBeforeItTakesTheRange) {
  SendButChecks({"WEIR.SHARD", "MOVE", "0", "1"});
  EXPECT_EQ(Last().stage, "verifying");
  EXPECT_EQ(Last().done_permille, 0U);
  ASSERT_EQ(rig_.store(1).held(Kind::kCheck).size(), 1U);
  EXPECT_FALSE(rig_.store(1).checked().back().tables);
  rig_.store(1).Complete(rig_.First(Kind::kCheck, 1));
  RunButChecks();
  EXPECT_EQ(Last().stage, "in step");
  ASSERT_EQ(rig_.store(1).held(Kind::kCheck).size(), 1U);
  EXPECT_TRUE(rig_.store(1).checked().back().tables);
  EXPECT_EQ(rig_.store(1).checked().back().from, 0U);
  EXPECT_EQ(rig_.store(1).checked().back().to, uint64_t{1} << 63);
  // Meanwhile it keeps pace with what is written.
  const std::string key = rig_.KeyIn(0);
  SendButChecks({"SET", key, "w"});
  Tick();
  RunButChecks();
  EXPECT_EQ(Last().phase, "copy");
  EXPECT_EQ(Last().written, 0U);
  rig_.RunAll();
  EXPECT_EQ(Last().phase, "follow");
  EXPECT_EQ(rig_.store(1).calls(Kind::kCheck), 2U);
}

TEST_F(RangeMovesFiles, DamagedFilesOfTheCopyNeverTakeTheRange) {
  for (const bool tables : {false, true}) {
    SendButChecks({"WEIR.SHARD", "MOVE", "0", "1"});
    if (tables) {
      rig_.store(1).Complete(rig_.First(Kind::kCheck, 1));
      RunButChecks();
    }
    ASSERT_EQ(rig_.store(1).checked().back().tables, tables);
    rig_.store(1).damage = kDamage;
    rig_.store(1).Complete(rig_.First(Kind::kCheck, 1));
    rig_.store(1).damage.reset();
    RunUntil("ended");
    EXPECT_EQ(Last().range.shard, shard::ShardId{0});
    EXPECT_THAT(Last().error, HasSubstr("shard 1 where its copy is"));
  }
  EXPECT_EQ(rig_.gateway().moves().totals().flips, 0U);
}

TEST_F(RangeMovesFiles, WhatIsFoundOfFilesOfAnEarlierTryCountsForNothing) {
  SendButChecks({"WEIR.SHARD", "MOVE", "0", "1"});
  rig_.store(1).Complete(rig_.First(Kind::kCheck, 1));
  RunButChecks();
  ASSERT_EQ(Last().stage, "in step");
  SendButChecks({"FLUSHALL"});
  Tick();
  RunButChecks();
  rig_.store(1).Complete(rig_.First(Kind::kCheck, 1));
  EXPECT_NE(Last().phase, "follow");
  RunUntil("follow");
  EXPECT_EQ(rig_.store(1).calls(Kind::kCheck), 4U);
}

TEST_F(RangeMovesFiles, DamageThatIsFoundWhenItIsToBeFinishedKeepsTheSource) {
  Move();
  RunUntil("follow");
  const size_t kept = Stored(0);
  rig_.store(1).damage = kDamage;
  EXPECT_THAT(Ask({"WEIR.SHARD", "FINISH", "1"}), HasSubstr("shard 1 where the range is"));
  for (int i = 0; i < 10; ++i) Wait();
  EXPECT_EQ(Last().phase, "follow");
  EXPECT_THAT(Last().error, HasSubstr("weir shard rollback"));
  EXPECT_EQ(Stored(0), kept);
  rig_.store(1).damage.reset();
  EXPECT_EQ(Ask({"WEIR.SHARD", "FINISH", "1"}), "+OK");
  RunUntil("ended");
  EXPECT_EQ(Last().error, "");
}

GatewayRig::Options FinishingAfter(std::chrono::seconds time) {
  GatewayRig::Options options = TwoDatabases();
  options.moves.finish_after = time;
  return options;
}

class RangeMovesFinish : public RangeMovesDamage {
 protected:
  RangeMovesFinish() : RangeMovesDamage(FinishingAfter(std::chrono::seconds(5))) {}
};

TEST_F(RangeMovesFinish, AMoveFinishesByItselfAtItsTimeAndNotBefore) {
  Move();
  ASSERT_EQ(Last().phase, "follow");
  EXPECT_EQ(Last().finishes_in_s, 5);
  for (int i = 0; i < 49; ++i) Wait();
  EXPECT_EQ(Last().phase, "follow");
  EXPECT_EQ(Last().finishes_in_s, 1);
  Wait();
  RunUntil("ended");
  EXPECT_EQ(Last().range.shard, shard::ShardId{1});
  EXPECT_EQ(Last().finishes_in_s, -1);
  EXPECT_EQ(Stored(0), 0U);
}

TEST_F(RangeMovesFinish, ItsTimeBeginsAnewWhenItGoesOverAnew) {
  Move();
  for (int i = 0; i < 40; ++i) Wait();
  Ask({"WEIR.SHARD", "ROLLBACK", "1"});
  ASSERT_EQ(Last().phase, "ended");
  Move();
  for (int i = 0; i < 49; ++i) Wait();
  EXPECT_EQ(Last().phase, "follow");
}

TEST_F(RangeMovesFinish, OneThatRestsOrWhoseFilesAreDamagedStays) {
  Move();
  const std::string id = std::to_string(Last().id);
  Ask({"WEIR.SHARD", "PAUSE", id});
  for (int i = 0; i < 100; ++i) Wait();
  EXPECT_EQ(Last().phase, "follow");
  rig_.store(1).has_files = true;
  rig_.store(1).damage = kDamage;
  Ask({"WEIR.SHARD", "RESUME", id});
  for (int i = 0; i < 100; ++i) Wait();
  EXPECT_EQ(Last().phase, "follow");
  EXPECT_THAT(Last().error, HasSubstr("is damaged"));
  EXPECT_EQ(rig_.store(1).calls(Kind::kCheck), 1U) << "and is not asked for all the time";
}

TEST_F(RangeMovesDamage, WithoutATimeAMoveFollowsForEver) {
  Move();
  rig_.Pass(std::chrono::hours(100000));
  Wait();
  EXPECT_EQ(Last().phase, "follow");
  EXPECT_EQ(Last().finishes_in_s, -1);
}

}  // namespace
}  // namespace weir::gateway
