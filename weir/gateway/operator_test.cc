// Goal: what the operator does to connections (pause, watch, mute, list, kill) concerns exactly
// those it means, in the order of their commands.
// Method: a whole gateway over a scripted store on one thread; each test is one interleaving.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Operator : public testing::Test {
 protected:
  std::string Do(size_t client, const Words& words) { return rig_.Do(client, words); }
  // Sends a command that may wait.
  void Send(size_t client, const Words& words) {
    rig_.Send(client, words);
    rig_.RunAll();
  }

  GatewayRig rig_;
  const size_t admin_ = rig_.Connect();
  const size_t client_ = rig_.Connect();
};

TEST_F(Operator, AClientWhoseWriteIsUnderWayIsListed) {
  rig_.SendAndHandOn(client_, {"SET", "k", "1"});
  rig_.Send(admin_, {"CLIENT", "LIST"});
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(admin_), ElementsAre(HasSubstr("cmd=set")));
}

TEST_F(Operator, APauseOfWritesHoldsWritesAndWhatFollowsThemAndLetsReadsPass) {
  Do(client_, {"SET", "k", "1"});
  EXPECT_EQ(Do(admin_, {"CLIENT", "PAUSE", "100000", "WRITE"}), "+OK");
  EXPECT_EQ(Do(client_, {"GET", "k"}), "1");
  EXPECT_EQ(rig_.stats.paused_clients.value(), 0u);
  for (const Words& words : {Words{"SET", "k", "2"}, Words{"GET", "k"}, Words{"PING"}}) {
    Send(client_, words);
  }
  EXPECT_THAT(rig_.Replies(client_), IsEmpty());
  EXPECT_EQ(rig_.stats.paused_clients.value(), 1u);
  EXPECT_EQ(Do(admin_, {"GET", "k"}), "1");
  EXPECT_EQ(Do(admin_, {"CLIENT", "UNPAUSE"}), "+OK");
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("+OK", "2", "+PONG"));
  EXPECT_EQ(rig_.stats.paused_clients.value(), 0u);
}

TEST_F(Operator, APauseOfWritesHoldsTransactionsThatWriteAndNoOthers) {
  Do(admin_, {"CLIENT", "PAUSE", "100000", "WRITE"});
  for (const char* word : {"MULTI", "PING", "DBSIZE"}) Send(client_, {word});
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("+OK", "+QUEUED", "+QUEUED"));
  EXPECT_EQ(Do(client_, {"EXEC"}), "[+PONG :0]");
  for (const Words& words : {Words{"MULTI"}, Words{"SET", "k", "v"}}) Send(client_, words);
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("+OK", "+QUEUED"));
  Send(client_, {"EXEC"});
  EXPECT_THAT(rig_.Replies(client_), IsEmpty());
  Do(admin_, {"CLIENT", "UNPAUSE"});
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("[+OK]"));
}

TEST_F(Operator, APauseOfAllHoldsAllButItsEndAndErrorsAreAnsweredInTurn) {
  Do(admin_, {"CLIENT", "PAUSE", "100000"});
  for (const Words& words : {Words{"GET", "k"}, Words{"NO-SUCH"}, Words{"PING"}}) {
    Send(client_, words);
  }
  EXPECT_THAT(rig_.Replies(client_), IsEmpty());
  EXPECT_EQ(Do(admin_, {"CLIENT", "UNPAUSE"}), "+OK");
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("(nil)", HasSubstr("unknown command"), "+PONG"));
}

TEST_F(Operator, APauseEndsInTimeAndAnotherMakesItOnlyStricterAndLonger) {
  Do(admin_, {"CLIENT", "PAUSE", "1000", "ALL"});
  rig_.gateway().pause().Begin(ClientPause::Stops::kWrites,
                               rig_.clock.Mono() + std::chrono::milliseconds(1));
  Send(client_, {"PING"});
  rig_.Pass(std::chrono::milliseconds(999));
  rig_.gateway().Tick();
  rig_.ResumePaused();
  EXPECT_THAT(rig_.Replies(client_), IsEmpty());
  rig_.Pass(std::chrono::milliseconds(1));
  rig_.gateway().Tick();
  rig_.ResumePaused();
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("+PONG"));
}

TEST_F(Operator, WhoIsPausedAndGoesAwayIsNotCountedAnyMore) {
  Do(admin_, {"CLIENT", "PAUSE", "100000", "WRITE"});
  Send(client_, {"SET", "k", "1"});
  EXPECT_EQ(rig_.stats.paused_clients.value(), 1u);
  rig_.Disconnect(client_);
  EXPECT_EQ(rig_.stats.paused_clients.value(), 0u);
}

