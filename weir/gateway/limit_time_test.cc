// Goal: under a policy that counts the time of databases, each request is charged for what the
// databases worked for it, once it has been answered, and the sum of all is the time that passed.
// Method: stores that answer when the test says so, with a clock that the test moves meanwhile.
#include <cmath>

#include <gtest/gtest.h>

#include "weir/gateway/limit_waits_fixture.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;
using Kind = ScriptedStore::Kind;

// Policies so slow that nothing comes back while a test runs.
class LimitTimeTest : public LimitWaitsFixture {
 protected:
  explicit LimitTimeTest(const GatewayRig::Options& options = Policies())
      : LimitWaitsFixture(options) {}

  static GatewayRig::Options Policies() {
    constexpr limit::Rate kSlow{.count = 1, .period = 24h, .burst = 100};
    GatewayRig::Options options;
    options.policies = {{.name = "all",
                         .per = limit::Per::kPrefix,
                         .unit = limit::Unit::kDatabaseTime,
                         .rate = kSlow},
                        {.name = "tenant",
                         .per = limit::Per::kText,
                         .subject = "{key.1}",
                         .unit = limit::Unit::kDatabaseTime,
                         .rate = kSlow}};
    Keyspace bounded;
    bounded.prefix = "bounded:";
    bounded.load_hard_timeout = 40ms;
    options.keyspaces = {bounded};
    return options;
  }
  // Milliseconds that are gone: a day's flow each.
  double Gone(std::string_view policy, std::string_view key) {
    const limit::NamedLimit named{.key = key, .policy = policy, .cost = 0};
    const auto outcome = rig_.gateway().admission().DecideNamed(
        &view_, {&named, 1}, limit::Ask::kPeek, rig_.clock.Mono());
    using Days = std::chrono::duration<double, std::ratio<86'400>>;
    return std::round(Days(outcome.value().each[0].reset_after).count() * 100) / 100;
  }
  void GiveBack(std::string_view policy, uint64_t milliseconds) {
    const limit::NamedLimit named{.key = "*", .policy = policy, .cost = milliseconds};
    const auto given = rig_.gateway().admission().DecideNamed(
        &view_, {&named, 1}, limit::Ask::kReturn, rig_.clock.Mono());
    ASSERT_TRUE(given.ok());
  }
  double GoneOfAll() { return Gone("all", "*"); }
  double GoneOf(std::string_view tenant) { return Gone("tenant", tenant); }
  // The first call of this kind is answered after `time`.
  void Take(Kind kind, std::chrono::milliseconds time) {
    rig_.HandOn();
    rig_.Pass(time);
    rig_.Complete(kind);
    rig_.Deliver();
  }

  Admission::View view_;
};

TEST_F(LimitTimeTest, AReadCostsWhatItsLoadTookAndAHitNothing) {
  rig_.Send(a_, {"GET", "acme:1"});
  EXPECT_EQ(GoneOfAll(), 0);
  Take(Kind::kLoad, 20ms);
  EXPECT_EQ(Replies(a_), Strings({"(nil)"}));
  EXPECT_EQ(GoneOfAll(), 20);
  EXPECT_EQ(GoneOf("acme"), 20);
  EXPECT_EQ(rig_.Do(a_, {"GET", "acme:1"}), "(nil)");
  EXPECT_EQ(GoneOfAll(), 20);
}

// One call for three keys, of which two clients ask for the first.
TEST_F(LimitTimeTest, WhatManyReadTogetherTheyShare) {
  rig_.Send(a_, {"MGET", "acme:1", "zeta:1"});
  rig_.Send(b_, {"GET", "acme:1"});
  rig_.Send(b_, {"GET", "beta:1"});
  Take(Kind::kLoad, 30ms);
  EXPECT_EQ(Replies(a_), Strings({"[(nil) (nil)]"}));
  EXPECT_EQ(Replies(b_), Strings({"(nil)", "(nil)"}));
  EXPECT_EQ(GoneOfAll(), 30);
  EXPECT_EQ(GoneOf("acme"), 20);  // MGET is about its first key.
  EXPECT_EQ(GoneOf("beta"), 10);
  EXPECT_EQ(GoneOf("zeta"), 0);
}

TEST_F(LimitTimeTest, TheWritesOfABatchShareWhatItTookByTheirKeys) {
  rig_.Send(a_, {"SET", "acme:1", "x"});
  rig_.Send(b_, {"MSET", "beta:1", "x", "beta:2", "y"});
  Take(Kind::kApply, 30ms);
  EXPECT_EQ(Replies(a_), Strings({"+OK"}));
  EXPECT_EQ(GoneOfAll(), 30);
  EXPECT_EQ(GoneOf("acme"), 10);
  EXPECT_EQ(GoneOf("beta"), 20);
}

TEST_F(LimitTimeTest, AWriteCostsTheLoadOfWhatItChangesToo) {
  rig_.Send(a_, {"INCR", "acme:1"});
  Take(Kind::kLoad, 5ms);
  Take(Kind::kApply, 10ms);
  EXPECT_EQ(Replies(a_), Strings({":1"}));
  EXPECT_EQ(GoneOf("acme"), 15);
}

