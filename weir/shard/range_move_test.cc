// Goal: whatever happens while a range moves (writes, deletes, expiry, emptying, errors, crashes at
// every step, cancels, rollbacks), the authority holds exactly what was written: nothing lost,
// nothing back from the dead, nothing old; and what was damaged on its way never becomes the
// authority. Method: two simulated stores and a plain model under random events by seed.
#include "weir/shard/range_move.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/shard/range_move_records.h"

namespace weir::shard {
namespace {

using Kind = RangeMove::Task::Kind;

// A piece that was read before its turn.
struct Ahead {
  Position from, end;
  Stored source, copy;
};

// Of which range, in units.
struct Part {
  uint64_t from = 0;
  uint64_t to = 0;
};

class World {
 public:
  static constexpr uint64_t kUnits = 24;
  static constexpr uint64_t kPiece = 5;  // Units of one look.

  World(uint64_t seed, bool damages) : random_(seed), damages_(damages) {
    // Everything, the first range, the last, or one between others.
    const Part parts[] = {{0, kUnits}, {0, 8}, {16, kUnits}, {8, 16}};
    part_ = parts[seed % 4];
    if (part_.from > 0) (void)map_.Split(from());
    if (to().value > 0) (void)map_.Split(to());
    EXPECT_EQ(map_.Find(from()).to, to());
    for (uint64_t i = 0; i < kUnits; ++i) {
      if (Moves(i)) {
        if (Chance(2)) Put(i);
        continue;
      }
      for (size_t shard = 0; shard < 2; ++shard) {
        const MovedRecord other = RecordOf(i, ++version_);
        shards_[shard][{other.position.value, other.key}] = other;
      }
    }
    others_ = {Others(0), Others(1)};
  }

  void Step() {
    Happen();
    if (!Chance(3)) Work();
    ASSERT_EQ(Live(Own(Authority()), now_), Live(truth_, now_)) << "at step " << steps_;
    for (size_t shard = 0; shard < 2; ++shard) ASSERT_EQ(Others(shard), others_[shard]);
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
    ASSERT_EQ(Live(Own(Authority()), now_), Live(truth_, now_));
    ASSERT_TRUE(Own(1 - Authority()).empty());
    for (size_t shard = 0; shard < 2; ++shard) ASSERT_EQ(Others(shard), others_[shard]);
  }

  size_t flips() const { return flips_; }
  size_t failures() const { return failures_; }
  size_t damaged() const { return damaged_; }

 private:
  bool Chance(uint64_t one_in) { return random_.Below(one_in) == 0; }
  size_t Authority() const { return static_cast<size_t>(map_.ShardOf(from())); }
  Position from() const { return {part_.from * kPositionUnit}; }
  Position to() const { return {part_.to == kUnits ? 0 : part_.to * kPositionUnit}; }
  bool Moves(uint64_t unit) const { return unit >= part_.from && unit < part_.to; }
  Position Cut(uint64_t position) const {
    return position >= part_.to * kPositionUnit ? to() : Position{position};
  }
  bool Before(uint64_t position, Position end) const {
    return end == to() ? position < part_.to * kPositionUnit : position < end.value;
  }
  // What a shard holds of the range, and of others.
  Stored Own(size_t shard) const {
    Stored own = shards_[shard];
    std::erase_if(own, [&](const auto& each) { return !Moves(each.first.first / kPositionUnit); });
    return own;
  }
  Stored Others(size_t shard) const {
    Stored others = shards_[shard];
    std::erase_if(others, [&](const auto& e) { return Moves(e.first.first / kPositionUnit); });
    return others;
  }

  void Put(uint64_t unit) {
    const int64_t expires = Chance(4) ? now_ + static_cast<int64_t>(random_.Below(20)) : kNeverMs;
    const MovedRecord record = RecordOf(unit, ++version_, expires);
    shards_[Authority()][{record.position.value, record.key}] = record;
    truth_[{record.position.value, record.key}] = record;
    if (move_) move_->Write(record.key);
  }

