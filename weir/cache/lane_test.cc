// Goal: the rules of lane.h hold for any order of events.
// Method: the numbered interleavings one by one, then random ones of many readers and writers over
// a model of the database. The checker of the random ones is itself checked: it must find bugs
// planted in the way the lane is used.

#include "weir/cache/lane.h"

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr uint64_t kHash = 7;

std::optional<Value> MakeValue(std::string_view bytes) {
  return Value{Bytes::Copy(bytes), kNever, 0};
}

class LaneTest : public testing::Test {
 protected:
  LoadId Begin(std::string_view key = "k") {
    const auto joined = lane_.Join(key, kHash, {});
    EXPECT_TRUE(joined.ok());
    EXPECT_TRUE(joined.value().begun);
    return joined.value().load;
  }
  bool JoinBegins() { return lane_.Join("k", kHash, {}).value().begun; }
  void Finish(LoadId load, const std::optional<Value>& value) {
    EXPECT_FALSE(lane_.Finish(load, value, {}, kNow).waiters.empty());
  }
  void Publish(const std::optional<Value>& value) { lane_.Publish("k", kHash, value, {}, kNow); }
  // What a reader sees without asking the database: the value, "absent", or "miss".
  std::string See(std::string_view key = "k") {
    const auto hit = lane_.Find(key, kHash, kNow);
    if (!hit.has_value()) return "miss";
    return hit->absent ? "absent" : std::string(hit->value);
  }

  Lane lane_{Cache::Options{1 << 20}};
};

TEST_F(LaneTest, AFinishedLoadFillsTheCache) {
  Finish(Begin(), MakeValue("v"));
  EXPECT_EQ(See(), "v");
  EXPECT_EQ(lane_.counters().fills, 1U);
  lane_.Clear();
  Finish(Begin(), std::nullopt);
  EXPECT_EQ(See(), "absent");
}

TEST_F(LaneTest, AFillThatAPublishedWriteOvertookNeverSurfaces) {
  const LoadId load = Begin();
  Publish(MakeValue("new"));
  Finish(load, MakeValue("old"));
  EXPECT_EQ(See(), "new");
  EXPECT_EQ(lane_.counters().stale_fills_rejected, 1U);
}

TEST_F(LaneTest, WhatIsOvertakenFillsNothing) {
  const LoadId load = Begin();
  lane_.Overtake(kHash);
  Finish(load, MakeValue("old"));
  EXPECT_EQ(See(), "miss");
}

TEST_F(LaneTest, ALoadFinishedBeforeAPublishFillsUntilThen) {
  Finish(Begin(), MakeValue("old"));
  EXPECT_EQ(See(), "old");
  Publish(std::nullopt);
  EXPECT_EQ(See(), "absent");
}

TEST_F(LaneTest, ALoadBegunBeforeAPublishCannotBeJoinedAfterIt) {
  Begin();
  EXPECT_FALSE(JoinBegins());
  lane_.Publish("k", kHash, std::nullopt, {kNow, kNow}, kNow);  // Deleted, absence not kept.
  EXPECT_EQ(See(), "miss");
  EXPECT_TRUE(JoinBegins());
}

TEST_F(LaneTest, AReadOutsideJoinFillsOnlyWithItsToken) {
  const Token token = lane_.CurrentToken(kHash);
  lane_.Fill("k", kHash, token, MakeValue("v"), {}, kNow);
  EXPECT_EQ(See(), "v");
  Publish(MakeValue("w"));
  lane_.Fill("k", kHash, token, MakeValue("v"), {}, kNow);
  EXPECT_EQ(See(), "w");
}

TEST_F(LaneTest, AFailedLoadHandsBackItsWaitersAndKeepsNothing) {
  const LoadId load = Begin();
  EXPECT_FALSE(JoinBegins());
  EXPECT_EQ(lane_.FinishFailed(load).waiters.size(), 2U);
  EXPECT_EQ(See(), "miss");
  EXPECT_TRUE(JoinBegins());
}

