// Goal: LIMIT.* answers as docs/limits.md says, in both protocols, and odd input is an error and
// nothing else.
// Method: scripts of commands and replies over a whole gateway whose clock is moved by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;

class LimitCommandsTest : public testing::Test {
 protected:
  static GatewayRig::Options Policies() {
    GatewayRig::Options options;
    options.policies = {
        {.name = "api", .key_prefix = "user:", .per = limit::Per::kKey, .rate = {10, 1s, 10}},
        {.name = "all-writes",
         .command = limit::CommandClass::kAdmin,
         .per = limit::Per::kPrefix,
         .rate = {1000, 1h, 1000}},
        {.name = "mail", .key_prefix = "mail:", .per = limit::Per::kKey, .rate = {2, 1s, 2}},
        {.name = "mail",
         .key_prefix = "mail:",
         .per = limit::Per::kKey,
         .rate = {3, 1h, 3},
         .window = 1}};
    return options;
  }
  std::string Do(const Words& words) { return rig_.Do(client_, words); }

  GatewayRig rig_{Policies()};
  size_t client_ = rig_.Connect();
};

TEST_F(LimitCommandsTest, AnExplicitLimitIsTakenFromAndGivenBackTo) {
  EXPECT_EQ(Do({"LIMIT.CHECK", "ip:1", "RATE", "2/s"}), "[:1 :1 :0 :500 :0]");
  EXPECT_EQ(Do({"limit.check", "ip:1", "rate", "2/s", "cost", "1"}), "[:1 :0 :0 :1000 :0]");
  EXPECT_EQ(Do({"LIMIT.CHECK", "ip:1", "RATE", "2/s"}), "[:0 :0 :500 :1000 :1]");
  EXPECT_EQ(Do({"LIMIT.PEEK", "ip:1", "RATE", "2/s"}), "[:0 :0 :500 :1000 :1]");
  EXPECT_EQ(Do({"LIMIT.REFUND", "ip:1", "RATE", "2/s", "COST", "2"}), "[:1 :2 :0 :0 :0]");
  EXPECT_EQ(Do({"LIMIT.CHECK", "ip:1", "RATE", "2/s", "COST", "3"}), "[:0 :2 :-1 :0 :1]");
  rig_.Pass(1ms);
  EXPECT_EQ(Do({"LIMIT.CHECK", "ip:2", "RATE", "1/250ms", "BURST", "4", "COST", "4"}),
            "[:1 :0 :0 :1000 :0]");
}

TEST_F(LimitCommandsTest, SeveralKeysAndWindowsAreOneDecision) {
  const Words both = {"LIMIT.CHECK", "u:7",      "RATE", "2/s", "RATE", "3/h",
                      "AND",         "tenant:a", "RATE", "5/m", "COST", "2"};
  EXPECT_EQ(Do(both), "[:1 :1 :0 :1200000 :0]");
  EXPECT_EQ(Do(both), "[:1 :0 :0 :2400000 :0]");
  EXPECT_EQ(Do(both), "[:0 :0 :12000 :2400000 :3]");  // 1 of 5 a minute left, and none of 2/s.
  rig_.Pass(12s);
  EXPECT_EQ(Do(both), "[:1 :0 :0 :3588000 :0]");
  rig_.Pass(24s);
  EXPECT_EQ(Do(both), "[:0 :0 :1164000 :3564000 :2]");
}

TEST_F(LimitCommandsTest, TheBucketIsThatOfClThrottle) {
  EXPECT_EQ(Do({"CL.THROTTLE", "k", "1", "2", "1"}), "[:0 :2 :1 :-1 :1]");
  EXPECT_EQ(Do({"LIMIT.PEEK", "k", "RATE", "2/s"}), "[:1 :1 :0 :500 :0]");
}

