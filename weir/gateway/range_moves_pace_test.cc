// Goal: a move yields to clients and goes at full speed without them, reads each piece while the
// one before is written, and tells how far it is. Method: a gateway over scripted stores, whose
// answers and whose clock the test moves.
#include <string>
#include <vector>

#include "weir/gateway/range_moves_rig.h"

namespace weir::gateway {
namespace {

using testing::SizeIs;
using Kind = ScriptedStore::Kind;

constexpr int kKeys = 50;

// Two records or so in each tenth of a second while clients ask.
GatewayRig::Options Slow() {
  GatewayRig::Options options = TwoDatabases();
  options.moves.bytes_per_second = 2000;
  options.moves.piece_records = 1;
  options.moves.idle_piece_records = 10;
  return options;
}

class RangeMovesPace : public RangeMovesTest {
 protected:
  RangeMovesPace() : RangeMovesTest(Slow()) {
    for (int i = 0; i < kKeys; ++i) {
      keys_.push_back(rig_.KeyIn(0, i));
      Ask({"SET", keys_.back(), std::string(100, 'v')});
    }
  }

  std::vector<std::string> keys_;  // Of the range that moves.
};

TEST_F(RangeMovesPace, ItYieldsToClientsAndGoesAtFullSpeedWithoutThem) {
  Ask({"WEIR.SHARD", "MOVE", "0", "1"});
  for (int i = 0; i < 10; ++i) {
    Ask({"GET", rig_.KeyIn(1)});
    Wait();
  }
  EXPECT_GT(Last().keys, 5U);
  EXPECT_LT(Last().keys, 30U);
  for (int i = 0; i < CopyPace::kIdleLooks; ++i) Wait();
  EXPECT_EQ(Last().phase, "follow");
  EXPECT_EQ(Last().keys, static_cast<uint64_t>(kKeys));
}

TEST_F(RangeMovesPace, ItTellsHowMuchIsDoneHowFastAndHowLongItTakes) {
  Ask({"WEIR.SHARD", "MOVE", "0", "1"});
  for (int i = 0; i < 10; ++i) {
    Ask({"GET", rig_.KeyIn(1)});
    Wait();
  }
  const MoveStatus status = Last();
  EXPECT_EQ(status.stage, "copying");
  EXPECT_EQ(status.stage_bytes, status.bytes);
  EXPECT_GT(status.stage_bytes_all, status.stage_bytes);
  EXPECT_NEAR(static_cast<double>(status.bytes_per_second), 2000, 1000);
  ASSERT_TRUE(status.seconds_left.has_value());
  EXPECT_GT(*status.seconds_left, 0U);
  RunUntil("follow");
  EXPECT_EQ(Last().stage_bytes_all, 0U) << "there is nothing left to tell";
  EXPECT_FALSE(Last().seconds_left.has_value());
}

TEST_F(RangeMovesPace, TheNextPieceIsReadWhileOneIsWritten) {
  for (int i = 0; i < CopyPace::kIdleLooks; ++i) Wait();
  rig_.SendAndHandOn(client_, {"WEIR.SHARD", "MOVE", "0", "1"});
  rig_.Complete(Kind::kPut);
  for (int i = 0; i < 20 && rig_.store(1).held(Kind::kApply).empty(); ++i) {
    for (const size_t store : {size_t{0}, size_t{1}}) {
      for (const auto id : rig_.store(store).held(Kind::kScan)) rig_.store(store).Complete(id);
    }
  }
  ASSERT_THAT(rig_.store(1).held(Kind::kApply), SizeIs(1));
  const uint64_t scans = rig_.store(0).calls(Kind::kScan);
  EXPECT_GE(scans, 2U) << "before the first piece is written";
  rig_.RunAll();
  RunUntil("follow");
  EXPECT_EQ(Stored(1), static_cast<size_t>(kKeys));
}

// What it saw may not be there any more.
TEST_F(RangeMovesPace, APieceThatWasReadAheadIsReadAnewAfterALookAtWrittenKeys) {
  ASSERT_TRUE(rig_.gateway().log_holds().TryTake());
  Ask({"WEIR.SHARD", "MOVE", "0", "1"});
  for (int round = 0; round < 5; ++round) {
    Ask({"SET", keys_[round], "w"});
    Ask({"DEL", keys_[kKeys - 1 - round]});
    Wait();
  }
  rig_.gateway().log_holds().Give();
  RunUntil("follow");
  EXPECT_EQ(Stored(1), static_cast<size_t>(kKeys - 5));
  for (int round = 0; round < 5; ++round) EXPECT_EQ(Ask({"GET", keys_[round]}), "w");
}

}  // namespace
}  // namespace weir::gateway