TEST_F(LaneTest, AKeyInDoubtIsNeitherServedNorFilledNorShared) {
  Publish(MakeValue("v"));
  const LoadId before = Begin();
  lane_.Doubt("k", kHash);
  EXPECT_TRUE(lane_.InDoubt(kHash));
  EXPECT_EQ(See(), "miss");
  const LoadId during = Begin();
  EXPECT_TRUE(JoinBegins());
  Finish(before, MakeValue("v"));
  EXPECT_EQ(See(), "miss");
  Publish(MakeValue("w"));  // A write that was committed before the one in doubt.
  EXPECT_EQ(See(), "miss");
  lane_.Settle(kHash);
  EXPECT_FALSE(lane_.InDoubt(kHash));
  Finish(during, MakeValue("v"));
  EXPECT_EQ(See(), "miss") << "a load begun in doubt may not have seen the outcome";
  Finish(Begin(), MakeValue("settled"));
  EXPECT_EQ(See(), "settled");
}

TEST_F(LaneTest, DoubtLastsUntilTheLastUnknownWriteIsSettled) {
  lane_.Doubt("k", kHash);
  lane_.Doubt("k", kHash);
  lane_.Settle(kHash);
  EXPECT_TRUE(lane_.InDoubt(kHash));
  Finish(Begin(), MakeValue("v"));
  EXPECT_EQ(See(), "miss");
  lane_.Settle(kHash);
  Finish(Begin(), MakeValue("v"));
  EXPECT_EQ(See(), "v");
}

TEST_F(LaneTest, ClearForgetsEntriesMakesLoadsStaleAndLeavesDoubts) {
  Publish(MakeValue("v"));
  lane_.Doubt("other", kHash + 1);
  const LoadId load = Begin();
  const Cache taken = lane_.Clear();
  EXPECT_EQ(taken.entries(), 1U);
  EXPECT_EQ(See(), "miss");
  EXPECT_TRUE(JoinBegins());
  Finish(load, MakeValue("v"));
  EXPECT_EQ(See(), "miss");
  EXPECT_TRUE(lane_.InDoubt(kHash + 1));
}

// Many readers and writers of a few keys over one database with one log, every step of each taken
// in random order. Versions stand for values: write n of a key leaves version n.
class Interleaving {
 public:
  // Ways to use the lane wrongly, which the checks must find.
  enum class Planted { kNone, kFillsWithTheCurrentToken, kIgnoresDoubt, kJoinsWhateverIsUnderWay };

  struct Outcome {
    uint64_t hits = 0;
    uint64_t answers = 0;
    uint64_t stale_hits = 0;     // Older than the last published write of the key.
    uint64_t stale_answers = 0;  // Older than what was published when the reader came.
    uint64_t hits_in_doubt = 0;
    uint64_t lost_readers = 0;
    uint64_t shared = 0;  // Readers who were spared a load.
    Lane::Counters counters;
    uint64_t violations() const {
      return stale_hits + stale_answers + hits_in_doubt + lost_readers;
    }
  };

  Interleaving(uint64_t seed, Planted planted, bool one_hash)
      : random_(seed), planted_(planted), one_hash_(one_hash) {
    for (Row& row : rows_) row.written.push_back(false);  // Version 0: absent.
  }

  Outcome Run(int steps) {
    for (int step = 0; step < steps; ++step) Step();
    while (!reading_.empty() || doubtful_.has_value() || !committed_.empty() || !queued_.empty()) {
      Commit();
      Publish();
      Settle();
      ReadDatabase();
      FinishLoad();
    }
    outcome_.lost_readers = readers_begun_ - outcome_.answers;
    outcome_.counters = lane_.counters();
    return outcome_;
  }

 private:
  static constexpr size_t kKeys = 5;
  static constexpr size_t kReadingMax = 8;  // So that loads end while they can still fill.

  struct Row {
    std::vector<bool> written;  // By version: whether it left a value (else it deleted).
    uint64_t stored = 0;        // The version that the database holds.
    uint64_t published = 0;     // The newest version that was published, or settled.
    uint64_t next = 1;
    uint32_t doubts = 0;
  };
  struct Write {
    size_t row = 0;
    uint64_t version = 0;
    uint64_t commit = 0;
    bool lands_when_settled = false;  // In doubt, and only found in the log later.
  };
  struct Reading {
    size_t row = 0;
    LoadId load = 0;
    bool read = false;
    uint64_t version = 0;
    uint64_t commit = 0;                // What the read of the database saw.
    std::vector<uint64_t> freeloaders;  // Of kJoinsWhateverIsUnderWay.
  };

