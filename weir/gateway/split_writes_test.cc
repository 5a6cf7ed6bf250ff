// Goal: several keys that live in several databases are written and read key by key where that is
// promised, in order with everything else of the connection, and refused where keys go together.
// Method: a whole gateway over scripted stores on one thread; each test is one interleaving.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;

class SplitWrites : public testing::Test {
 protected:
  void TearDown() override {
    rig_.RunAll();
    for (size_t i = 0; i < 2; ++i) EXPECT_THAT(rig_.store(i).problems(), IsEmpty());
  }

  GatewayRig rig_{{.databases = 2}};
  size_t a_ = rig_.Connect();
  size_t b_ = rig_.Connect();
  std::string x_ = rig_.KeyIn(0), x2_ = rig_.KeyIn(0, 1);
  std::string y_ = rig_.KeyIn(1), y2_ = rig_.KeyIn(1, 1);
};

TEST_F(SplitWrites, AnMsetAndADelGoToEachDatabase) {
  EXPECT_EQ(rig_.Do(a_, {"MSET", x_, "1", y_, "2", x2_, "3", x_, "4"}), "+OK");
  EXPECT_EQ(rig_.Do(a_, {"MGET", x_, y_, x2_, y2_}), "[4 2 3 (nil)]");
  EXPECT_EQ(rig_.Do(a_, {"EXISTS", x_, y_, y_, y2_}), ":3");
  EXPECT_THAT(rig_.store(0).batches(), SizeIs(1));
  EXPECT_THAT(rig_.store(1).batches(), SizeIs(1));
  EXPECT_EQ(rig_.Do(a_, {"DEL", x_, y_, x2_, y2_, x_}), ":3");
  EXPECT_EQ(rig_.Do(a_, {"MGET", x_, y_, x2_, y2_}), "[(nil) (nil) (nil) (nil)]");
}

TEST_F(SplitWrites, ABigValueIsTakenToItsDatabase) {
  const std::string big(100'000, 'b');
  EXPECT_EQ(rig_.Do(a_, {"MSET", x_, "s", y_, big}), "+OK");
  EXPECT_EQ(rig_.Do(a_, {"GET", y_}), big);
}

TEST_F(SplitWrites, NoOtherWriteSharesItsRun) {
  rig_.Send(a_, {"SET", x_, "1"});
  rig_.Send(a_, {"MSET", x_, "2", y_, "2"});
  rig_.Send(a_, {"MSET", x_, "3", y_, "3"});
  rig_.Send(a_, {"SET", y_, "4"});
  rig_.HandOn();
  EXPECT_THAT(rig_.store(1).held(Kind::kApply), IsEmpty()) << "the SET is not acknowledged";
  rig_.Complete(Kind::kApply);
  rig_.Deliver();
  ASSERT_THAT(rig_.store(0).held(Kind::kApply), SizeIs(1));
  ASSERT_THAT(rig_.store(1).held(Kind::kApply), SizeIs(1));
  rig_.Complete(Kind::kApply, Outcome::kDone, 1);
  rig_.Deliver();
  EXPECT_THAT(rig_.store(1).held(Kind::kApply), IsEmpty()) << "one part is still under way";
  EXPECT_THAT(rig_.Replies(a_), ElementsAre("+OK"));
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre("+OK", "+OK", "+OK"));
  EXPECT_EQ(rig_.Do(a_, {"MGET", x_, y_}), "[3 4]");
}

TEST_F(SplitWrites, WhatOnePartDidNotDoIsUnknownAsAWhole) {
  struct Case {
    Outcome first;
    Outcome second;
    const char* reply;
  };
  for (const Case& c : {Case{Outcome::kUnavailable, Outcome::kUnavailable, "-ERR disk full"},
                        Case{Outcome::kDone, Outcome::kUnavailable, "-UNKNOWN one of the"},
                        Case{Outcome::kUnavailable, Outcome::kUnknownLost, "-UNKNOWN one of the"},
                        Case{Outcome::kUnknownApplied, Outcome::kDone, "-UNKNOWN one of the"}}) {
    rig_.SendAndHandOn(a_, {"MSET", x_, "1", y_, "2"});
    rig_.Complete(Kind::kApply, c.first, 0);
    rig_.Complete(Kind::kApply, c.second, 1);
    rig_.Deliver();
    EXPECT_THAT(rig_.Replies(a_), ElementsAre(StartsWith(c.reply)));
    rig_.gateway().Tick();
    rig_.RunAll();
  }
}

