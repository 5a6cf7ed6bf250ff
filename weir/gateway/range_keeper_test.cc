// Goal: a change of the ranges is routed by only when it is durable, one at a time, and everything
// is found where it was. Method: a whole gateway over a scripted store, and a hand that stores the
// copies of the map or fails to.
#include "weir/gateway/range_keeper.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr uint64_t kMiddle = uint64_t{1} << 63;
constexpr uint64_t kQuarter = uint64_t{1} << 62;

class RangeKeeperTest : public testing::Test {
 protected:
  RangeKeeper& keeper() { return rig_.gateway().ranges(); }

  // The reply that the client has once it is there.
  std::string Ask(const Words& words) { return rig_.Do(client_, words); }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};

TEST_F(RangeKeeperTest, ASplitIsListedAndAMergeUndoesIt) {
  EXPECT_EQ(Ask({"WEIR.SHARD", "SPLIT", "0"}), "8000000000000000");
  EXPECT_EQ(keeper().map().size(), 2U);
  EXPECT_EQ(rig_.gateway().placement().RangeOf({kMiddle}).from.value, kMiddle);
  // Rounded down to where a tag is not cut.
  EXPECT_EQ(Ask({"weir.shard", "split", "8000000000000000", "at", "c000000000ffffff"}),
            "c000000000000000");
  EXPECT_EQ(keeper().map().size(), 3U);
  EXPECT_EQ(Ask({"WEIR.SHARD", "MERGE", "8000000000000000"}), "+OK");
  EXPECT_EQ(Ask({"WEIR.SHARD", "MERGE", "c000000000000000"}), "+OK");
  EXPECT_EQ(keeper().map().size(), 1U);
  EXPECT_EQ(keeper().map().epoch(), 4U);
}

TEST_F(RangeKeeperTest, ASplitByBytesLeavesAsManyOnEitherSide) {
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "0", "BY", "bytes"}), HasSubstr("one {tag} at most"));
  std::vector<uint64_t> positions;
  for (int i = 0; i < 40; ++i) {
    const std::string key = "key" + std::to_string(i + 10);
    Ask({"SET", key, "value"});
    positions.push_back(rig_.StoreKey(key).position);
  }
  std::sort(positions.begin(), positions.end());
  Ask({"WEIR.SHARD", "SPLIT", "0", "BY", "BYTES"});
  ASSERT_EQ(keeper().map().size(), 2U);
  const uint64_t at = keeper().map().At(1).from.value;
  EXPECT_LT(positions[19], at);
  EXPECT_LE(at, positions[20]);
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "1", "BY", "BYTES"}), HasSubstr("no range begins at"));
}

TEST_F(RangeKeeperTest, WhatCannotBeIsRefusedWithAReason) {
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "x"}), StartsWith("-ERR 'x' is not a position"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "00000000000000000"}), StartsWith("-ERR '0000"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "1"}),
              StartsWith("-ERR no range begins at 0000000000000001"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "0", "AT"}), StartsWith("-ERR syntax"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "0", "BY", "8000000000000000"}),
              StartsWith("-ERR syntax"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "0", "AT", "ffffff"}),
              HasSubstr("not between its beginning and its end"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "MERGE", "0"}), StartsWith("-ERR no range begins at 0000"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST", "ALL"}), StartsWith("-ERR syntax"));
  EXPECT_EQ(keeper().map().epoch(), 0U);
}

TEST_F(RangeKeeperTest, AllThatWasWrittenIsFoundAndScannedOnceAfterSplits) {
  for (int i = 0; i < 50; ++i) {
    const std::string key = "k" + std::to_string(i);
    EXPECT_EQ(Ask({"SET", key, "v"}), "+OK");
  }
  std::string from = "0";
  for (const char* at : {"4000000000000000", "8000000000000000", "c000000000000000"}) {
    EXPECT_EQ(Ask({"WEIR.SHARD", "SPLIT", from, "AT", at}), at);
    from = at;
  }
  EXPECT_EQ(keeper().map().size(), 4U);
  EXPECT_EQ(Ask({"DBSIZE"}), ":50");
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST", "COUNT"}), HasSubstr(":50"));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Ask({"GET", "k" + std::to_string(i)}), "v");
}

TEST_F(RangeKeeperTest, AListNamesVersionShardsAndRanges) {
  EXPECT_EQ(Ask({"SET", "{foo}1", "12345"}), "+OK");  // Slot 12182, in the upper half.
  EXPECT_EQ(Ask({"SET", "gone", "x", "PX", "1"}), "+OK");
  rig_.Pass(std::chrono::milliseconds(2));
  rig_.ReadClock();
  EXPECT_EQ(Ask({"WEIR.SHARD", "SPLIT", "0"}), "8000000000000000");
  EXPECT_EQ(Ask({"WEIR.SHARD", "LIST"}),
            "[:1 [[:0 memory (nil) (nil) :0 :2000]] "
            "[[0000000000000000 8000000000000000 :0 (nil) (nil) :0 :0 []] "
            "[8000000000000000 0000000000000000 :0 (nil) (nil) :0 :2000 []]] :2]");
  EXPECT_EQ(Ask({"WEIR.SHARD", "LIST", "COUNT"}),
            "[:1 [[:0 memory :1 :11 :0 :2000]] "
            "[[0000000000000000 8000000000000000 :0 :0 :0 :0 :0 []] "
            "[8000000000000000 0000000000000000 :0 :1 :11 :0 :2000 []]] :2]");
}

