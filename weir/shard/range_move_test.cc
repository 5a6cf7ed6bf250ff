// Goal: whatever happens while a range moves (writes, deletes, expiry, emptying, errors, crashes at
// every step, cancels, rollbacks), the authority holds exactly what was written: nothing lost,
// nothing back from the dead, nothing old; and what was damaged on its way never becomes the
// authority. Method: two simulated stores and a plain model under random events by seed; then each
// rule by hand.
#include "weir/shard/range_move.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::shard {
namespace {

using Kind = RangeMove::Task::Kind;
using Stage = RangeMove::Stage;

constexpr int64_t kNeverMs = INT64_MAX;

// What one shard stores of the range.
using Stored = std::map<std::pair<uint64_t, std::string>, MovedRecord>;

MovedRecord RecordOf(uint64_t position, uint64_t version, int64_t expires_at_ms = kNeverMs) {
  return {{position}, "k" + std::to_string(position), version, expires_at_ms, version * 7};
}

Stored Live(const Stored& all, int64_t now) {
  Stored live;
  for (const auto& [place, record] : all) {
    if (record.expires_at_ms > now) live.emplace(place, record);
  }
  return live;
}

std::vector<MovedRecord> Records(const Stored& all, int64_t now) {
  std::vector<MovedRecord> records;
  for (const auto& [place, record] : Live(all, now)) records.push_back(record);
  return records;
}

class World {
 public:
  static constexpr uint64_t kPositions = 24;
  static constexpr uint64_t kPiece = 5;  // Positions of one look.

  World(uint64_t seed, bool damages) : random_(seed), damages_(damages) {
    for (uint64_t i = 0; i < kPositions; ++i) {
      if (Chance(2)) Put(i);
    }
  }

  void Step() {
    Happen();
    if (!Chance(3)) Work();
    ASSERT_EQ(Live(shards_[Authority()], now_), Live(truth_, now_)) << "at step " << steps_;
    ++steps_;
  }

  // Nothing more happens but the move. Ends with the range in one place alone.
  void Rest() {
    quiet_ = true;
    if (map_.moves().empty()) return;
    (void)map_.SetPaused(map_.moves()[0].id, false);
    Crash();
    for (int i = 0; i < 4000 && !map_.moves().empty(); ++i) {
      if (map_.moves()[0].phase == MovePhase::kFollow) Command(3);
      Work();
    }
    ASSERT_TRUE(map_.moves().empty());
    ASSERT_EQ(Live(shards_[Authority()], now_), Live(truth_, now_));
    ASSERT_TRUE(shards_[1 - Authority()].empty());
  }

  size_t flips() const { return flips_; }
  size_t failures() const { return failures_; }
  size_t damaged() const { return damaged_; }

 private:
  bool Chance(uint64_t one_in) { return random_.Below(one_in) == 0; }
  size_t Authority() const { return static_cast<size_t>(map_.ShardOf({0})); }

  void Put(uint64_t position) {
    const int64_t expires = Chance(4) ? now_ + static_cast<int64_t>(random_.Below(20)) : kNeverMs;
    const MovedRecord record = RecordOf(position, ++version_, expires);
    shards_[Authority()][{position, record.key}] = record;
    truth_[{position, record.key}] = record;
    if (move_) move_->Write(record.key);
  }

  void Erase(uint64_t position) {
    const std::string key = "k" + std::to_string(position);
    shards_[Authority()].erase({position, key});
    truth_.erase({position, key});
    if (move_) move_->Write(key);
  }

  void Happen() {
    const uint64_t dice = random_.Below(100);
    if (dice < 25 && !held_) return Put(random_.Below(kPositions));
    if (dice < 40 && !held_) return Erase(random_.Below(kPositions));
    if (dice < 50) now_ += static_cast<int64_t>(random_.Below(4));
    if (dice >= 50 && dice < 60) {
      Stored& shard = shards_[random_.Below(2)];
      shard = Live(shard, now_);
    }
    if (dice == 60 && !held_ && Chance(3)) Clear();
    if (dice == 61 && Chance(4)) Crash();
    if (dice == 62 || dice == 63) Command(random_.Below(5));
    if (dice >= 70 && dice < 76 && map_.moves().empty()) Begin();
  }

  // The authority first, the other in a step of its own perhaps.
  void Clear() {
    shards_[Authority()].clear();
    truth_.clear();
    if (Chance(2)) shards_[1 - Authority()].clear();
    if (move_) move_->StartOver();
  }

  void Begin() {
    ASSERT_TRUE(map_.BeginMove({0}, ShardId{static_cast<uint32_t>(1 - Authority())}).ok());
    Restart();
  }

  void Restart() {
    move_.reset();
    busy_ = held_ = false;
    task_ = {};
    if (map_.moves().empty()) return;
    move_.emplace(Position{0}, Position{0}, map_.moves()[0].phase);
    move_->SetPaused(map_.moves()[0].paused);
  }

  // Repairs that were on their way may have arrived.
  void Crash() {
    if (busy_ && looked_source_ && looked_copy_ && Chance(2)) Apply();
    Restart();
  }

