// Goal: a plain client may ask any node: what another one serves is forwarded, answered in its
// turn, and when there is no answer the client is told what is known, and nothing that is not.
// Method: a gateway as one of three nodes, and the way to the others as a script.
#include <gmock/gmock.h>

#include "weir/gateway/forwarding_rig.h"

namespace weir::gateway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using Kind = ScriptedStore::Kind;

class Forwarding : public ::testing::Test {
 protected:
  Forwarding() { Open({}); }
  void Open(GatewayRig::Options options) {
    forwarding_ = std::make_unique<ForwardingRig>(std::move(options));
    client_ = rig().Connect();
    own_ = forwarding_->KeyOf("a");
    b_ = forwarding_->KeyOf("b");
    c_ = forwarding_->KeyOf("c");
    moved_ = "-MOVED " + forwarding_->SlotOf(b_) + " 10.0.0.2:7002";
  }
  GatewayRig& rig() { return forwarding_->rig; }
  ScriptedPeers& peers() { return forwarding_->peers; }
  std::string Do(const Words& words) { return rig().Do(client_, words); }
  void Burst(const std::vector<Words>& commands) { forwarding_->Burst(client_, commands); }
  void Answer(std::string_view bytes) { forwarding_->Answer(bytes); }
  std::vector<std::string> Replies() { return rig().Replies(client_); }
  // What the client is told of one command that ends so.
  std::string Ended(const Words& words, PeerOutcome outcome) {
    Burst({words});
    forwarding_->Fail(outcome);
    return Replies().at(0);
  }

  std::unique_ptr<ForwardingRig> forwarding_;
  size_t client_ = 0;
  std::string own_;
  std::string b_;
  std::string c_;
  std::string moved_;
};

TEST_F(Forwarding, AKeyOfAnotherNodeIsAskedForThereAndTheAnswerPassedOnAsItIs) {
  for (const char* answer :
       {"$1\r\nv\r\n", "$-1\r\n", "+OK\r\n", ":-7\r\n", "*0\r\n", "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
        "-WRONGTYPE not that\r\n", "-THROTTLED retry_after_ms=5 reason=quota\r\n"}) {
    Burst({{"GET", b_}});
    EXPECT_THAT(peers().Held(), ElementsAre("b GET " + b_));
    Answer(answer);
    EXPECT_EQ(rig().client(client_).Bytes(), answer);
  }
  EXPECT_EQ(Do({"GET", own_}), "(nil)") << "what is here is asked for here";
}

TEST_F(Forwarding, TheOtherNodeHearsWhoAsksHowAndUntilWhen) {
  Burst({{"GET", b_}, {"SET", b_, "v"}, {"CL.THROTTLE", b_, "1", "1", "60"}});
  ASSERT_EQ(peers().size(), 3u);
  const Forward::Asked& read = peers()[0].asked();
  EXPECT_EQ(read.user, "") << "there are none";
  EXPECT_EQ(read.protocol, resp::Protocol::kResp2);
  EXPECT_EQ(read.deadline, rig().clock.Mono() + rig().gateway().peer_timeout());
  EXPECT_FALSE(read.writes);
  EXPECT_TRUE(peers()[1].asked().writes);
  EXPECT_TRUE(peers()[2].asked().writes) << "it takes a token";
}

TEST_F(Forwarding, ClientsThatSpeakClusterAreToldWhereToGo) {
  for (const Words& words : std::vector<Words>{{"READONLY"},
                                               {"READWRITE"},
                                               {"ASKING"},
                                               {"CLUSTER", "SLOTS"},
                                               {"CLUSTER", "SHARDS"},
                                               {"CLUSTER", "NODES"}}) {
    Do({"RESET"});
    Burst({{"GET", b_}});
    ASSERT_EQ(peers().size(), 1u) << words.back() << ": it has not said so yet, or not any more";
    Answer("+OK\r\n");
    (void)Replies();
    Do(words);
    EXPECT_EQ(Do({"GET", b_}), moved_) << words.back();
    EXPECT_EQ(Do({"SET", b_, "v"}), moved_) << words.back();
  }
  Do({"RESET"});
  for (const Words& words : std::vector<Words>{
           {"CLUSTER", "INFO"}, {"CLUSTER", "MYID"}, {"CLUSTER", "KEYSLOT", "k"}, {"COMMAND"}}) {
    Do(words);
    Burst({{"GET", b_}});
    ASSERT_EQ(peers().size(), 1u) << words.back() << ": people ask it too";
    Answer("+OK\r\n");
    (void)Replies();
  }
}

