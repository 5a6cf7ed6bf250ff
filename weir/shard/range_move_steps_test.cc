// Goal: each rule of a move holds by itself, and bugs that others have had do not come back.
// Method: one step after another by hand, on both sides of a move over one piece.
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/shard/range_move.h"
#include "weir/shard/range_move_records.h"

namespace weir::shard {
namespace {

using Kind = RangeMove::Task::Kind;
using Stage = RangeMove::Stage;

// A move over one piece, which is looked at whole.
class RangeMoveSteps : public testing::Test {
 protected:
  // Looks and repairs until the next task is another. Returns it.
  RangeMove::Task Run(bool held = false) {
    for (;;) {
      RangeMove::Task task = move_.Next(held);
      if (task.kind != Kind::kLookFrom && task.kind != Kind::kLookAt) return task;
      Look(task);
    }
  }
  void Look(const RangeMove::Task& task) {
    MoveLook look{Seen(source_, task), Seen(copy_, task)};
    const MoveRepair repair = move_.OnLook(look, {0});
    for (const size_t i : repair.removals)
      copy_.erase({look.copy[i].position.value, look.copy[i].key});
    for (const size_t i : repair.puts) Put(copy_, look.source[i]);
    move_.Done();
  }
  static std::vector<MovedRecord> Seen(const Stored& all, const RangeMove::Task& task) {
    std::vector<MovedRecord> seen = Records(all, 0);
    if (task.kind == Kind::kLookFrom) return seen;
    const std::set<std::string> keys(task.keys.begin(), task.keys.end());
    std::erase_if(seen, [&](const MovedRecord& record) { return !keys.contains(record.key); });
    return seen;
  }
  static void Put(Stored& all, const MovedRecord& record) {
    all[{record.position.value, record.key}] = record;
  }
  void Write(const MovedRecord& record) {
    Put(source_, record);
    move_.Write(record.key);
  }