class Monitored : public Operator {
 protected:
  Monitored() { EXPECT_EQ(Do(monitor_, {"MONITOR"}), "+OK"); }
  std::vector<std::string> Lines() {
    rig_.RunAll();
    std::vector<std::string> lines = rig_.Replies(monitor_);
    for (std::string& line : lines) line = line.substr(line.find(']') + 2);
    return lines;
  }
  const size_t monitor_ = rig_.Connect();
};

TEST_F(Monitored, ShowsWhatIsAnsweredButNothingThatAdministers) {
  Do(client_, {"SET", "k", "a b\n\"\\\x01\xff"});
  Do(client_, {"get", "k"});
  Do(client_, {"GET"});
  Do(client_, {"NO-SUCH"});
  Do(admin_, {"CONFIG", "GET", "x"});
  Do(admin_, {"CLIENT", "LIST"});
  EXPECT_THAT(Lines(), ElementsAre(R"("SET" "k" "a b\n\"\\\x01\xff")", R"("get" "k")"));
}

TEST_F(Monitored, ShowsATransactionWhenItRuns) {
  for (const Words& words : {Words{"MULTI"}, Words{"SET", "k", "1"}, Words{"DISCARD"}}) {
    Do(client_, words);
  }
  EXPECT_THAT(Lines(), ElementsAre(R"("MULTI")", R"("DISCARD")"));
  for (const Words& words :
       {Words{"MULTI"}, Words{"SET", "k", "1"}, Words{"GET", "k"}, Words{"EXEC"}}) {
    Do(client_, words);
  }
  EXPECT_THAT(Lines(), ElementsAre(R"("MULTI")", R"("SET" "k" "1")", R"("GET" "k")", R"("exec")"));
}

TEST_F(Monitored, ShowsThatATransactionFails) {
  for (const Words& words : {Words{"MULTI"}, Words{"NO-SUCH"}, Words{"EXEC"}, Words{"EXEC"}}) {
    Do(client_, words);
  }
  EXPECT_THAT(Lines(), ElementsAre(R"("MULTI")", R"("exec")", R"("exec")"));
}

TEST_F(Monitored, ShowsNoPasswords) {
  Do(client_, {"AUTH", "me", "secret"});
  Do(client_, {"HELLO", "2", "AUTH", "me", "secret"});
  EXPECT_THAT(Lines(), ElementsAre(R"-("AUTH" "(redacted)" "(redacted)")-",
                                   R"-("HELLO" "2" "AUTH" "(redacted)" "(redacted)")-"));
}

TEST_F(Monitored, CutsWhatIsLong) {
  Do(client_, {"ECHO", std::string(Monitors::kArgBytesMax, 'x')});
  Do(client_, {"ECHO", std::string(Monitors::kArgBytesMax + 1, 'x')});
  const std::string most = "\"ECHO\" \"" + std::string(Monitors::kArgBytesMax, 'x') + "\"";
  EXPECT_THAT(Lines(), ElementsAre(most, most + "... (1 more bytes)"));
}

TEST_F(Monitored, EndsWithResetOrTheConnectionAndThenCostsNothing) {
  EXPECT_TRUE(rig_.gateway().monitors().any());
  EXPECT_EQ(Do(monitor_, {"MONITOR"}), "+OK");
  EXPECT_EQ(Do(monitor_, {"RESET"}), "+RESET");
  EXPECT_FALSE(rig_.gateway().monitors().any());
  Do(monitor_, {"MONITOR"});
  rig_.Disconnect(monitor_);
  EXPECT_FALSE(rig_.gateway().monitors().any());
}

TEST_F(Operator, MonitorsAreSoManyAtMost) {
  for (size_t i = 0; i < Monitors::kMonitorsMax; ++i) {
    EXPECT_EQ(Do(rig_.Connect(), {"MONITOR"}), "+OK");
  }
  EXPECT_EQ(Do(client_, {"MONITOR"}), "-" + std::string(errors::kTooManyMonitors));
}

TEST_F(Operator, RepliesThatAreNotWantedAreNotSent) {
  Send(client_, {"CLIENT", "REPLY", "SKIP"});
  Send(client_, {"SET", "k", "v"});
  EXPECT_THAT(rig_.Replies(client_), IsEmpty());
  EXPECT_EQ(Do(client_, {"GET", "k"}), "v");
  Send(client_, {"CLIENT", "REPLY", "OFF"});
  for (const Words& words : {Words{"GET", "k"}, Words{"NO-SUCH"}, Words{"INCR", "n"},
                             Words{"CLIENT", "REPLY", "SKIP"}, Words{"PING"}}) {
    Send(client_, words);
  }
  EXPECT_THAT(rig_.Replies(client_), IsEmpty());
  EXPECT_EQ(Do(client_, {"CLIENT", "REPLY", "ON"}), "+OK");
  EXPECT_EQ(Do(client_, {"GET", "n"}), "1");
  Send(client_, {"CLIENT", "REPLY", "OFF"});
  Send(client_, {"RESET"});
  rig_.Replies(client_);
  EXPECT_EQ(Do(client_, {"PING"}), "+PONG");
}

TEST_F(Operator, TheListShowsWhatClientsSaidOfThemselves) {
  Do(client_, {"CLIENT", "SETNAME", "cart"});
  Do(client_, {"CLIENT", "SETINFO", "LIB-NAME", "lib"});
  Do(client_, {"HELLO", "3"});
  rig_.Pass(std::chrono::seconds(3));
  const std::string list = Do(admin_, {"CLIENT", "LIST"});
  EXPECT_THAT(list, AllOf(HasSubstr("id=1 "), HasSubstr("qbuf=26 "), HasSubstr("cmd=client|list "),
                          HasSubstr("id=2 addr=127.0.0.1:1 "), HasSubstr(" name=cart age=3 "),
                          HasSubstr("cmd=hello user=default redir=-1 resp=3 lib-name=lib ")));
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 2);
  const std::string one = Do(admin_, {"CLIENT", "LIST", "ID", "7", "2"});
  EXPECT_THAT(one, AllOf(HasSubstr("id=2 "), Not(HasSubstr("id=1 "))));
  Send(client_, {"MULTI"});
  Send(client_, {"PING"});
  EXPECT_THAT(Do(admin_, {"CLIENT", "LIST"}),
              HasSubstr("flags=x db=0 sub=0 psub=0 ssub=0 multi=1 "));
}