TEST_F(Forwarding, RedirectSaysWhoIsSentAway) {
  Open({.redirect = Redirect::kAlways});
  EXPECT_EQ(Do({"GET", b_}), moved_);
  Open({.redirect = Redirect::kNever});
  Do({"CLUSTER", "SLOTS"});
  Burst({{"GET", b_}});
  EXPECT_THAT(peers().Held(), ElementsAre("b GET " + b_));
  Answer("+OK\r\n");
}

TEST_F(Forwarding, WithoutAWayToOtherNodesEveryClientIsSentThere) {
  rig().gateway().UsePeers(nullptr);
  EXPECT_EQ(Do({"GET", b_}), moved_);
}

// So no command ever takes two hops, let alone a circle.
TEST_F(Forwarding, WhatANodeHasSentIsServedOrSentBack) {
  for (const Redirect redirect : {Redirect::kAuto, Redirect::kNever}) {
    Open({.redirect = redirect});
    rig().client(client_).session.from_node = true;
    EXPECT_EQ(Do({"SET", own_, "v"}), "+OK");
    EXPECT_EQ(Do({"GET", b_}), moved_);
    EXPECT_THAT(peers().Held(), IsEmpty());
  }
}

TEST_F(Forwarding, ANodeThatSendsItBackDisagreesAndItGoesNoFurther) {
  Burst({{"SET", b_, "v"}});
  Answer("-MOVED 1 10.0.0.3:7003\r\n");
  EXPECT_EQ(Replies().at(0),
            "-CLUSTERDOWN The node b (10.0.0.2:7002) does not serve this slot by its own table: "
            "the nodes disagree about their slots");
  EXPECT_THAT(peers().Held(), IsEmpty());
}

constexpr const char* kDown =
    "-CLUSTERDOWN The node b (10.0.0.2:7002) does not answer: connection refused";
constexpr const char* kLostWrite =
    "-UNKNOWN the node b (10.0.0.2:7002) was sent this command and did not answer (connection "
    "refused); it may have been applied, or may yet be";

TEST_F(Forwarding, WhatWasNotSentIsKnownNotToBeDone) {
  const Words throttle = {"CL.THROTTLE", b_, "1", "1", "60"};
  for (const Words& words : {Words{"GET", b_}, Words{"SET", b_, "v"}, Words{"DEL", b_}, throttle}) {
    EXPECT_EQ(Ended(words, PeerOutcome::kNotSent), kDown) << words[0];
  }
}

TEST_F(Forwarding, OfALostWriteNobodyKnowsAndALostReadHasDoneNothing) {
  for (const Words& words : {Words{"GET", b_}, Words{"STRLEN", b_}, Words{"TTL", b_},
                             Words{"LIMIT.PEEK", b_, "RATE", "1/1m"}}) {
    EXPECT_EQ(Ended(words, PeerOutcome::kLost), kDown) << words[0];
  }
  for (const Words& words :
       {Words{"SET", b_, "v"}, Words{"GETDEL", b_}, Words{"GETEX", b_, "EX", "1"},
        Words{"EXPIRE", b_, "1"}, Words{"CL.THROTTLE", b_, "1", "1", "60"}}) {
    EXPECT_EQ(Ended(words, PeerOutcome::kLost), kLostWrite) << words[0];
  }
}