  void Erase(uint64_t unit) {
    const MovedRecord record = RecordOf(unit, 0);
    shards_[Authority()].erase({record.position.value, record.key});
    truth_.erase({record.position.value, record.key});
    if (move_) move_->Write(record.key);
  }
  uint64_t AnyUnit() { return part_.from + random_.Below(part_.to - part_.from); }

  void Happen() {
    const uint64_t dice = random_.Below(100);
    if (dice < 25 && !held_) return Put(AnyUnit());
    if (dice < 40 && !held_) return Erase(AnyUnit());
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
    for (const size_t shard : {Authority(), 1 - Authority()}) {
      shards_[shard].clear();
      others_[shard].clear();
      if (Chance(2)) break;
    }
    truth_.clear();
    if (move_) move_->StartOver();
  }

  void Begin() {
    ASSERT_TRUE(map_.BeginMove(from(), ShardId{static_cast<uint32_t>(1 - Authority())}).ok());
    Restart();
  }

  void Restart() {
    move_.reset();
    ahead_.reset();
    busy_ = held_ = false;
    task_ = {};
    if (map_.moves().empty()) return;
    move_.emplace(from(), to(), map_.moves()[0].phase);
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
    if (task_.kind == Kind::kLookFrom) return Piece(source, task_.from, end_);
    Stored seen = shards_[source ? Authority() : 1 - Authority()];
    std::erase_if(seen, [&](const auto& each) {
      return std::count(task_.keys.begin(), task_.keys.end(), each.first.second) == 0;
    });
    return seen;
  }

  Stored Piece(bool source, Position from, Position end) {
    Stored seen = shards_[source ? Authority() : 1 - Authority()];
    std::erase_if(seen, [&](const auto& each) {
      return each.first.first < from.value || !Before(each.first.first, end);
    });
    return seen;
  }

  Position SomeEnd(Position from) {
    return Cut(from.value + (1 + random_.Below(kPiece)) * kPositionUnit);
  }

  // The next piece is read before this one is repaired, as range_move.h allows.
  void Look() {
    if (task_.kind == Kind::kLookFrom && end_ != to() && Chance(2)) {
      const Position end = SomeEnd(end_);
      ahead_ = Ahead{end_, end, Piece(true, end_, end), Piece(false, end_, end)};
    }
    look_ = {Records(*looked_source_, now_), Records(*looked_copy_, now_)};
    repair_ = move_->OnLook(look_, end_);
  }

  // Returns whether the piece was read ahead.
  bool TakeAhead() {
    const std::optional<Ahead> ahead = std::exchange(ahead_, std::nullopt);
    if (!ahead || task_.kind != Kind::kLookFrom || ahead->from != task_.from) return false;
    end_ = ahead->end;
    looked_source_ = ahead->source;
    looked_copy_ = ahead->copy;
    busy_ = true;
    Look();
    return true;
  }

  // One step of the move's owner: a look and its repairs take several.
  void Work() {
    if (!move_) return;
    if (!busy_) return Take();
    if (!looked_source_) {
      looked_source_ = Side(true);
    } else if (!looked_copy_) {
      looked_copy_ = Side(false);
      Look();
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
    task_ = move_->Next(held_, !Chance(4));
    if (TakeAhead()) return;
    switch (task_.kind) {
      case Kind::kNothing:
        return;
      case Kind::kLookFrom:
      case Kind::kLookAt:
        end_ = SomeEnd(task_.from);
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
        const Position end = Cut(task_.from.value + kPiece * kPositionUnit);
        std::erase_if(copy, [&](const auto& each) {
          return each.first.first >= task_.from.value && Before(each.first.first, end);
        });
        move_->OnCleaned(end);
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
  Part part_;
  bool quiet_ = false;
  RangeMap map_ = RangeMap::Even(1).value();  // Durable, as are the shards.
  std::array<Stored, 2> shards_, others_;
  Stored truth_;
  int64_t now_ = 1000;
  uint64_t version_ = 0;
  std::optional<RangeMove> move_;
  RangeMove::Task task_;
  bool held_ = false;
  bool busy_ = false;
  Position end_;
  std::optional<Stored> looked_source_, looked_copy_;
  std::optional<Ahead> ahead_;
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

}  // namespace
}  // namespace weir::shard
