// Goal: a command whose keys several nodes serve is served by all of them, where Redis promises
// nothing about its keys together; the reply is that of one node, and says what is known when one
// does not answer.
// Method: a gateway as one of three nodes, and the way to the others as a script.
#include <gmock/gmock.h>

#include "weir/gateway/forwarding_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

using Kind = ScriptedStore::Kind;

class ForwardingParts : public ::testing::Test {
 protected:
  ForwardingParts() { Open({}); }
  void Open(GatewayRig::Options options) {
    forwarding_ = std::make_unique<ForwardingRig>(std::move(options));
    client_ = rig().Connect();
    a1_ = forwarding_->KeyOf("a", 1);
    a2_ = forwarding_->KeyOf("a", 2, a1_);
    b1_ = forwarding_->KeyOf("b", 1);
    b2_ = forwarding_->KeyOf("b", 2, b1_);
    c1_ = forwarding_->KeyOf("c", 1);
  }
  GatewayRig& rig() { return forwarding_->rig; }
  ScriptedPeers& peers() { return forwarding_->peers; }
  void Burst(const std::vector<Words>& commands) { forwarding_->Burst(client_, commands); }
  void Answer(std::string_view bytes) { forwarding_->Answer(bytes); }
  std::vector<std::string> Replies() {
    rig().RunAll();
    return rig().Replies(client_);
  }

  std::unique_ptr<ForwardingRig> forwarding_;
  size_t client_ = 0;
  std::string a1_;
  std::string a2_;
  std::string b1_;
  std::string b2_;
  std::string c1_;
};

TEST_F(ForwardingParts, MgetShowsTheValuesInTheOrderOfTheKeys) {
  rig().Do(client_, {"SET", a2_, "A2"});
  Burst({{"MGET", b1_, a1_, c1_, b2_, a2_, b1_}});
  EXPECT_THAT(peers().Held(),
              ElementsAre("b MGET " + b1_ + " " + b2_ + " " + b1_, "c MGET " + c1_));
  Answer("*3\r\n$2\r\nB1\r\n$-1\r\n$4\r\n\r\n$9\r\n");
  Answer("*1\r\n$0\r\n\r\n");
  EXPECT_THAT(Replies(), ElementsAre("[B1 (nil)  (nil) A2 \r\n$9]"));
}

TEST_F(ForwardingParts, InResp3AsWell) {
  rig().Do(client_, {"HELLO", "3"});
  Burst({{"MGET", b1_, a1_, b2_}});
  ASSERT_EQ(peers().size(), 1u);
  EXPECT_EQ(peers()[0].asked().protocol, resp::Protocol::kResp3);
  Answer("*2\r\n_\r\n$1\r\nv\r\n");
  rig().RunAll();
  EXPECT_EQ(rig().client(client_).Bytes(), "*3\r\n_\r\n_\r\n$1\r\nv\r\n");
}

TEST_F(ForwardingParts, CountsAreAddedUp) {
  rig().Do(client_, {"SET", a1_, "v"});
  for (const char* command : {"EXISTS", "TOUCH", "UNLINK"}) {
    Burst({{command, a1_, b1_, c1_, a2_, b2_}});
    EXPECT_EQ(peers().size(), 2u) << command;
    Answer(":2\r\n");
    Answer(":1\r\n");
    EXPECT_THAT(Replies(), ElementsAre(":4")) << command;
  }
  EXPECT_EQ(rig().Do(client_, {"EXISTS", a1_}), ":0") << "it has been unlinked";
}

TEST_F(ForwardingParts, WhatOneOtherNodeServesGoesThereWhole) {
  Burst({{"DEL", b1_, b2_}});
  EXPECT_THAT(peers().Held(), ElementsAre("b DEL " + b1_ + " " + b2_));
  Answer(":2\r\n");
  EXPECT_THAT(Replies(), ElementsAre(":2"));
  EXPECT_EQ(rig().Do(client_, {"DEL", a1_, a2_}), ":0") << "and what is here stays here";
  rig().client(client_).session.from_node = true;
  EXPECT_EQ(rig().Do(client_, {"DEL", a1_, a2_}), ":0") << "also when another node sends it";
  EXPECT_EQ(rig().Do(client_, {"DEL", a1_, b1_}),
            "-MOVED " + forwarding_->SlotOf(b1_) + " 10.0.0.2:7002");
}