TEST_F(Forwarding, CommandsInARowToOneNodeAreUnderWayTogether) {
  Burst({{"SET", b_, "1"}, {"GET", b_}, {"PING"}, {"INCR", b_}, {"MGET", b_, b_}});
  EXPECT_THAT(peers().Held(), ElementsAre("b SET " + b_ + " 1", "b GET " + b_, "b INCR " + b_,
                                          "b MGET " + b_ + " " + b_));
  Answer("+OK\r\n");
  EXPECT_THAT(Replies(), ElementsAre("+OK"));
  Answer("$1\r\n1\r\n");
  EXPECT_THAT(Replies(), ElementsAre("1", "+PONG"));
  Burst({{"GET", b_}});
  EXPECT_EQ(peers().size(), 3u) << "what comes later joins them";
  for (int i = 0; i < 3; ++i) Answer(":2\r\n");
  EXPECT_THAT(Replies(), ElementsAre(":2", ":2", ":2"));
}

// Else a later command could be served before an earlier one.
TEST_F(Forwarding, WhatFollowsOnAnotherNodeOrHereWaitsForTheAnswer) {
  Do({"SET", own_, "v"});
  Burst({{"SET", b_, "1"}, {"GET", c_}, {"GET", own_}, {"SET", own_, "w"}, {"GET", b_}});
  EXPECT_THAT(peers().Held(), ElementsAre("b SET " + b_ + " 1"));
  Answer("+OK\r\n");
  EXPECT_THAT(peers().Held(), ElementsAre("c GET " + c_));
  EXPECT_THAT(rig().store().held(Kind::kApply), IsEmpty());
  Answer("$1\r\nx\r\n");
  EXPECT_THAT(Replies(), ElementsAre("+OK", "x", "v"));
  EXPECT_THAT(peers().Held(), IsEmpty()) << "the write before it is under way";
  rig().Complete(Kind::kApply);
  rig().Deliver();
  EXPECT_THAT(Replies(), ElementsAre("+OK"));
  EXPECT_THAT(peers().Held(), ElementsAre("b GET " + b_));
  Answer("$-1\r\n");
  EXPECT_THAT(Replies(), ElementsAre("(nil)"));
}

TEST_F(Forwarding, AReadOrAWriteBeforeItIsAnsweredFirst) {
  Burst({{"GET", own_}, {"GET", b_}});
  EXPECT_THAT(peers().Held(), IsEmpty());
  rig().RunAll();
  EXPECT_THAT(peers().Held(), ElementsAre("b GET " + b_));
  Answer("+OK\r\n");
  EXPECT_THAT(Replies(), ElementsAre("(nil)", "+OK"));
}

TEST_F(Forwarding, ClientsDoNotWaitForOneAnother) {
  const size_t other = rig().Connect();
  Burst({{"GET", b_}});
  forwarding_->Burst(other, {{"GET", b_}, {"GET", c_}});
  EXPECT_EQ(peers().size(), 2u);
  forwarding_->Answer("+theirs\r\n", 1);
  EXPECT_THAT(rig().Replies(other), ElementsAre("+theirs"));
  EXPECT_THAT(peers().Held(), ElementsAre("b GET " + b_, "c GET " + c_));
  rig().Disconnect(other);
  forwarding_->Answer("+nobody's\r\n", 1);
  Answer("+mine\r\n");
  EXPECT_THAT(Replies(), ElementsAre("+mine"));
}

// What cannot be sent may be known before what was sent earlier is answered.
TEST_F(Forwarding, WhatEndsOutOfTurnIsAnsweredInItsTurn) {
  Burst({{"SET", b_, "1"}, {"SET", b_, "2"}, {"SET", b_, "3"}});
  forwarding_->Fail(PeerOutcome::kNotSent, "connection refused", 2);
  forwarding_->Fail(PeerOutcome::kLost, "connection refused", 1);
  EXPECT_THAT(Replies(), IsEmpty());
  Answer("+OK\r\n");
  EXPECT_THAT(Replies(), ElementsAre("+OK", kLostWrite, kDown));
}