  void Command(uint64_t which) {
    if (map_.moves().empty() || held_) return;
    const uint64_t id = map_.moves()[0].id;
    if (which == 0) (void)map_.Cancel(id);
    if (which == 1) (void)map_.Rollback(id);
    if (which == 2) (void)map_.SetPaused(id, Chance(3));
    if (which == 3) (void)map_.Finish(id);
    if (!move_) return;
    move_->SetPhase(map_.moves()[0].phase);
    move_->SetPaused(map_.moves()[0].paused);
  }

  Stored Side(bool source) {
    Stored& all = shards_[source ? Authority() : 1 - Authority()];
    Stored seen;
    for (const auto& [place, record] : all) {
      const bool in = task_.kind == Kind::kLookFrom
                          ? place.first >= task_.from.value && place.first < end_
                          : std::count(task_.keys.begin(), task_.keys.end(), place.second) > 0;
      if (in) seen.emplace(place, record);
    }
    return seen;
  }

  // One step of the move's owner: a look and its repairs take several.
  void Work() {
    if (!move_) return;
    if (!busy_) return Take();
    if (!looked_source_) {
      looked_source_ = Side(true);
    } else if (!looked_copy_) {
      looked_copy_ = Side(false);
      look_ = {Records(*looked_source_, now_), Records(*looked_copy_, now_)};
      repair_ = move_->OnLook(look_, {end_ >= kPositions ? 0 : end_});
    } else {
      const bool fails = !quiet_ && Chance(8);
      if (!fails || Chance(2)) Apply();
      busy_ = false;
      fails ? move_->Failed() : move_->Done();
    }
  }

  void Apply() {
    Stored& copy = shards_[1 - Authority()];
    for (const size_t index : repair_.removals) {
      copy.erase({look_.copy[index].position.value, look_.copy[index].key});
    }
    for (const size_t index : repair_.puts) {
      MovedRecord record = look_.source[index];
      if (damages_ && Chance(20)) {
        ++record.digest;
        ++damaged_;
      }
      MovedRecord& place = copy[{record.position.value, record.key}];
      // Versions rise, as stores require.
      ASSERT_GT(record.version, place.version);
      place = record;
    }
  }

  void Take() {
    task_ = move_->Next(held_);
    switch (task_.kind) {
      case Kind::kNothing:
        return;
      case Kind::kLookFrom:
      case Kind::kLookAt:
        end_ = task_.kind == Kind::kLookFrom ? task_.from.value + 1 + random_.Below(kPiece) : 0;
        looked_source_.reset();
        looked_copy_.reset();
        busy_ = true;
        return;
      case Kind::kHold:
        held_ = true;
        return;
      case Kind::kRelease:
        held_ = false;
        return;
      case Kind::kFlip:
        return Flip();
      case Kind::kCleanFrom: {
        Stored& copy = shards_[1 - Authority()];
        const uint64_t end = task_.from.value + kPiece;
        std::erase_if(copy, [&](const auto& each) {
          return each.first.first >= task_.from.value && each.first.first < end;
        });
        move_->OnCleaned({end >= kPositions ? 0 : end});
        return move_->Done();
      }
      case Kind::kEnd:
        ASSERT_TRUE(map_.EndMove(map_.moves()[0].id).ok());
        return Restart();
      case Kind::kFail:
        ++failures_;
        (void)map_.Cancel(map_.moves()[0].id);
        return Restart();
    }
  }

  // The map is durable first; a crash may come before or after.
  void Flip() {
    if (!quiet_ && Chance(4)) return Crash();
    ASSERT_TRUE(map_.Flip(map_.moves()[0].id).ok());
    ++flips_;
    if (!quiet_ && Chance(4)) return Crash();
    move_->SetPhase(map_.moves()[0].phase);
    held_ = false;
  }

  Random random_;
  const bool damages_;
  bool quiet_ = false;
  RangeMap map_ = RangeMap::Even(1).value();  // Durable, as are the shards.
  std::array<Stored, 2> shards_;
  Stored truth_;
  int64_t now_ = 1000;
  uint64_t version_ = 0;
  std::optional<RangeMove> move_;
  RangeMove::Task task_;
  bool held_ = false;
  bool busy_ = false;
  uint64_t end_ = 0;
  std::optional<Stored> looked_source_, looked_copy_;
  MoveLook look_;
  MoveRepair repair_;
  size_t steps_ = 0, flips_ = 0, failures_ = 0, damaged_ = 0;
};

TEST(RangeMoveTest, NothingIsLostNorOldNorBackFromTheDead) {
  size_t flips = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, false);
    for (int step = 0; step < 1500 && !testing::Test::HasFatalFailure(); ++step) world.Step();
    world.Rest();
    if (testing::Test::HasFailure()) return;
    EXPECT_EQ(world.failures(), 0U) << "nothing was damaged";
    flips += world.flips();
  }
  EXPECT_GT(flips, 600U);
}

TEST(RangeMoveTest, WhatWasDamagedOnItsWayIsNeverTheAuthority) {
  size_t failures = 0;
  size_t flips = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, true);
    for (int step = 0; step < 1500 && !testing::Test::HasFatalFailure(); ++step) world.Step();
    if (testing::Test::HasFailure()) return;
    if (world.damaged() > 0) failures += world.failures();
    flips += world.flips();
  }
  EXPECT_GT(failures, 300U);
  EXPECT_GT(flips, 50U);
}

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