  std::string KeyOf(size_t row) const { return "key " + std::to_string(row); }
  uint64_t HashOf(size_t row) const { return one_hash_ ? 99 : SeededHash(KeyOf(row), 3); }
  std::optional<Value> ValueOf(size_t row, uint64_t version) const {
    if (!rows_[row].written[version]) return std::nullopt;
    return Value{Bytes::Copy(std::to_string(version)), kNever, version};
  }
  Lane::Keep AnyKeep() {
    return {random_.OneIn(8) ? WallTime{now_.ms + 5} : kNever,
            random_.OneIn(4) ? now_ : WallTime{now_.ms + 20}};
  }

  void Step() {
    switch (random_.Below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return Read();
      case 5:
      case 6:
      case 7:
        return ReadDatabase();
      case 8:
      case 9:
        return FinishLoad();
      case 10:
      case 11:
        return Queue();
      case 12:
        return Commit();
      case 13:
        return Publish();
      case 14:
        return Settle();
      default:
        if (random_.OneIn(20)) lane_.Clear();
        ++now_.ms;
    }
  }

  void Read() {
    const size_t row = random_.Below(kKeys);
    const auto hit = lane_.Find(KeyOf(row), HashOf(row), now_);
    if (hit.has_value()) return CheckHit(row, *hit);
    if (reading_.size() >= kReadingMax) return;
    ++readers_begun_;
    const uint64_t floor = rows_[row].published;
    if (planted_ == Planted::kJoinsWhateverIsUnderWay) {
      for (Reading& reading : reading_) {
        if (reading.row == row) return reading.freeloaders.push_back(floor);
      }
    }
    const auto joined = lane_.Join(KeyOf(row), HashOf(row), {nullptr, row, floor, 0});
    ASSERT_TRUE(joined.ok());
    if (!joined.value().begun) {
      ++outcome_.shared;
      return;
    }
    reading_.push_back({row, joined.value().load, false, 0, 0, {}});
  }

  // Some version between the last published one and the newest written one must be what was seen.
  void CheckHit(size_t row, const Cache::Hit& hit) {
    const Row& held = rows_[row];
    ++outcome_.hits;
    if (held.doubts > 0) ++outcome_.hits_in_doubt;
    bool current = false;
    for (uint64_t version = held.published; version <= held.stored; ++version) {
      current |= hit.absent ? !held.written[version]
                            : hit.version == version && hit.value == std::to_string(version);
    }
    if (!current) ++outcome_.stale_hits;
  }

  void ReadDatabase() {
    if (reading_.empty()) return;
    Reading& reading = reading_[random_.Below(reading_.size())];
    if (reading.read) return;
    reading.read = true;
    reading.version = rows_[reading.row].stored;
    reading.commit = last_commit_;
  }

  void FinishLoad() {
    if (reading_.empty()) return;
    const size_t at = random_.Below(reading_.size());
    // A load is answered only when all that it saw has been published.
    if (!reading_[at].read || reading_[at].commit > last_published_) return;
    const Reading reading = reading_[at];
    reading_.erase(reading_.begin() + static_cast<std::ptrdiff_t>(at));
    const std::optional<Value> value = ValueOf(reading.row, reading.version);
    Loads::Finished finished;
    if (planted_ == Planted::kFillsWithTheCurrentToken) {
      finished = lane_.FinishFailed(reading.load);
      lane_.Fill(finished.key, finished.hash, lane_.CurrentToken(finished.hash), value, AnyKeep(),
                 now_);
    } else if (random_.OneIn(10)) {
      finished = lane_.FinishFailed(reading.load);
    } else {
      finished = lane_.Finish(reading.load, value, AnyKeep(), now_);
    }
    for (const Waiter& waiter : finished.waiters) {
      ASSERT_EQ(waiter.connection, reading.row);
      Answer(reading.version, waiter.sequence);
    }
    for (const uint64_t floor : reading.freeloaders) Answer(reading.version, floor);
  }

  void Answer(uint64_t version, uint64_t floor) {
    ++outcome_.answers;
    if (version < floor) ++outcome_.stale_answers;
  }

  void Queue() {
    if (queued_.size() >= 4 || !random_.OneIn(4)) return;
    const size_t row = random_.Below(kKeys);
    rows_[row].written.push_back(!random_.OneIn(3));
    queued_.push_back({row, rows_[row].next++, 0, false});
  }