TEST_F(Forwarding, AClosedConnectionLeavesWhatIsUnderWayToItself) {
  Burst({{"SET", b_, "v"}, {"QUIT"}, {"GET", b_}});
  EXPECT_EQ(peers().size(), 1u);
  rig().Disconnect(client_);
  Answer("+OK\r\n");
  client_ = rig().Connect();
  Burst({{"SET", b_, "v"}, {"QUIT"}});
  forwarding_->Fail(PeerOutcome::kLost);
  EXPECT_THAT(Replies(), ElementsAre(kLostWrite, "+OK"));
  EXPECT_TRUE(rig().client(client_).session.closing);
}

TEST_F(Forwarding, TheAnswerIsAskedForInTheProtocolOfItsTurn) {
  Burst({{"GET", b_}, {"HELLO", "3"}, {"GET", b_}});
  ASSERT_EQ(peers().size(), 1u);
  EXPECT_EQ(peers()[0].asked().protocol, resp::Protocol::kResp2);
  Answer("$-1\r\n");
  ASSERT_EQ(peers().size(), 1u);
  EXPECT_EQ(peers()[0].asked().protocol, resp::Protocol::kResp3);
  (void)rig().client(client_).Bytes();
  Answer("_\r\n");
  EXPECT_EQ(rig().client(client_).Bytes(), "_\r\n");
  Burst({{"GET", b_}});
  Answer("%1\r\n+a\r\n,1.5\r\n");
  EXPECT_EQ(rig().client(client_).Bytes(), "%1\r\n+a\r\n,1.5\r\n");
}

TEST_F(Forwarding, ATransactionIsOfTheNodeThatItWasBegunAt) {
  EXPECT_THAT(rig().All(client_, {{"MULTI"}, {"SET", b_, "1"}, {"EXEC"}}),
              ElementsAre("+OK", moved_, StartsWith("-EXECABORT")));
  EXPECT_EQ(Do({"WATCH", b_}), moved_);
  Do({"UNWATCH"});
  EXPECT_THAT(rig().All(client_, {{"MULTI"}, {"SET", own_, "1"}, {"EXEC"}}),
              ElementsAre("+OK", "+QUEUED", "[+OK]"));
  EXPECT_THAT(peers().Held(), IsEmpty());
  Burst({{"MULTI"}, {"SET", own_, "1"}, {"EXEC"}, {"GET", b_}});
  rig().RunAll();
  EXPECT_EQ(peers().size(), 1u) << "what comes after is forwarded";
  Answer("+OK\r\n");
}

TEST_F(Forwarding, KeysOfSeveralSlotsThatMustBeTogetherAreRefused) {
  constexpr const char* kCrossSlot = "-CROSSSLOT Keys in request don't hash to the same slot";
  const std::string own_too = forwarding_->KeyOf("a", 0, own_);
  for (const Words& words : std::vector<Words>{{"MSET", b_, "1", c_, "2"},
                                               {"MSET", own_, "1", own_too, "2"},
                                               {"MSETNX", b_, "1", own_, "2"},
                                               {"RENAME", b_, c_},
                                               {"COPY", b_, c_},
                                               {"BITOP", "AND", own_, b_, c_},
                                               {"LCS", own_, b_}}) {
    EXPECT_EQ(Do(words), kCrossSlot) << words[0];
  }
  Do({"READONLY"});
  for (const Words& words : std::vector<Words>{{"MGET", own_, b_}, {"DEL", own_, own_too}}) {
    EXPECT_EQ(Do(words), kCrossSlot) << "clients of the protocol split them by themselves";
  }
  Do({"RESET"});
  EXPECT_THAT(rig().All(client_, {{"MULTI"}, {"DEL", own_, own_too}, {"EXEC"}}),
              ElementsAre("+OK", kCrossSlot, StartsWith("-EXECABORT")));
}

// LIMIT.WAIT is answered when it is its time, and would hold up all that others have sent.
TEST_F(Forwarding, WhoWaitsAtALimitWaitsWhereItIs) {
  EXPECT_EQ(Do({"LIMIT.WAIT", b_, "RATE", "1/1m", "MAX", "1000"}), moved_);
}