TEST_F(LimitCommandsTest, APolicyIsAskedByName) {
  EXPECT_EQ(Do({"LIMIT.CHECK", "user:1", "POLICY", "api", "COST", "4"}), "[:1 :5 :0 :500 :0]");
  EXPECT_EQ(Do({"GET", "user:1"}), "(nil)");
  EXPECT_EQ(Do({"LIMIT.CHECK", "user:1", "POLICY", "none"}),
            "-ERR there is no limit policy 'none'");
  EXPECT_EQ(Do({"LIMIT.CHECK", "x", "POLICY", "api"}),
            "-ERR limit policy 'api' is for keys that begin with 'user:'");
  EXPECT_EQ(Do({"LIMIT.CHECK", "x", "POLICY", "all-writes", "AND", "y", "POLICY", "all-writes"}),
            "-ERR two of these limits have the same bucket");
}

TEST_F(LimitCommandsTest, EachRateOfAPolicyRefusesInItsName) {
  EXPECT_EQ(Do({"GET", "mail:1"}), "(nil)");
  EXPECT_EQ(Do({"GET", "mail:1"}), "(nil)");
  EXPECT_EQ(Do({"GET", "mail:1"}),
            "-THROTTLED retry_after_ms=500 policy=mail limit=2/1s scope=key reason=quota");
  rig_.Pass(1s);
  EXPECT_EQ(Do({"GET", "mail:1"}), "(nil)");
  rig_.Pass(1s);
  EXPECT_EQ(Do({"GET", "mail:1"}),
            "-THROTTLED retry_after_ms=1198000 policy=mail limit=3/1h scope=key reason=quota");
  EXPECT_EQ(
      Do({"LIMIT.EXPLAIN", "GET", "mail:1"}),
      "[[policy mail scope key key mail:1 action reject limit 3/1h burst :3 cost :1 allowed :0 "
      "remaining :0 retry_after_ms :1198000 reset_after_ms :3598000]]");
  const std::vector<Admission::PolicyView> policies = rig_.gateway().admission().Policies();
  ASSERT_EQ(policies.size(), 3u);
  EXPECT_EQ(policies[2].counters.allowed, 3u);
  EXPECT_EQ(policies[2].counters.denied, 2u);
  EXPECT_EQ(Do({"LIMIT.WHATIF", "mail"}).substr(0, 24), "[requests :5 denied :2 d");
}

TEST_F(LimitCommandsTest, WhoIsRefusedMostIsKnown) {
  EXPECT_EQ(Do({"LIMIT.OFFENDERS"}), "[]");
  for (int i = 0; i < 4; ++i) Do({"LIMIT.CHECK", "ip:1", "RATE", "1/h"});
  for (int i = 0; i < 12; ++i) Do({"GET", "user:7"});
  EXPECT_EQ(Do({"LIMIT.OFFENDERS"}), "[[(nil) ip:1 :3 :0] [api user:7 :2 :0]]");
  rig_.Pass(61s);
  EXPECT_EQ(Do({"LIMIT.OFFENDERS"}), "[[(nil) ip:1 :1 :0] [api user:7 :1 :0]]");
}

TEST_F(LimitCommandsTest, WhatIfTellsWhatAPolicyWouldHaveRefused) {
  for (int i = 0; i < 12; ++i) Do({"GET", "user:7"});
  for (int i = 0; i < 3; ++i) Do({"SET", "user:8", "x"});
  rig_.Pass(90s);
  EXPECT_EQ(Do({"LIMIT.WHATIF", "api"}),
            "[requests :15 denied :2 denied_percent 13.3 buckets :2 sample requests one_in :1 "
            "span_ms :90000 top [[user:7 :2]]]");
  EXPECT_EQ(Do({"LIMIT.WHATIF", "none"}), "-ERR there is no limit policy 'none'");
  EXPECT_EQ(Do({"LIMIT.WHATIF", "api", "rate"}), "-ERR syntax error");
  EXPECT_EQ(Do({"LIMIT.WHATIF", "api", "rate", "1/s"}),
            "-ERR this server's limit policies cannot be changed while it runs");
  rig_.Pass(std::chrono::hours(1));
  EXPECT_EQ(Do({"LIMIT.WHATIF", "api"}),
            "[requests :0 denied :0 denied_percent 0.0 buckets :0 sample requests one_in :1 "
            "span_ms :3600000 top []]");
}

