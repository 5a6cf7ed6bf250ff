// Goal: a policy that delays holds a command back for as long as its tokens take, in order, and
// refuses what would have to wait longer. Method: as in limit_wait_test.cc.
#include <gtest/gtest.h>

#include "weir/gateway/limit_waits_fixture.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;

class LimitDelayTest : public LimitWaitsFixture {
 protected:
  LimitDelayTest() : LimitWaitsFixture(Policies()) {}

  static GatewayRig::Options Policies() {
    GatewayRig::Options options;
    options.policies = {
        {.name = "slow",
         .key_prefix = "s:",
         .per = limit::Per::kPrefix,
         .rate = {10, 1s, 1},
         .delay_max = 250ms},
        {.name = "hard", .key_prefix = "s:h", .per = limit::Per::kPrefix, .rate = {1, 1s, 1}}};
    return options;
  }
  limit::PolicyCounters Counters() { return rig_.gateway().admission().Policies()[0].counters; }
};

TEST_F(LimitDelayTest, CommandsAreHeldBackUntilTheirTokensAreThere) {
  EXPECT_EQ(rig_.Do(a_, {"SET", "s:1", "x"}), "+OK");
  Send(a_, {"SET", "s:1", "y"});
  Pass(99ms);
  EXPECT_EQ(Replies(a_), Strings());
  EXPECT_EQ(rig_.Do(b_, {"GET", "t"}), "(nil)");
  Pass(1ms);
  EXPECT_EQ(Replies(a_), Strings({"+OK"}));
}

TEST_F(LimitDelayTest, WhatWouldWaitTooLongIsRefusedAtOnce) {
  EXPECT_EQ(rig_.Do(a_, {"SET", "s:1", "x"}), "+OK");
  Send(a_, {"SET", "s:1", "y"});
  Send(a_, {"SET", "s:1", "z"});
  Send(b_, {"GET", "s:1"});
  EXPECT_EQ(Replies(b_), Strings({"-THROTTLED retry_after_ms=300 policy=slow limit=10/1s "
                                  "scope=prefix reason=quota"}));
  EXPECT_EQ(rig_.Do(b_, {"GET", "other"}), "(nil)");
  EXPECT_EQ(Replies(a_), Strings());
  Pass(100ms);
  EXPECT_EQ(Replies(a_), Strings({"+OK"}));
  EXPECT_EQ(rig_.gateway().admission().waits().count(), 1u);
  Pass(100ms);
  EXPECT_EQ(Replies(a_), Strings({"+OK"}));
  Pass(100ms);
  EXPECT_EQ(rig_.Do(b_, {"GET", "s:1"}), "z");
  EXPECT_EQ(Counters().allowed, 4u);
  EXPECT_EQ(Counters().delayed, 2u);
  EXPECT_EQ(Counters().denied, 1u);
}

TEST_F(LimitDelayTest, WhatFollowsWaitsBehindIt) {
  rig_.Do(a_, {"SET", "s:1", "x"});
  for (const Words& words : std::vector<Words>{{"PING"}, {"GET", "s:1"}, {"PING"}, {"GET", "t"}}) {
    rig_.Send(a_, words);
  }
  rig_.RunAll();
  EXPECT_EQ(Replies(a_), Strings({"+PONG"}));
  Pass(100ms);
  EXPECT_EQ(Replies(a_), Strings({"x", "+PONG", "(nil)"}));
}

TEST_F(LimitDelayTest, APolicyThatDoesNotDelayRefusesWhateverAnotherDoes) {
  EXPECT_EQ(rig_.Do(a_, {"GET", "s:h"}), "(nil)");
  EXPECT_EQ(rig_.Do(a_, {"GET", "s:h"}),
            "-THROTTLED retry_after_ms=1000 policy=hard limit=1/1s scope=prefix reason=quota");
}

TEST_F(LimitDelayTest, WithinATransactionNothingWaits) {
  rig_.Do(a_, {"SET", "s:1", "x"});
  EXPECT_EQ(rig_.Do(a_, {"MULTI"}), "+OK");
  EXPECT_EQ(rig_.Do(a_, {"GET", "s:1"}),
            "-THROTTLED retry_after_ms=100 policy=slow limit=10/1s scope=prefix reason=quota");
  EXPECT_EQ(Counters().denied, 1u);
}

TEST_F(LimitDelayTest, WhoIsGoneGivesUpItsPlaceAndWhoOnlyEndsItsSideDoesNot) {
  rig_.Do(a_, {"SET", "s:1", "x"});
  Send(a_, {"SET", "s:1", "y"});
  Send(b_, {"SET", "s:1", "z"});
  rig_.client(b_).pipeline.OnClientEnded();
  rig_.Disconnect(a_);
  rig_.RunAll();
  Pass(100ms);
  EXPECT_EQ(Replies(b_), Strings({"+OK"}));
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(LimitDelayTest, WhoWaitsForALimitIsNotBlockedByHimself) {
  rig_.Do(a_, {"SET", "s:1", "x"});
  const std::string id = rig_.Do(a_, {"CLIENT", "ID"}).substr(1);
  Send(a_, {"SET", "s:1", "y"});
  EXPECT_EQ(rig_.gateway().admission().waits().blocked(), 0u);
  EXPECT_EQ(rig_.Do(b_, {"CLIENT", "UNBLOCK", id}), ":0");
  Pass(100ms);
  EXPECT_EQ(Replies(a_), Strings({"+OK"}));
}

// With `delay` as long as the tokens of two take, two wait.
TEST_F(LimitDelayTest, TheLastThatFitsIsServedThoughTheFirstWokeLate) {
  for (const char* value : {"1", "2", "3"}) Send(a_, {"SET", "s:1", value});
  EXPECT_EQ(Replies(a_), Strings({"+OK"}));
  Pass(155ms);
  EXPECT_EQ(Replies(a_), Strings({"+OK"}));
  Pass(99ms);
  EXPECT_EQ(Replies(a_), Strings());
  Pass(1ms);
  EXPECT_EQ(Replies(a_), Strings({"+OK"}));
}

TEST_F(LimitDelayTest, WhoMayNoMoreIsRefusedWhenItsTokensAreThere) {
  Authentication& authentication = rig_.gateway().authentication();
  const auto set = [&](users::Rights rights) {
    users::User user{.name = "default",
                     .password_hash = "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') +
                                      "$" + std::string(43, 'A'),
                     .rights = rights};
    authentication.SetUsers(
        std::make_shared<const users::Users>(std::vector<users::User>{std::move(user)}));
  };
  rig_.Do(a_, {"SET", "s:1", "x"});
  Send(a_, {"SET", "s:1", "y"});
  set(users::kRead);
  Pass(100ms);
  const Strings replies = Replies(a_);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_TRUE(replies[0].starts_with("-NO")) << replies[0];
}

TEST_F(LimitDelayTest, WhenTheServerStopsNobodyWaits) {
  rig_.Do(a_, {"SET", "s:1", "x"});
  Send(a_, {"SET", "s:1", "y"});
  rig_.client(a_).pipeline.OnDrain();
  EXPECT_EQ(Replies(a_), Strings({"-THROTTLED retry_after_ms=100 policy=slow limit=10/1s "
                                  "scope=prefix reason=quota"}));
}

}  // namespace
}  // namespace weir::gateway
