// Goal: a move makes writes wait briefly or not at all, and what waits for a move does not wait for
// ever. Method: a gateway over scripted stores, whose answers and whose clock the test moves.
#include <chrono>
#include <string>

#include "weir/gateway/range_moves_rig.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = ScriptedStore::Kind;

class RangeMovesHold : public RangeMovesTest {
 protected:
  RangeMoves::Totals Totals() { return rig_.gateway().moves().totals(); }
  void TickAfter(std::chrono::nanoseconds time) {
    rig_.clock.Advance(time);
    rig_.gateway().Tick();
    rig_.Deliver();
  }
};

TEST_F(RangeMovesHold, IsLetGoOfWhenADatabaseTakesLongAndComesLaterTheNextTime) {
  const std::string key = rig_.KeyIn(0);
  MoveUpToTheHold();
  Ask({"SET", key, "1"});  // To be brought over under the hold.
  rig_.gateway().log_holds().Give();
  Tick();
  ASSERT_THAT(rig_.store(0).held(Kind::kLoad), SizeIs(1)) << "the look, which takes long";
  rig_.SendAndHandOn(client_, {"SET", key, "2"});
  EXPECT_THAT(rig_.store(0).held(Kind::kApply), IsEmpty()) << "the log is held";
  TickAfter(RangeMoves::kHoldMax + 1ms);
  rig_.Complete(Kind::kApply);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("+OK"));
  EXPECT_THAT(rig_.store(0).held(Kind::kLoad), SizeIs(1)) << "which goes on without the hold";
  rig_.RunAll();
  EXPECT_EQ(Totals().holds, 1U);
  EXPECT_EQ(Totals().held_longest, RangeMoves::kHoldMax + 1ms);
  TickAfter(RangeMoves::kHoldPause - 1ms);
  rig_.RunAll();
  EXPECT_EQ(Totals().holds, 1U) << "not yet again";
  TickAfter(1ms);
  rig_.RunAll();
  EXPECT_EQ(Totals().holds, 2U);
  RunUntil("follow");
  EXPECT_EQ(Ask({"GET", key}), "2");
}

TEST_F(RangeMovesHold, DoesNotBeginWhileADatabaseHasMoreToDoThanItCan) {
  MoveUpToTheHold();
  for (size_t i = 0; i < 20; ++i) rig_.SendAndHandOn(rig_.Connect(), {"GET", rig_.KeyIn(0, i)});
  for (const auto time : {60ms, 110ms}) TickAfter(time);
  ASSERT_TRUE(rig_.gateway().database(0).LoadAdmission().standing);
  rig_.gateway().log_holds().Give();
  TickAfter(1ms);
  EXPECT_EQ(Last().phase, "copy");
  EXPECT_TRUE(rig_.gateway().log_holds().TryTake()) << "nobody holds";
  rig_.gateway().log_holds().Give();
  rig_.RunAll();
  RunUntil("follow");
}

TEST_F(RangeMovesHold, IsLetGoOfWhenTheServerStops) {
  const std::string key = rig_.KeyIn(0);
  MoveUpToTheHold();
  Ask({"SET", key, "1"});
  rig_.gateway().log_holds().Give();
  Tick();
  ASSERT_THAT(rig_.store(0).held(Kind::kLoad), SizeIs(1));
  rig_.SendAndHandOn(client_, {"SET", key, "2"});
  for (size_t i = 0; i < 2; ++i) rig_.gateway().database(i).EndReads();
  rig_.RunAll();  // What is under way ends, and the look that would come next is not begun.
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("+OK")) << "or the log would never end, either";
}

TEST_F(RangeMovesHold, FlushallDoesNotWaitForEverForWhoHoldsALog) {
  ASSERT_TRUE(rig_.gateway().log_holds().TryTake());
  rig_.SendAndHandOn(client_, {"FLUSHALL"});
  TickAfter(4999ms);
  EXPECT_THAT(rig_.Replies(client_), IsEmpty());
  TickAfter(1ms);
  EXPECT_THAT(rig_.Replies(client_), ElementsAre(HasSubstr("holds a database still")));
  rig_.gateway().log_holds().Give();
  EXPECT_EQ(Ask({"FLUSHALL"}), "+OK");
}

TEST_F(RangeMovesHold, AMoveThatRestsDoesWhatItIsToldAllTheSame) {
  MoveUpToTheHold();
  Ask({"WEIR.SHARD", "PAUSE", "1"});
  EXPECT_EQ(Ask({"WEIR.SHARD", "CANCEL", "1"}), "+OK");
  RunUntil("ended");
}

TEST_F(RangeMovesHold, ACopyThatIsFoundDamagedAfterwardsIsNoWayBack) {
  const std::string key = rig_.KeyIn(0);
  Ask({"SET", key, "v"});
  Ask({"WEIR.SHARD", "MOVE", "0", "1"});
  RunUntil("follow");
  rig_.store(0).faults.lose_a_batch = true;
  for (int i = 0; i < 20 && Last().stage != "failed"; ++i) {
    Ask({"SET", key, std::to_string(i)});
    Wait();
  }
  ASSERT_EQ(Last().stage, "failed");
  EXPECT_THAT(Ask({"WEIR.SHARD", "ROLLBACK", "1"}),
              HasSubstr("there is no way back: the copy is not what was written to it"));
  EXPECT_EQ(Last().phase, "follow");
  rig_.store(0).faults.lose_a_batch = false;
  EXPECT_EQ(Ask({"WEIR.SHARD", "FINISH", "1"}), "+OK");
  RunUntil("ended");
}

}  // namespace
}  // namespace weir::gateway