TEST_F(LimitCommandsTest, ExplainNamesEachLimitAndItsBucket) {
  EXPECT_EQ(Do({"LIMIT.EXPLAIN", "PING"}), "[]");
  EXPECT_EQ(Do({"LIMIT.EXPLAIN", "SET", "user:1", "x"}),
            "[[policy api scope key key user:1 action reject limit 10/1s burst :10 cost :1 allowed "
            ":1 remaining "
            ":10 retry_after_ms :0 reset_after_ms :0]]");
  EXPECT_EQ(Do({"LIMIT.EXPLAIN", "LIMIT.CHECK", "k", "RATE", "2/s", "BURST", "1", "COST", "2"}),
            "[[policy (nil) scope key key k action reject limit 2/1s burst :1 cost :2 allowed :0 "
            "remaining :1 "
            "retry_after_ms :-1 reset_after_ms :0]]");
  EXPECT_EQ(Do({"LIMIT.EXPLAIN", "FROM", "::1", "AS", "app", "CONFIG", "GET", "x"}),
            "[[policy all-writes scope prefix key * action reject limit 1000/1h burst :1000 cost "
            ":1 allowed :1 "
            "remaining :1000 retry_after_ms :0 reset_after_ms :0]]");
  EXPECT_EQ(Do({"LIMIT.EXPLAIN", "FROM", "here", "PING"}), "-ERR FROM needs an IP address");
  EXPECT_EQ(Do({"LIMIT.EXPLAIN", "NONE"}), "-ERR Invalid command specified");
  EXPECT_EQ(Do({"LIMIT.EXPLAIN", "GET"}), "-ERR wrong number of arguments for 'get' command");
}

// Goal of these two: who is limited can neither undo that nor do it to others, nor read what is not
// his. Method: users with less and less rights, whose passwords are all x.
class LimitRightsTest : public testing::Test {
 protected:
  static GatewayRig::Options Options() {
    const auto hash = [](char letter) {
      return "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') + "$" +
             std::string(42, letter) + "A";
    };
    GatewayRig::Options options;
    options.users = {{"admin", hash('a'), users::kAllRights, {}},
                     {"app", hash('b'), users::kRead | users::kWrite, {}},
                     {"confined", hash('c'), users::kRead | users::kWrite, {"a:"}}};
    options.policies = {
        {.name = "writes",
         .command = limit::CommandClass::kWrite,
         .per = limit::Per::kUser,
         .rate = {2, 1h, 2}},
        {.name = "api", .per = limit::Per::kKey, .rate = {5, 1h, 5}, .only_named = true}};
    return options;
  }
  size_t ConnectAs(const std::string& user) {
    const size_t client = rig_.Connect();
    rig_.Send(client, {"AUTH", user, "x"});
    rig_.CheckPassword("x");
    EXPECT_EQ(rig_.Replies(client).back(), "+OK");
    return client;
  }

  GatewayRig rig_{Options()};
};

TEST_F(LimitRightsTest, WhoIsLimitedNeitherUndoesItNorLimitsOthers) {
  constexpr const char* kDenied =
      "-NOPERM taking from or giving back to a limit that weir enforces itself needs the right "
      "`admin`; LIMIT.PEEK does not";
  const size_t app = ConnectAs("app");
  const size_t admin = ConnectAs("admin");
  EXPECT_EQ(rig_.Do(app, {"LIMIT.REFUND", "app", "POLICY", "writes"}), kDenied);
  EXPECT_EQ(rig_.Do(app, {"LIMIT.RESERVE", "k", "RATE", "9/s", "AND", "admin", "POLICY", "writes"}),
            kDenied);
  EXPECT_THAT(rig_.Do(app, {"LIMIT.CHECK", "admin", "POLICY", "writes", "COST", "2"}),
              testing::StartsWith("-THROTTLED"))
      << "these are writes too";
  EXPECT_EQ(rig_.Do(app, {"LIMIT.PEEK", "app", "POLICY", "writes"}),
            "[:0 :0 :1800000 :3600000 :1]");
  EXPECT_EQ(rig_.Do(app, {"LIMIT.PEEK", "admin", "POLICY", "writes"}), "[:1 :2 :0 :0 :0]");
  EXPECT_EQ(rig_.Do(admin, {"LIMIT.REFUND", "app", "POLICY", "writes", "COST", "2"}),
            "[:1 :2 :0 :0 :0]");
  EXPECT_EQ(rig_.Do(app, {"LIMIT.CHECK", "admin", "POLICY", "writes", "COST", "2"}), kDenied);
  EXPECT_EQ(rig_.Do(app, {"LIMIT.CHECK", "k", "POLICY", "api"}), "[:1 :4 :0 :720000 :0]")
      << "of a limit that concerns those alone who name it everybody may take";
  EXPECT_EQ(rig_.Do(admin, {"LIMIT.REFUND", "app", "POLICY", "writes", "COST", "2"}),
            "[:1 :2 :0 :0 :0]");
  EXPECT_EQ(rig_.Do(app, {"LIMIT.WAIT", "admin", "POLICY", "writes", "MAX", "0"}), kDenied);
}