// What another node shows is not noted here, so nobody would tell of its change.
TEST_F(Forwarding, AClientThatTracksKeysIsSentWhereItIsToldOfChanges) {
  Do({"HELLO", "3"});
  Do({"CLIENT", "TRACKING", "ON", "OPTIN"});
  EXPECT_EQ(Do({"GET", b_}), moved_);
  Do({"CLIENT", "TRACKING", "OFF"});
  Burst({{"GET", b_}});
  EXPECT_EQ(peers().size(), 1u);
  Answer("+OK\r\n");
}

TEST_F(Forwarding, WhatWasAskedBeforeTrackingBeganIsSentThereOrNotToBeKept) {
  Do({"HELLO", "3"});
  Burst({{"GET", own_}, {"CLIENT", "TRACKING", "ON"}, {"SET", own_, "v"}, {"GET", b_}});
  rig().RunAll();
  EXPECT_THAT(peers().Held(), IsEmpty()) << "tracking was on when it was its turn";
  EXPECT_THAT(Replies(), ElementsAre("(nil)", "+OK", "+OK", moved_));
  Do({"CLIENT", "TRACKING", "OFF"});
  Burst({{"GET", c_}, {"CLIENT", "TRACKING", "ON"}, {"GET", c_}, {"STRLEN", c_}, {"INCR", c_}});
  EXPECT_EQ(peers().size(), 4u) << "they were under way when it began";
  for (int i = 0; i < 4; ++i) Answer(":1\r\n");
  EXPECT_THAT(Replies(), ElementsAre(":1", "+OK", ":1", "[invalidate [" + c_ + "]]", ":1",
                                     "[invalidate [" + c_ + "]]", ":1"));
}

TEST_F(Forwarding, LimitsCountItWhereItIsServed) {
  Open({.policies = {
            {.name = "one", .rate = {.count = 1, .period = std::chrono::hours(1), .burst = 1}},
            {.name = "time",
             .unit = limit::Unit::kDatabaseTime,
             .rate = {.count = 1000, .period = std::chrono::hours(1), .burst = 1000}}}});
  for (int i = 0; i < 3; ++i) {
    Burst({{"SET", b_, "v"}});
    rig().Pass(std::chrono::seconds(10));
    Answer("+OK\r\n");
  }
  EXPECT_THAT(Replies(), ElementsAre("+OK", "+OK", "+OK"));
  EXPECT_EQ(Do({"GET", own_}), "(nil)");
  EXPECT_THAT(Do({"GET", own_}), StartsWith("-THROTTLED "));
  Burst({{"GET", b_}});
  EXPECT_EQ(peers().size(), 1u) << "who is out of tokens here is not so there";
  Answer("+OK\r\n");
}

TEST_F(Forwarding, WhatTheUserMayNotDoIsNotSent) {
  GatewayRig::Options options;
  options.users = {{.name = "ann",
                    .password_hash = "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') + "$" +
                                     std::string(43, 'A'),
                    .rights = users::kRead}};
  Open(std::move(options));
  EXPECT_THAT(Do({"GET", b_}), StartsWith("-NOAUTH"));
  Burst({{"AUTH", "ann", "p"}});
  rig().CheckPassword("p");
  EXPECT_THAT(Replies(), ElementsAre("+OK"));
  EXPECT_THAT(Do({"SET", b_, "v"}), StartsWith("-NOPERM"));
  EXPECT_EQ(Do({"GET"}), "-ERR wrong number of arguments for 'get' command");
  EXPECT_THAT(peers().Held(), IsEmpty());
  Burst({{"GET", b_}});
  ASSERT_EQ(peers().size(), 1u);
  EXPECT_EQ(peers()[0].asked().user, "ann");
  Answer("+OK\r\n");
}

TEST_F(Forwarding, RepliesThatAreNotWantedAreNotSent) {
  Burst({{"CLIENT", "REPLY", "SKIP"}, {"SET", b_, "1"}, {"GET", b_}});
  Answer("+OK\r\n");
  Answer("$1\r\n1\r\n");
  EXPECT_THAT(Replies(), ElementsAre("1"));
  Burst({{"CLIENT", "REPLY", "OFF"}, {"SET", b_, "1"}, {"GET", b_}, {"CLIENT", "REPLY", "ON"}});
  Answer("+OK\r\n");
  Answer("$1\r\n1\r\n");
  EXPECT_THAT(Replies(), ElementsAre("+OK"));
}