TEST_F(LimitTimeTest, TheStepsOfATransactionShareWhatItTook) {
  rig_.All(a_, {{"MULTI"}, {"SET", "acme:1", "x"}, {"SET", "beta:1", "x"}});
  rig_.Send(a_, {"EXEC"});
  Take(Kind::kApply, 30ms);
  EXPECT_EQ(Replies(a_), Strings({"[+OK +OK]"}));
  EXPECT_EQ(GoneOfAll(), 30);
  EXPECT_EQ(GoneOf("acme"), 15);
  EXPECT_EQ(GoneOf("beta"), 15);
}

TEST_F(LimitTimeTest, AStepThatLooksThroughTheDatabaseIsChargedForThatAlone) {
  rig_.All(a_, {{"MULTI"}, {"SET", "acme:1", "x"}, {"KEYS", "*"}});
  rig_.Send(a_, {"EXEC"});
  Take(Kind::kApply, 10ms);
  Take(Kind::kScan, 7ms);
  EXPECT_EQ(Replies(a_).size(), 1u);
  EXPECT_EQ(GoneOfAll(), 17);
  EXPECT_EQ(GoneOf("acme"), 5);
}

TEST_F(LimitTimeTest, ATransactionThatFailsCostsItsStepsWhatItTook) {
  rig_.All(a_, {{"MULTI"}, {"SET", "acme:1", "x"}, {"SET", "beta:1", "x"}});
  rig_.Send(a_, {"EXEC"});
  rig_.HandOn();
  rig_.Pass(30ms);
  rig_.Complete(Kind::kApply, ScriptedStore::Outcome::kUnavailable);
  rig_.Deliver();
  EXPECT_EQ(Replies(a_).size(), 1u);
  EXPECT_EQ(GoneOf("acme"), 15);
  EXPECT_EQ(GoneOf("beta"), 15);
}

TEST_F(LimitTimeTest, AReadThatIsGivenUpCostsTheTimeThatItWaited) {
  rig_.Send(a_, {"GET", "bounded:1"});
  rig_.HandOn();
  rig_.Pass(40ms);
  rig_.RingAlarms();
  EXPECT_EQ(Replies(a_).size(), 1u);
  EXPECT_EQ(GoneOf("bounded"), 40);
}

TEST_F(LimitTimeTest, WhatLooksThroughTheDatabaseCostsTheTimeUntilItsAnswer) {
  rig_.Send(a_, {"SCAN", "0"});
  Take(Kind::kScan, 7ms);
  EXPECT_EQ(Replies(a_).size(), 1u);
  EXPECT_EQ(GoneOfAll(), 7);
}

// With a list of nodes, which is this one.
class ListedLimitTimeTest : public LimitTimeTest {
 protected:
  ListedLimitTimeTest() : LimitTimeTest(Listed()) {}

  static GatewayRig::Options Listed() {
    GatewayRig::Options options = Policies();
    options.nodes = std::make_shared<const nodes::NodeTable>(
        nodes::NodeTable::FirstPlacement({{.id = "a", .ip = "10.0.0.1", .port = 7001}}, "a"));
    return options;
  }
};

TEST_F(ListedLimitTimeTest, WhatLooksThroughSlotsCostsTheTimeUntilItsAnswer) {
  double gone = 0;
  for (const Words& words : std::vector<Words>{{"CLUSTER", "COUNTKEYSINSLOT", "7"},
                                               {"CLUSTER", "GETKEYSINSLOT", "7", "10"},
                                               {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "7", "8"}}) {
    rig_.Send(a_, words);
    Take(Kind::kScan, 7ms);
    EXPECT_EQ(Replies(a_).size(), 1u) << words[1];
    EXPECT_EQ(GoneOfAll(), gone += 7) << words[1];
  }
}

TEST_F(LimitTimeTest, WhenNothingIsLeftRequestsAreRefusedUntilSomethingIs) {
  rig_.Send(a_, {"GET", "acme:1"});
  rig_.Send(b_, {"GET", "beta:1"});
  Take(Kind::kLoad, 250ms);  // 125 each, of which a burst is taken.
  Replies(a_);
  Replies(b_);
  EXPECT_EQ(GoneOf("acme"), 100);
  EXPECT_EQ(GoneOfAll(), 200);
  EXPECT_EQ(rig_.Do(a_, {"GET", "acme:1"}),
            "-THROTTLED retry_after_ms=8640000001 policy=all limit=1ms/1d scope=prefix "
            "reason=quota");
  GiveBack("all", 100);
  GiveBack("all", 50);
  EXPECT_EQ(rig_.Do(a_, {"GET", "acme:1"}),
            "-THROTTLED retry_after_ms=1 policy=tenant limit=1ms/1d scope={key.1} reason=quota");
  EXPECT_EQ(rig_.Do(a_, {"GET", "gamma:1"}), "(nil)");
}

}  // namespace
}  // namespace weir::gateway
