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

class RangeMovesHold : public RangeMovesTest {
 protected:
  void TickAfter(std::chrono::nanoseconds time) {
    rig_.clock.Advance(time);
    rig_.gateway().Tick();
    rig_.Deliver();
  }
};

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

}  // namespace
}  // namespace weir::gateway
