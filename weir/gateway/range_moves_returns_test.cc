// Goal: a connection whose writes come back, because their range went over, goes on whatever else
// of the same run is still under way, and however that ends.
// Method: a range goes over between two steps of a burst, which the test chooses.
#include <string>
#include <vector>

#include "weir/gateway/range_moves_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

class RangeMovesReturns : public RangeMovesTest {
 protected:
  const std::string a_ = rig_.KeyIn(0, 0);
  const std::string b_ = rig_.KeyIn(0, 1);
  const std::string c_ = rig_.KeyIn(0, 2);
};

TEST_F(RangeMovesReturns, WhileAStepOfATransactionBeforeThemIsStillComputed) {
  Ask({"SET", c_, std::string(size_t{1} << 20, '\x01')});
  MoveUpToTheHold();
  for (const Words& words : std::vector<Words>{
           {"MULTI"}, {"SET", a_, "1"}, {"BITCOUNT", c_}, {"EXEC"}, {"SET", b_, "2"}}) {
    rig_.SendAndHandOn(client_, words);  // The last waits behind the batch of EXEC.
  }
  rig_.gateway().log_holds().Give();
  Tick();
  FlipUnseen();
  rig_.DeliverOne();  // EXEC is back, and its BITCOUNT computed, which nobody has been told yet.
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(client_),
              ElementsAre("+OK", "+QUEUED", "+QUEUED", "[+OK :1048576]", "+OK"));
  EXPECT_EQ(Ask({"GET", b_}), "2");
}

TEST_F(RangeMovesReturns, WhenTheRestOfTheirRunIsRefused) {
  MoveUpToTheHold();
  const size_t other = rig_.Connect();
  rig_.SendAndHandOn(other, {"SET", c_, "0"});
  rig_.SendAndHandOn(client_, {"SET", a_, "1"});  // Waits behind it.
  rig_.Send(client_, {"SET", b_, "2"});           // Is not even handed on.
  rig_.gateway().log_holds().Give();
  Tick();
  FlipUnseen();
  while (!rig_.inbox_empty()) rig_.DeliverOne();
  rig_.gateway().database(0).committer().SubmitStoreWrite(
      [](const store::Done<store::CommitNumber>& done) {
        done(Error{ErrorCode::kUnknown, "the disk is gone"});
      },
      [](const Result<Ok>&) {});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(client_),
              ElementsAre("+OK", StartsWith("-ERR the database is recovering")));
  EXPECT_EQ(Ask({"GET", a_}), "1");
}

}  // namespace
}  // namespace weir::gateway