TEST_F(Forwarding, NothingIsSentWhileTheClientDoesNotTakeItsReplies) {
  rig().client(client_).pipeline.SetOutputLimit(10);
  Burst({{"GET", b_}, {"GET", b_}, {"GET", c_}});
  EXPECT_EQ(peers().size(), 2u);
  Answer("$12\r\n0123456789ab\r\n");
  Answer("$1\r\n1\r\n");
  EXPECT_THAT(peers().Held(), IsEmpty());
  EXPECT_THAT(Replies(), ElementsAre("0123456789ab"));
  rig().client(client_).pipeline.Resume();
  rig().HandOn();
  EXPECT_THAT(Replies(), ElementsAre("1"));
  EXPECT_THAT(peers().Held(), ElementsAre("c GET " + c_));
  Answer("+OK\r\n");
}

TEST_F(Forwarding, APauseHoldsBackWritesHere) {
  const size_t admin = rig().Connect();
  rig().Do(admin, {"CLIENT", "PAUSE", "100000", "WRITE"});
  Burst({{"GET", b_}, {"SET", b_, "v"}});
  EXPECT_THAT(peers().Held(), ElementsAre("b GET " + b_));
  Answer("+OK\r\n");
  EXPECT_THAT(peers().Held(), IsEmpty());
  rig().Do(admin, {"CLIENT", "UNPAUSE"});
  EXPECT_THAT(peers().Held(), ElementsAre("b SET " + b_ + " v"));
  Answer("+OK\r\n");
}

TEST_F(Forwarding, ItIsCountedAndShownToThoseWhoLook) {
  rig().gateway().slow_log().Configure(5000, 10);
  Burst({{"GET", b_}, {"SET", b_, "v"}, {"INCR", b_}});
  rig().Pass(std::chrono::milliseconds(6));
  rig().ReadClock();
  Answer("$1\r\nv\r\n");
  Answer("-WRONGTYPE no\r\n");
  forwarding_->Fail(PeerOutcome::kNotSent);
  EXPECT_EQ(Replies().size(), 3u);
  EXPECT_EQ(rig().stats.commands[CommandIndex(*FindCommand("get"))].calls.value(), 1u);
  EXPECT_EQ(rig().stats.commands[CommandIndex(*FindCommand("set"))].failed.value(), 1u);
  EXPECT_EQ(rig().stats.errors[errors::PrefixIndex("WRONGTYPE")].value(), 1u);
  EXPECT_EQ(rig().stats.errors[errors::PrefixIndex("CLUSTERDOWN")].value(), 1u);
  EXPECT_NE(errors::PrefixIndex("CLUSTERDOWN"), errors::PrefixIndex("OTHER"));
  EXPECT_EQ(rig().stats.misses.value() + rig().stats.hits.value(), 0u);
  EXPECT_THAT(Do({"SLOWLOG", "GET"}),
              AllOf(HasSubstr("[GET " + b_ + "]"), HasSubstr("[SET " + b_ + " v]")));
}

TEST_F(Forwarding, ALongQueueIsSentAsFarAsItIsAccepted) {
  const Words get = {"GET", b_};
  for (size_t i = 0; i < Pipeline::kCommandsMax; ++i) {
    ASSERT_TRUE(rig().client(client_).pipeline.accepting()) << i;
    rig().Send(client_, get);
  }
  EXPECT_FALSE(rig().client(client_).pipeline.accepting());
  rig().HandOn();
  EXPECT_EQ(peers().size(), Pipeline::kCommandsMax);
  for (size_t i = 0; i < Pipeline::kCommandsMax; ++i) Answer(":1\r\n");
  EXPECT_EQ(Replies().size(), Pipeline::kCommandsMax);
  EXPECT_TRUE(rig().client(client_).pipeline.accepting());
}

}  // namespace
}  // namespace weir::gateway