TEST_F(ForwardingParts, OfSeveralDatabasesHereEachHasItsPart) {
  Open({.databases = 3});
  std::string last;
  Words del = {"DEL", b1_};
  for (int i = 0; i < 20; ++i) {
    last = "{" + std::to_string(i) + "}";
    const nodes::NodeTable& nodes = *rig().gateway().nodes();
    if (nodes.Owner(TagSlot(KeyTag(last))) != nodes.self()) continue;
    rig().Do(client_, {"SET", last, "v"});
    del.push_back(last);
  }
  ASSERT_GT(del.size(), 4u);
  Burst({del});
  rig().RunAll();
  EXPECT_THAT(rig().Replies(client_), IsEmpty());
  Answer(":1\r\n");
  EXPECT_THAT(Replies(), ElementsAre(":" + std::to_string(del.size() - 1)));
}

TEST_F(ForwardingParts, WhatComesBeforeAndAfterKeepsItsPlace) {
  Burst({{"SET", a1_, "v"}, {"MGET", a1_, b1_}, {"DEL", a1_, b1_}, {"GET", a1_}, {"GET", b1_}});
  EXPECT_THAT(peers().Held(), IsEmpty());
  rig().RunAll();
  EXPECT_THAT(peers().Held(), ElementsAre("b MGET " + b1_));
  Answer("*1\r\n$1\r\nw\r\n");
  EXPECT_THAT(Replies(), ElementsAre("+OK", "[v w]"));
  EXPECT_THAT(peers().Held(), ElementsAre("b DEL " + b1_));
  Answer(":1\r\n");
  EXPECT_THAT(Replies(), ElementsAre(":2", "(nil)"));
  EXPECT_THAT(peers().Held(), ElementsAre("b GET " + b1_));
  Answer("$-1\r\n");
  EXPECT_THAT(Replies(), ElementsAre("(nil)"));
}

constexpr const char* kDown =
    "-CLUSTERDOWN The node b (10.0.0.2:7002) does not answer: connection refused";

TEST_F(ForwardingParts, AReadOfWhichAPartFailsFails) {
  for (const char* command : {"MGET", "EXISTS"}) {
    for (const PeerOutcome outcome : {PeerOutcome::kNotSent, PeerOutcome::kLost}) {
      Burst({{command, a1_, b1_, c1_}});
      forwarding_->Fail(outcome);
      Answer(command == std::string("MGET") ? "*1\r\n$1\r\nw\r\n" : ":1\r\n");
      EXPECT_THAT(Replies(), ElementsAre(kDown)) << command;
    }
  }
}

TEST_F(ForwardingParts, AWriteOfWhichAPartFailsIsUnknown) {
  for (const PeerOutcome outcome : {PeerOutcome::kNotSent, PeerOutcome::kLost}) {
    Burst({{"DEL", a1_, b1_, c1_}});
    forwarding_->Fail(outcome);
    Answer(":1\r\n");
    EXPECT_THAT(Replies(), ElementsAre(StartsWith("-UNKNOWN one of the databases or nodes")));
  }
  Burst({{"DEL", b1_, c1_}});
  forwarding_->Fail(PeerOutcome::kNotSent);
  forwarding_->Fail(PeerOutcome::kNotSent);
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("-CLUSTERDOWN"))) << "nothing was done anywhere";
  rig().Do(client_, {"SET", a1_, "v"});
  Burst({{"DEL", a1_, b1_}});
  rig().Complete(Kind::kApply, ScriptedStore::Outcome::kUnknownApplied);
  Answer(":1\r\n");
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("-UNKNOWN one of the databases or nodes")));
}