TEST_F(Operator, KillEndsWhoIsMeantAndTheCallerOnlyWhenItSaysSo) {
  EXPECT_EQ(Do(admin_, {"CLIENT", "KILL", "USER", "default", "TYPE", "normal"}), ":1");
  EXPECT_FALSE(rig_.client(admin_).session.closing);
  EXPECT_EQ(Do(admin_, {"CLIENT", "KILL", "ID", "2"}), ":0") << "it is gone";
  const size_t young = rig_.Connect();
  rig_.client(young).session.connected_at = rig_.clock.Mono();
  rig_.Pass(std::chrono::seconds(10));
  EXPECT_EQ(Do(young, {"CLIENT", "KILL", "MAXAGE", "11"}), ":0");
  EXPECT_EQ(Do(admin_, {"CLIENT", "KILL", "ID", "1", "SKIPME", "no"}), ":1");
  EXPECT_TRUE(rig_.client(admin_).session.closing) << "once it has the reply";
}

TEST_F(Operator, TheOldFormOfKillMeansAnAddress) {
  rig_.client(client_).session.peer = "127.0.0.1:2";
  EXPECT_EQ(Do(admin_, {"CLIENT", "KILL", "127.0.0.1:3"}), "-ERR No such client");
  EXPECT_EQ(Do(admin_, {"CLIENT", "KILL", "127.0.0.1:2"}), "+OK");
  EXPECT_EQ(Do(admin_, {"CLIENT", "KILL", "127.0.0.1:1"}), "+OK");
  EXPECT_TRUE(rig_.client(admin_).session.closing);
}

TEST_F(Operator, TheSlowLogIsShownLatestFirstAndOnlyAsLongAsAsked) {
  rig_.gateway().slow_log().Configure(0, 3);
  for (const char* word : {"a", "b", "c", "d"}) Do(client_, {"ECHO", word});
  EXPECT_EQ(Do(admin_, {"SLOWLOG", "LEN"}), ":3");
  rig_.gateway().slow_log().Configure(SlowLog::kOff, 3);
  const std::string two = Do(admin_, {"SLOWLOG", "GET", "2"});
  EXPECT_THAT(two, AllOf(HasSubstr("[SLOWLOG LEN] 127.0.0.1:1"), HasSubstr("[ECHO d]"),
                         Not(HasSubstr("[ECHO c]"))));
  EXPECT_THAT(Do(admin_, {"SLOWLOG", "GET", "-1"}), HasSubstr("[ECHO c]"));
  EXPECT_EQ(Do(admin_, {"SLOWLOG", "RESET"}), "+OK");
  EXPECT_EQ(Do(admin_, {"SLOWLOG", "GET"}), "[]");
}