// With a hand in the store's place, that writes copies when it likes.
class StoredRanges : public testing::Test {
 protected:
  void Submit(uint64_t at) {
    rig_.gateway().ranges().Submit([at](shard::RangeMap& map) { return map.Split({at}); },
                                   [this](const Result<Ok>& done) {
                                     ended_.push_back(done.ok() ? "done" : done.error().message);
                                   });
  }
  size_t RoutedRanges() {
    size_t ranges = 1;
    const Placement& placement = rig_.gateway().placement();
    for (shard::Range range = placement.RangeOf({0}); range.to.value != 0; ++ranges) {
      range = placement.RangeOf(range.to);
    }
    return ranges;
  }
  void Stored(Result<store::CommitNumber> result) {
    std::exchange(done_, nullptr)(std::move(result));
    rig_.RunAll();
  }

  std::vector<size_t> copies_;
  std::vector<std::string> texts_;
  store::Done<store::CommitNumber> done_;
  std::vector<std::string> ended_;
  GatewayRig rig_{
      {.ranges = {.store =
                      [this](size_t copy, std::string text, store::Done<store::CommitNumber> done) {
                        copies_.push_back(copy);
                        texts_.push_back(std::move(text));
                        done_ = std::move(done);
                      },
                  .newer_copy = 0,
                  .places = {"here"}}}};
  size_t client_ = rig_.Connect();
};

TEST_F(StoredRanges, AChangeIsRoutedByWhenItIsStoredInTheOlderCopy) {
  Submit(kMiddle);
  EXPECT_EQ(RoutedRanges(), 1U);
  EXPECT_THAT(ended_, IsEmpty());
  Stored(store::CommitNumber{0});
  EXPECT_EQ(RoutedRanges(), 2U);
  EXPECT_EQ(shard::RangeMap::FromText(texts_[0]).value(), rig_.gateway().ranges().map());
  Submit(kQuarter);
  Stored(store::CommitNumber{0});
  EXPECT_THAT(copies_, ElementsAre(1, 0));
  EXPECT_THAT(ended_, ElementsAre("done", "done"));
  EXPECT_EQ(RoutedRanges(), 3U);
  EXPECT_EQ(rig_.gateway().ranges().PlaceOf(0), "here");
}

TEST_F(StoredRanges, AChangeThatIsNotStoredChangesNothingAndTheSameCopyIsTriedAgain) {
  Submit(kMiddle);
  Stored(Error{ErrorCode::kUnavailable, "the disk is full"});
  EXPECT_EQ(RoutedRanges(), 1U);
  Submit(kQuarter);
  Stored(Error{ErrorCode::kUnknown, "the disk is gone"});
  EXPECT_EQ(RoutedRanges(), 1U);
  rig_.gateway().Tick();  // Settles.
  rig_.RunAll();
  Submit(kQuarter);
  Stored(store::CommitNumber{0});
  EXPECT_THAT(copies_, ElementsAre(1, 1, 1));
  EXPECT_THAT(ended_, ElementsAre("the disk is full", "the disk is gone", "done"));
  EXPECT_EQ(RoutedRanges(), 2U);
}

TEST_F(StoredRanges, ASecondChangeAtATimeIsRefused) {
  Submit(kMiddle);
  Submit(kQuarter);
  EXPECT_THAT(ended_, ElementsAre(HasSubstr("another change of the ranges is under way")));
  Stored(store::CommitNumber{0});
  EXPECT_EQ(RoutedRanges(), 2U);
}

// It goes ahead of writes that wait, and they wait for it.
TEST_F(StoredRanges, AChangeTakesItsTurnBetweenBatches) {
  using Kind = ScriptedStore::Kind;
  rig_.SendAndHandOn(client_, {"SET", "a", "1"});
  Submit(kMiddle);
  EXPECT_THAT(copies_, IsEmpty()) << "a write is under way";
  rig_.SendAndHandOn(client_, {"SET", "b", "2"});
  rig_.Complete(Kind::kApply);
  EXPECT_THAT(copies_, ElementsAre(1));
  rig_.Deliver();
  EXPECT_THAT(rig_.store().held(Kind::kApply), IsEmpty());
  Stored(store::CommitNumber{0});
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("+OK", "+OK"));
}

}  // namespace
}  // namespace weir::gateway