TEST_F(SplitWrites, AConnectionMayGoBetweenTheParts) {
  rig_.SendAndHandOn(a_, {"MSET", x_, "1", y_, "2"});
  rig_.Complete(Kind::kApply, Outcome::kDone, 0);
  rig_.Deliver();
  rig_.Disconnect(a_);
  rig_.RunAll();
  EXPECT_EQ(rig_.Do(b_, {"MGET", x_, y_}), "[1 2]") << "what was begun is finished";
}

TEST_F(SplitWrites, ATransactionStaysInOneDatabase) {
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"SET", y_, "1"}, {"INCR", y_}, {"GET", y2_}, {"EXEC"}}),
            "[+OK :2 (nil)]");
  for (const Words& words : std::vector<Words>{{"SET", y_, "2"},
                                               {"GET", y_},
                                               {"MSET", x_, "1", y_, "1"},
                                               {"MGET", x_, y_},
                                               {"FLUSHALL"}}) {
    rig_.Send(a_, {"MULTI"});
    rig_.Send(a_, {"SET", x_, "1"});
    EXPECT_THAT(rig_.Last(a_, {words}), StartsWith("-CROSSSLOT ")) << words[0];
    EXPECT_EQ(rig_.Do(a_, {"EXEC"}),
              "-EXECABORT Transaction discarded because of previous errors.");
  }
  EXPECT_EQ(rig_.Do(a_, {"MGET", x_, y_}), "[(nil) 2]");
}

TEST_F(SplitWrites, ATransactionCountsTheKeysOfAllDatabasesAfterItsWrites) {
  rig_.Do(a_, {"SET", y_, "1"});
  EXPECT_EQ(rig_.Last(a_, {{"MULTI"}, {"SET", x_, "1"}, {"DBSIZE"}, {"EXEC"}}), "[+OK :2]");
}

TEST_F(SplitWrites, WatchedKeysLiveWhereTheTransactionDoes) {
  EXPECT_THAT(rig_.Do(a_, {"WATCH", x_, y_}), StartsWith("-CROSSSLOT "));
  rig_.Do(a_, {"UNWATCH"});
  EXPECT_EQ(rig_.Do(a_, {"WATCH", x_}), "+OK");
  rig_.Do(a_, {"MULTI"});
  EXPECT_THAT(rig_.Do(a_, {"SET", y_, "1"}), StartsWith("-CROSSSLOT "));
  rig_.Do(a_, {"DISCARD"});
  EXPECT_EQ(rig_.Last(a_, {{"WATCH", y_}, {"MULTI"}, {"SET", y_, "1"}, {"EXEC"}}), "[+OK]");
}

TEST_F(SplitWrites, AnExecJoinsTheWritesToItsLog) {
  rig_.Send(a_, {"SET", x_, "1"});
  rig_.Send(a_, {"MULTI"});
  rig_.Send(a_, {"INCR", x_});
  rig_.Send(a_, {"EXEC"});
  rig_.Send(a_, {"INCR", x_});
  rig_.Send(a_, {"MULTI"});
  rig_.Send(a_, {"SET", y_, "1"});
  rig_.Send(a_, {"EXEC"});
  rig_.HandOn();
  EXPECT_THAT(rig_.store(1).held(Kind::kApply), IsEmpty());
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(a_),
              ElementsAre("+OK", "+OK", "+QUEUED", "[:2]", ":3", "+OK", "+QUEUED", "[+OK]"));
  EXPECT_THAT(rig_.store(0).batches(), SizeIs(1));
}

TEST_F(SplitWrites, AFlushallThatOneDatabaseRefusedAfterAnotherIsUnknown) {
  EXPECT_EQ(rig_.Do(a_, {"MSET", x_, "1", y_, "2"}), "+OK");
  rig_.SendAndHandOn(a_, {"FLUSHALL"});
  rig_.Complete(Kind::kClear);
  rig_.Complete(Kind::kClear, Outcome::kUnavailable, 1);
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(a_), ElementsAre(StartsWith("-UNKNOWN one of the databases")));
  EXPECT_EQ(rig_.Do(a_, {"MGET", x_, y_}), "[(nil) 2]");
  rig_.SendAndHandOn(a_, {"FLUSHALL"});
  rig_.Complete(Kind::kClear, Outcome::kUnavailable);
  rig_.Deliver();
  EXPECT_EQ(rig_.Replies(a_).back(), "-ERR disk full") << "nothing was done at all";
}

}  // namespace
}  // namespace weir::gateway