TEST_F(LimitRightsTest, ExplainShowsNoBucketThatPeekDoesNot) {
  const size_t confined = ConnectAs("confined");
  const Words peek = {"LIMIT.PEEK", "a:x", "RATE", "1/s", "AND", "b:y", "RATE", "1/s"};
  Words explain = peek;
  explain.insert(explain.begin(), "LIMIT.EXPLAIN");
  constexpr const char* kDenied =
      "-NOPERM this user has no permissions to access one of the keys used as arguments";
  EXPECT_EQ(rig_.Do(confined, peek), kDenied);
  EXPECT_EQ(rig_.Do(confined, explain), kDenied);
  explain[6] = "a:y";
  EXPECT_THAT(rig_.Do(confined, explain), testing::HasSubstr("key a:y"));
}

TEST_F(LimitCommandsTest, OddWordsAreAnErrorAndNothingElse) {
  const auto check = [&](Words words) {
    words.insert(words.begin(), "LIMIT.CHECK");
    return Do(words);
  };
  EXPECT_EQ(check({"k", "RATE"}), "-ERR wrong number of arguments for 'limit.check' command");
  EXPECT_EQ(check({"k", "NONE", "1/s"}),
            "-ERR expected RATE count/period or POLICY name, not 'NONE'");
  EXPECT_EQ(check({"k", "RATE", "1/s", "TWICE"}),
            "-ERR expected RATE count/period or POLICY name, not 'TWICE'");
  EXPECT_EQ(check({"k", "RATE", "1/s", "AND"}), "-ERR a key is missing before its limits");
  EXPECT_EQ(check({"k", "RATE", "1/s", "AND", "j"}),
            "-ERR a limit of the key is missing: RATE count/period or POLICY name");
  EXPECT_EQ(check({"k", "RATE", "1/s", "COST"}), "-ERR syntax error");
  EXPECT_EQ(check({"k", "POLICY", "api", "BURST", "1"}),
            "-ERR expected RATE count/period or POLICY name, not 'BURST'");
  EXPECT_EQ(check({"k", "RATE", "1/s", "COST", "-1"}),
            "-ERR BURST and COST must not be negative; LIMIT.REFUND gives tokens back");
  EXPECT_EQ(check({"k", "RATE", "1/s", "BURST", "0"}),
            "-ERR the burst is 0, so nothing could pass; give at least 1");
  for (const char* odd : {"", "x", "1", "/s", "1/", "1/x", "-1/s", "1.5/s", "1/2", "1/s ", "1/366d",
                          "1/99999999999999999999s", "99999999999999999999/s"}) {
    EXPECT_EQ(check({"k", "RATE", odd}), "-ERR '" + std::string(odd) +
                                             "' is no rate; write it as 100/s, 5000/15m or "
                                             "1/250ms");
  }
  Words many = {"k"};
  for (int i = 0; i < 9; ++i) many.insert(many.end(), {"RATE", "1/s"});
  EXPECT_EQ(check(many), "-ERR at most 8 limits decide together");
  EXPECT_EQ(Do({"MULTI"}), "+OK");
  EXPECT_EQ(check({"k", "RATE", "1/s"}), "-ERR Command not allowed inside a transaction");
}

}  // namespace
}  // namespace weir::gateway