  Stored source_, copy_;
  RangeMove move_{{0}, {0}, MovePhase::kCopy};
};

TEST_F(RangeMoveSteps, ItIsVerifiedBeforeItGoesOver) {
  Put(source_, RecordOf(1, 1));
  Put(copy_, RecordOf(2, 1));  // Left by a move that was broken off.
  Look(move_.Next(false));
  EXPECT_EQ(copy_, source_);
  EXPECT_EQ(move_.stage(), Stage::kVerify);
  Look(move_.Next(false));
  EXPECT_EQ(move_.stage(), Stage::kInStep);
  EXPECT_EQ(move_.Next(false).kind, Kind::kHold);
  EXPECT_EQ(move_.Next(true).kind, Kind::kFlip);
  move_.SetPhase(MovePhase::kFollow);
  EXPECT_EQ(move_.phase(), MovePhase::kFollow);
  EXPECT_EQ(move_.Next(true).kind, Kind::kRelease);
  EXPECT_EQ(move_.Next(false).kind, Kind::kNothing);
  move_.SetPhase(MovePhase::kReturn);
  EXPECT_EQ(move_.Next(false).kind, Kind::kHold) << "it is as quick to go back";
}

TEST_F(RangeMoveSteps, AChangedByteIsFoundAndStops) {
  Put(source_, RecordOf(1, 1));
  Look(move_.Next(false));
  ++copy_.begin()->second.digest;
  EXPECT_EQ(Run().kind, Kind::kFail);
  EXPECT_EQ(move_.failure(), "the copy is not what was written to it, at the key 'k1'");
  EXPECT_EQ(Run(true).kind, Kind::kRelease);
}

TEST_F(RangeMoveSteps, NothingIsVerifiedNorFlippedWhileItAwaitsFilesButWritesAreFollowed) {
  move_.SetAwaitsFiles(RangeMove::AwaitsFiles::kToVerify);
  Put(source_, RecordOf(1, 1));
  EXPECT_EQ(Run().kind, Kind::kNothing);
  EXPECT_EQ(move_.stage(), Stage::kVerify);
  EXPECT_EQ(move_.reached(), Position{0});
  Write(RecordOf(2, 1));
  EXPECT_EQ(Run().kind, Kind::kNothing);
  EXPECT_EQ(copy_, source_);
  EXPECT_EQ(move_.Next(true).kind, Kind::kRelease);
  move_.SetAwaitsFiles(RangeMove::AwaitsFiles::kToFlip);
  EXPECT_EQ(Run().kind, Kind::kNothing);
  EXPECT_EQ(move_.stage(), Stage::kInStep);
  Write(RecordOf(3, 1));
  EXPECT_EQ(Run(true).kind, Kind::kRelease) << "the log was held to keep pace";
  EXPECT_EQ(copy_, source_);
  move_.SetAwaitsFiles(RangeMove::AwaitsFiles::kNothing);
  EXPECT_EQ(Run().kind, Kind::kHold);
  EXPECT_EQ(Run(true).kind, Kind::kFlip);
}

TEST_F(RangeMoveSteps, DamageThatItIsToldOfStopsItInTheMiddleOfALook) {
  Put(source_, RecordOf(1, 1));
  ASSERT_EQ(move_.Next(false).kind, Kind::kLookFrom);
  move_.Damage("the disk is broken");
  EXPECT_EQ(move_.Next(false).kind, Kind::kFail);
  EXPECT_EQ(move_.failure(), "the disk is broken");
  move_.SetPhase(MovePhase::kClean);
  move_.Damage("and here");
  EXPECT_EQ(move_.stage(), Stage::kClean) << "what is left is removed all the same";
}

TEST_F(RangeMoveSteps, AFollowedWriteThatDoesNotArriveStopsToo) {
  ASSERT_EQ(Run().kind, Kind::kHold);
  Write(RecordOf(1, 1));
  Look(move_.Next(true));
  ++copy_.begin()->second.digest;
  EXPECT_EQ(Run(true).kind, Kind::kRelease);
  EXPECT_EQ(move_.stage(), Stage::kFailed);
}

// Redis #15629, Vitess #16572: what is written until the log is held goes over.
TEST_F(RangeMoveSteps, WhatIsWrittenUntilTheLogIsHeldGoesOver) {
  ASSERT_EQ(Run().kind, Kind::kHold);
  Write(RecordOf(1, 1));
  EXPECT_EQ(Run(true).kind, Kind::kFlip);
  EXPECT_EQ(copy_, source_);
}

// Valkey #4545: a move under more writes than it can bring over in one go comes to its end.
TEST_F(RangeMoveSteps, UnderAnyLoadItComesToAnEnd) {
  uint64_t version = 0;
  RangeMove::Task task;
  for (int look = 0; look < 100; ++look) {
    task = move_.Next(false);
    if (task.kind == Kind::kHold) break;
    for (uint64_t i = 0; i < RangeMove::kKeysAtOnce; ++i) Write(RecordOf(i, ++version));
    Look(task);
  }
  ASSERT_EQ(task.kind, Kind::kHold);
  EXPECT_EQ(Run(true).kind, Kind::kFlip);
}

TEST_F(RangeMoveSteps, TooManyWritesAtOnceHoldTheLog) {
  for (uint64_t i = 0; i < RangeMove::kHoldAt; ++i) Write(RecordOf(i, 1));
  EXPECT_EQ(move_.Next(false).kind, Kind::kHold);
  EXPECT_EQ(Run(true).kind, Kind::kRelease) << "nothing is verified yet";
  EXPECT_EQ(move_.written(), 0U);
}

TEST_F(RangeMoveSteps, BeyondTheLimitAllIsLookedAtAgain) {
  ASSERT_EQ(Run().kind, Kind::kHold);
  move_.SetPaused(true);
  for (uint64_t i = 0; i <= RangeMove::kWrittenMax; ++i) Write(RecordOf(i, 1));
  EXPECT_EQ(move_.written(), 0U);
  EXPECT_EQ(move_.Next(false).kind, Kind::kNothing);
  move_.SetPaused(false);
  EXPECT_EQ(move_.Next(false).kind, Kind::kLookFrom);
  EXPECT_EQ(move_.stage(), Stage::kEqualize);
  EXPECT_EQ(Run().kind, Kind::kHold);
  EXPECT_EQ(copy_, source_);
}

TEST_F(RangeMoveSteps, LargeKeysCountByTheirBytes) {
  ASSERT_EQ(Run().kind, Kind::kHold);
  const auto write = [&](size_t bytes, size_t times) {
    for (size_t i = 0; i < times; ++i) {
      std::string key = std::to_string(i);
      key.resize(bytes, '.');
      move_.Write(key);
    }
  };
  constexpr size_t kLarge = size_t{64} << 10;
  constexpr size_t kHalf = RangeMove::kWrittenBytesMax / kLarge / 2;
  write(kLarge, kHalf - 1);
  EXPECT_EQ(move_.Next(false, false).keys.size(), RangeMove::kKeyBytesAtOnce / kLarge);
  move_.Failed();
  write(kLarge, kHalf);
  EXPECT_EQ(move_.Next(false, false).kind, Kind::kHold) << "whether it may or not";
  write(kLarge, 2 * kHalf + 1);
  EXPECT_EQ(move_.written(), 0U);
  EXPECT_EQ(move_.TakeForgotten().size(), 2 * kHalf);
  EXPECT_EQ(move_.Next(false).kind, Kind::kLookFrom) << "everything again";
}

TEST_F(RangeMoveSteps, WhileTheLogMayNotBeHeldWrittenKeysAreBroughtOverAllTheSame) {
  ASSERT_EQ(Run().kind, Kind::kHold);
  EXPECT_EQ(move_.Next(false, false).kind, Kind::kNothing);
  Write(RecordOf(1, 1));
  Look(move_.Next(false, false));
  EXPECT_EQ(copy_, source_);
}

TEST_F(RangeMoveSteps, DamageNamesItsKeyInPrintableCharacters) {
  MovedRecord record = RecordOf(1, 1);
  record.key = std::string("a\n'\x1b\xc3", 5) + std::string(100, 'x');
  Put(source_, record);
  Look(move_.Next(false));
  ++copy_.begin()->second.digest;
  EXPECT_EQ(Run().kind, Kind::kFail);
  EXPECT_EQ(move_.failure(),
            "the copy is not what was written to it, at the key 'a\\x0a\\x27\\x1b\\xc3" +
                std::string(59, 'x') + "...'");
}

TEST_F(RangeMoveSteps, NoMoreKeysThanAllowedAreLookedAtAtOnceAndFewerOfLargeValues) {
  ASSERT_EQ(Run().kind, Kind::kHold);
  move_.LimitKeys(20);
  for (uint64_t i = 0; i < 100; ++i) Write(RecordOf(i, 2));
  EXPECT_EQ(move_.Next(true).keys.size(), 20U);
  move_.LookAtFewer();
  EXPECT_EQ(move_.Next(true).keys.size(), 2U);
  move_.LookAtFewer();
  EXPECT_EQ(move_.Next(true).keys.size(), 1U);
  EXPECT_EQ(move_.written(), 99U) << "none is forgotten";
  move_.Failed();
  EXPECT_EQ(move_.written(), 100U);
}

// SPQR #1991: coming again to what was done removes nothing but the copy.
TEST_F(RangeMoveSteps, CleaningEndsOnceAndCanBeAskedAgain) {
  move_.SetPhase(MovePhase::kClean);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(move_.Next(false).kind, Kind::kCleanFrom);
    move_.Failed();
  }
  ASSERT_EQ(move_.Next(false).kind, Kind::kCleanFrom);
  move_.OnCleaned({0});
  move_.Done();
  EXPECT_EQ(move_.Next(false).kind, Kind::kEnd);
  EXPECT_EQ(move_.Next(false).kind, Kind::kEnd);
}

}  // namespace
}  // namespace weir::shard