// So nothing has been done elsewhere of what is refused here.
TEST_F(ForwardingParts, WhatIsRefusedHereIsNotSent) {
  Open({.policies = {
            {.name = "one", .rate = {.count = 1, .period = std::chrono::hours(1), .burst = 1}}}});
  Burst({{"DEL", a1_, b1_}});
  EXPECT_EQ(peers().size(), 1u);
  Answer(":1\r\n");
  EXPECT_THAT(Replies(), ElementsAre(":1"));
  EXPECT_THAT(rig().Do(client_, {"DEL", a1_, b1_}), StartsWith("-THROTTLED "));
  Burst({{"DEL", b1_, c1_}});
  EXPECT_EQ(peers().size(), 2u) << "nothing of it is served here";
  Answer(":1\r\n");
  Answer(":1\r\n");
  EXPECT_THAT(Replies(), ElementsAre(":2"));
}

TEST_F(ForwardingParts, AnAnswerThatIsNoneIsAnError) {
  for (const char* answer :
       {"+OK\r\n", "*1\r\n$1\r\nv\r\n", "*2\r\n$1\r\nv\r\n:1\r\n", "*2\r\n$1\r\nv\r\n$9\r\nv\r\n",
        "*2\r\n$-7\r\n$1\r\nv\r\n", "*2\r\n$1\r\nv\r\n$99999999999999999999\r\n", "*2\r\n$",
        "*2\r\n", "*x\r\n", "*-1\r\n", "$-1\r\n"}) {
    Burst({{"MGET", b1_, a1_, b2_}});
    Answer(answer);
    EXPECT_THAT(Replies(), ElementsAre(StartsWith("-UNKNOWN a node answered"))) << answer;
  }
  for (const char* answer : {"+OK\r\n", ":\r\n", ":1x\r\n", ":99999999999999999999\r\n", ":"}) {
    Burst({{"DEL", b1_, c1_}});
    Answer(answer);
    Answer(":1\r\n");
    EXPECT_THAT(Replies(), ElementsAre(StartsWith("-UNKNOWN "))) << answer;
  }
}

TEST_F(ForwardingParts, TheReplyIsNoLargerThanOfOneNode) {
  Open({.memory = {.client_bytes = 200, .value_bytes = SIZE_MAX}});
  const std::string forty = "*1\r\n$40\r\n" + std::string(40, 'x') + "\r\n";
  Burst({{"MGET", b1_, c1_}});
  Answer(forty);
  Answer(forty);
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("[xxx")));
  const std::string fifty = "*1\r\n$50\r\n" + std::string(50, 'x') + "\r\n";
  Burst({{"MGET", b1_, c1_}});
  Answer(fifty);
  Answer(fifty);
  EXPECT_THAT(Replies(), ElementsAre(StartsWith("-ERR")));
}

TEST_F(ForwardingParts, AClientThatBeganToTrackIsToldNotToKeepThem) {
  rig().Do(client_, {"HELLO", "3"});
  Burst({{"GET", b1_}, {"CLIENT", "TRACKING", "ON"}, {"MGET", b1_, a1_}});
  Answer("$1\r\nv\r\n");
  EXPECT_THAT(Replies(),
              ElementsAre("v", "+OK", "-CROSSSLOT Keys in request don't hash to the same slot"));
  rig().Do(client_, {"CLIENT", "TRACKING", "OFF"});
  Burst({{"CLIENT", "REPLY", "ON"}, {"GET", b1_}, {"PING"}});
  Answer("$1\r\nv\r\n");
  EXPECT_THAT(Replies(), ElementsAre("+OK", "v", "+PONG"));
}

TEST_F(ForwardingParts, AConnectionThatClosesLeavesThemToThemselves) {
  Burst({{"MGET", a1_, b1_, c1_}, {"DEL", a1_, b1_}});
  rig().Disconnect(client_);
  Answer("*1\r\n$1\r\nv\r\n");
  rig().RunAll();
  Answer("*1\r\n$1\r\nv\r\n");
  EXPECT_THAT(peers().Held(), IsEmpty());
  client_ = rig().Connect();
  EXPECT_EQ(rig().Do(client_, {"PING"}), "+PONG");
}

}  // namespace
}  // namespace weir::gateway