TEST_F(Operator, LatencyEventsAreShownAndForgotten) {
  LatencyEvents& events = rig_.gateway().latency_events();
  EXPECT_THAT(Do(admin_, {"LATENCY", "DOCTOR"}), HasSubstr("not watched"));
  events.SetThreshold(5);
  EXPECT_THAT(Do(admin_, {"LATENCY", "DOCTOR"}), HasSubstr("Nothing has taken 5 ms"));
  events.Note(LatencyEvents::Event::kCommit, 20'000'000, WallTime{7'000});
  events.Note(LatencyEvents::Event::kCommit, 10'000'000, WallTime{9'000});
  EXPECT_EQ(Do(admin_, {"LATENCY", "LATEST"}), "[[commit :9 :10 :20]]");
  EXPECT_EQ(Do(admin_, {"LATENCY", "HISTORY", "commit"}), "[[:7 :20] [:9 :10]]");
  EXPECT_THAT(Do(admin_, {"LATENCY", "GRAPH", "commit"}), HasSubstr("high 20 ms, low 10 ms"));
  EXPECT_THAT(Do(admin_, {"LATENCY", "DOCTOR"}), HasSubstr("15 ms on average, 20 ms at worst"));
  EXPECT_EQ(Do(admin_, {"LATENCY", "RESET", "command"}), ":0");
  EXPECT_EQ(Do(admin_, {"LATENCY", "RESET"}), ":1");
  EXPECT_EQ(Do(admin_, {"LATENCY", "LATEST"}), "[]");
}

TEST_F(Operator, SlowCommitsAndLoadsAreNotedAsEvents) {
  rig_.gateway().latency_events().SetThreshold(5);
  rig_.SendAndHandOn(client_, {"SET", "k", "v"});
  rig_.Pass(std::chrono::milliseconds(7));
  rig_.RunAll();
  EXPECT_THAT(Do(admin_, {"LATENCY", "LATEST"}),
              AllOf(HasSubstr("[commit "), HasSubstr(" :7 :7]")));
  rig_.gateway().lanes().Clear();
  rig_.SendAndHandOn(client_, {"GET", "k"});
  rig_.Pass(std::chrono::milliseconds(8));
  rig_.RunAll();
  EXPECT_THAT(Do(admin_, {"LATENCY", "LATEST"}), AllOf(HasSubstr("[load "), HasSubstr(" :8 :8]")));
}

TEST_F(Operator, TheHistogramCountsCallsOfTheCommandsNamed) {
  Do(client_, {"PING"});
  Do(client_, {"PING"});
  Do(client_, {"CLIENT", "ID"});
  Do(client_, {"HELLO", "3"});
  EXPECT_EQ(Do(client_, {"LATENCY", "HISTOGRAM", "ping", "no-such"}),
            "{ping {calls :2 histogram_usec {:1 :2}}}");
  EXPECT_THAT(Do(client_, {"LATENCY", "HISTOGRAM", "client"}), HasSubstr("client|id {calls :1 "));
}

TEST_F(Operator, WhatMayNotBeInATransactionIsRefusedThere) {
  for (const Words& words : {Words{"SHUTDOWN"}, Words{"CL.THROTTLE", "k", "1", "1", "1"}}) {
    Do(client_, {"MULTI"});
    EXPECT_THAT(Do(client_, words), testing::StartsWith("-ERR"));
    EXPECT_EQ(Do(client_, {"EXEC"}),
              "-EXECABORT Transaction discarded because of previous errors.");
  }
}

TEST_F(Operator, WhatAdministersTheServerTakesEffectInItsTurnWithinATransaction) {
  const std::string replies = rig_.Last(admin_, {{"MULTI"},
                                                 {"CLIENT", "SETNAME", "before"},
                                                 {"CLIENT", "INFO"},
                                                 {"CLIENT", "SETNAME", "after"},
                                                 {"CLIENT", "LIST", "ID", "1"},
                                                 {"SLOWLOG", "GET", "x"},
                                                 {"SLOWLOG", "GET"},
                                                 {"SET", "k", "v"},
                                                 {"EXEC"}});
  EXPECT_THAT(replies,
              testing::MatchesRegex("\\[\\+OK id=1 [^\n]* name=before [^\n]*\n \\+OK id=1 [^\n]* "
                                    "name=after [^\n]*\n -ERR [^-]*-1 \\[\\] \\+OK\\]"));
  EXPECT_EQ(Do(client_, {"GET", "k"}), "v");
}

TEST_F(Operator, ATransactionThatKillsItsOwnConnectionIsAnsweredFirst) {
  EXPECT_EQ(rig_.Last(admin_, {{"MULTI"},
                               {"CLIENT", "KILL", "ID", "2"},
                               {"CLIENT", "KILL", "ID", "1", "SKIPME", "no"},
                               {"PING"},
                               {"EXEC"}}),
            "[:1 :1 +PONG]");
  EXPECT_TRUE(rig_.client(admin_).session.closing);
}

TEST_F(Operator, WhatFollowsATransactionThatWaitsWaitsToo) {
  using Kind = ScriptedStore::Kind;
  const std::vector<Words> burst = {{"MULTI"},   {"KEYS", "*"}, {"EXEC"},       {"NO-SUCH"},
                                    {"MULTI"},   {"KEYS", "*"}, {"EXEC"},       {"SET", "k", "v"},
                                    {"MULTI"},   {"GET", "k"},  {"KEYS", "*"},  {"EXEC"},
                                    {"NO-SUCH"}, {"DEL", "k"},  {"EXISTS", "k"}};
  for (const Words& words : burst) rig_.Send(client_, words);
  rig_.HandOn();
  for (int look = 0; look < 2; ++look) {
    EXPECT_THAT(rig_.store().held(Kind::kScan), testing::SizeIs(1)) << look;
    EXPECT_THAT(rig_.store().held(Kind::kApply), IsEmpty()) << look;
    rig_.Complete(Kind::kScan);
    rig_.Deliver();
  }
  EXPECT_THAT(rig_.store().held(Kind::kApply), testing::SizeIs(1));
  rig_.RunAll();
  std::vector<std::string> replies = rig_.Replies(client_);
  std::erase_if(replies, [](const std::string& reply) {
    return reply == "+QUEUED" || reply.starts_with("-ERR unknown");
  });
  EXPECT_THAT(replies,
              ElementsAre("+OK", "[[]]", "+OK", "[[]]", "+OK", "+OK", "[v [k]]", ":1", ":0"));
}

TEST_F(Operator, NothingComesBetweenTheRepliesOfATransactionThatWaits) {
  Do(admin_, {"MONITOR"});
  for (const Words& words : {Words{"MULTI"}, Words{"ECHO", "a"}, Words{"KEYS", "*"},
                             Words{"ECHO", "b"}, Words{"EXEC"}}) {
    rig_.SendAndHandOn(admin_, words);
  }
  EXPECT_THAT(rig_.store().held(ScriptedStore::Kind::kScan), testing::SizeIs(1));
  rig_.SendAndHandOn(client_, {"ECHO", "between"});
  rig_.Deliver();
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(admin_),
              testing::IsSupersetOf({testing::Matcher<std::string>(HasSubstr("between")),
                                     testing::Matcher<std::string>("[a [] b]")}));
}

TEST_F(Operator, WhoLooksThroughAllKeysInATransactionSeesWhatItWrote) {
  Do(client_, {"SET", "old", "1"});
  EXPECT_EQ(rig_.Last(client_, {{"MULTI"},
                                {"SET", "k", "v"},
                                {"DEL", "old"},
                                {"KEYS", "*"},
                                {"SCAN", "0"},
                                {"RANDOMKEY"},
                                {"GET", "k"},
                                {"EXEC"}}),
            "[+OK :1 [k] [0 [k]] k v]");
  Do(client_, {"MULTI"});
  EXPECT_EQ(Do(client_, {"KEYS", "*"}), "+QUEUED");
  EXPECT_THAT(Do(client_, {"SET", "k", "v"}),
              testing::StartsWith("-ERR SET cannot follow KEYS, SCAN or RANDOMKEY inside MULTI"));
  EXPECT_EQ(Do(client_, {"EXEC"}), "-EXECABORT Transaction discarded because of previous errors.");
}

}  // namespace
}  // namespace weir::gateway
