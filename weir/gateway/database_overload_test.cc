// Goal: a database that stands still costs its readers one wait, nothing that it is not to blame
// for is held against it, and reads of many keys are let in like others.
// Method: a whole gateway over a scripted store on one thread, with a clock that is moved by hand.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/database.h"
#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/many_keys_read.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = ScriptedStore::Kind;

constexpr std::chrono::milliseconds kLate = 1001ms;  // Longer than a call may take.

class DatabaseOverload : public testing::Test {
 protected:
  void Tick() {
    rig_.gateway().Tick();
    rig_.Deliver();
  }
  static Words ManyKeys() {
    Words words = {"MGET"};
    for (size_t i = 0; i <= ManyKeysRead::kKeysAtOnceMax; ++i) {
      words.push_back("k" + std::to_string(i));
    }
    return words;
  }
  // Of a database that stalls, from now on.
  void Stall() {
    rig_.SendAndHandOn(first_, {"GET", "k"});
    rig_.Pass(kLate);
    Tick();
  }

  GatewayRig rig_;
  size_t first_ = rig_.Connect();
  size_t second_ = rig_.Connect();
};

TEST_F(DatabaseOverload, WhoAskedBeforeItStoodStillIsRefusedAndTheLateAnswerIsToldNobody) {
  Stall();
  EXPECT_THAT(rig_.Replies(first_), ElementsAre(HasSubstr("reason=circuit")));
  ASSERT_THAT(rig_.store().held(Kind::kLoad), SizeIs(1));
  rig_.Complete(Kind::kLoad);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(first_), IsEmpty());
  EXPECT_EQ(rig_.Do(first_, {"GET", "k"}), "(nil)") << "it has answered, so it is tried again";
}

TEST_F(DatabaseOverload, AReadThatWaitsForACommitDoesNotCloseTheDatabaseToOthers) {
  rig_.Do(first_, {"SET", "k", "v", "PX", "1000"});
  rig_.SendAndHandOn(first_, {"PERSIST", "k"});
  ASSERT_THAT(rig_.store().held(Kind::kApply), SizeIs(1)) << "its fsync hangs";
  rig_.Pass(1500ms);
  rig_.SendAndHandOn(second_, {"GET", "k"});
  rig_.Complete(Kind::kLoad);  // It finds a key that has expired, if it was not persisted.
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(second_), IsEmpty());
  rig_.Pass(kLate);
  Tick();
  const size_t third = rig_.Connect();
  rig_.SendAndHandOn(third, {"GET", "other"});
  ASSERT_THAT(rig_.store().held(Kind::kLoad), SizeIs(1));
  rig_.Complete(Kind::kLoad);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(third), ElementsAre("(nil)"));
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(second_), ElementsAre("v"));
}

TEST_F(DatabaseOverload, AReadOfManyKeysIsRefusedLikeOthers) {
  Stall();
  rig_.SendAndHandOn(second_, ManyKeys());
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(second_), ElementsAre(HasSubstr("reason=circuit")));
  EXPECT_THAT(rig_.store().held(Kind::kLoad), SizeIs(1)) << "the one that stalls";
}

TEST_F(DatabaseOverload, AReadOfManyKeysThatStallsIsRefusedOnce) {
  rig_.SendAndHandOn(first_, ManyKeys());
  rig_.Deliver();
  ASSERT_THAT(rig_.store().held(Kind::kLoad), SizeIs(1));
  rig_.Pass(kLate);
  Tick();
  EXPECT_THAT(rig_.Replies(first_), ElementsAre(HasSubstr("reason=circuit")));
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(first_), IsEmpty());
}

}  // namespace
}  // namespace weir::gateway