  // The log takes one write after the other, and none while the outcome of one is unknown.
  void Commit() {
    if (queued_.empty() || doubtful_.has_value()) return;
    Write write = queued_.front();
    queued_.pop_front();
    write.commit = ++last_commit_;
    if (!random_.OneIn(6)) {
      rows_[write.row].stored = write.version;
      committed_.push_back(write);
      return;
    }
    switch (random_.Below(3)) {
      case 0:
        rows_[write.row].stored = write.version;
        break;
      case 1:
        write.lands_when_settled = true;
        break;
      default:
        break;  // It never took effect.
    }
    doubtful_ = write;
    if (planted_ == Planted::kIgnoresDoubt) return;
    ++rows_[write.row].doubts;
    lane_.Doubt(KeyOf(write.row), HashOf(write.row));
  }

  void Publish() {
    if (committed_.empty()) return;
    const Write write = committed_.front();
    committed_.pop_front();
    rows_[write.row].published = write.version;
    last_published_ = write.commit;
    lane_.Publish(KeyOf(write.row), HashOf(write.row), ValueOf(write.row, write.version), AnyKeep(),
                  now_);
  }

  void Settle() {
    if (!doubtful_.has_value() || !committed_.empty()) return;
    Row& row = rows_[doubtful_->row];
    if (doubtful_->lands_when_settled) row.stored = doubtful_->version;
    row.published = row.stored;
    last_published_ = doubtful_->commit;
    if (planted_ != Planted::kIgnoresDoubt) {
      --row.doubts;
      lane_.Settle(HashOf(doubtful_->row));
    }
    doubtful_.reset();
  }

  Random random_;
  Planted planted_;
  bool one_hash_;
  // Room for a few entries only, so that some are evicted.
  static constexpr size_t kEntryBytes = 72;
  Lane lane_{Cache::Options{kEntryBytes * 8}};
  WallTime now_ = kNow;
  std::array<Row, kKeys> rows_;
  std::vector<Reading> reading_;
  std::deque<Write> queued_;
  std::deque<Write> committed_;  // Not yet published.
  std::optional<Write> doubtful_;
  uint64_t last_commit_ = 0;
  uint64_t last_published_ = 0;
  uint64_t readers_begun_ = 0;
  Outcome outcome_;
};

Interleaving::Outcome RunInterleavings(Interleaving::Planted planted, bool one_hash = false) {
  Interleaving::Outcome sum;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    const auto outcome = Interleaving(seed, planted, one_hash).Run(5000);
    sum.hits += outcome.hits;
    sum.answers += outcome.answers;
    sum.stale_hits += outcome.stale_hits;
    sum.stale_answers += outcome.stale_answers;
    sum.hits_in_doubt += outcome.hits_in_doubt;
    sum.lost_readers += outcome.lost_readers;
    sum.shared += outcome.shared;
    sum.counters.fills += outcome.counters.fills;
    sum.counters.stale_fills_rejected += outcome.counters.stale_fills_rejected;
  }
  return sum;
}

TEST(LaneInterleavings, NoReaderEverSeesLessThanWhatWasPublished) {
  for (const bool one_hash : {false, true}) {
    SCOPED_TRACE(one_hash ? "all keys of one hash" : "a hash for each key");
    const auto outcome = RunInterleavings(Interleaving::Planted::kNone, one_hash);
    EXPECT_EQ(outcome.stale_hits, 0U);
    EXPECT_EQ(outcome.stale_answers, 0U);
    EXPECT_EQ(outcome.hits_in_doubt, 0U);
    EXPECT_EQ(outcome.lost_readers, 0U);
    // The run was about something.
    EXPECT_GT(outcome.hits, 1000U);
    EXPECT_GT(outcome.shared, 1000U);
    EXPECT_GT(outcome.counters.fills, 1000U);
    EXPECT_GT(outcome.counters.stale_fills_rejected, 1000U);
  }
}

TEST(LaneInterleavings, TheCheckerFindsFillsThatIgnoreTheirToken) {
  EXPECT_GT(RunInterleavings(Interleaving::Planted::kFillsWithTheCurrentToken).stale_hits, 0U);
}

TEST(LaneInterleavings, TheCheckerFindsUnknownOutcomesThatAreIgnored) {
  EXPECT_GT(RunInterleavings(Interleaving::Planted::kIgnoresDoubt).stale_hits, 0U);
}

TEST(LaneInterleavings, TheCheckerFindsReadersWhoJoinAnOldLoad) {
  EXPECT_GT(RunInterleavings(Interleaving::Planted::kJoinsWhateverIsUnderWay).stale_answers, 0U);
}

}  // namespace
}  // namespace weir::cache
