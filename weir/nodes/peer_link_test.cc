// Goal: every request ends once and truthfully, at each limit and one past it, whatever the peer
// does; a peer that is down is waited for by nobody.
// Method: the calls of a driver, by hand; time is passed in. The random test is beside this.
#include "weir/nodes/peer_link.h"

#include <array>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/nodes/peer_link_rig.h"

namespace weir::nodes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kPing[] = "*1\r\n$4\r\nPING\r\n";

class PeerLinkTest : public testing::Test {
 protected:
  void Make(const PeerLink::Limits& limits = {}) {
    link_ = std::make_unique<PeerLink>(limits, circuit_);
  }
  void Send(uint64_t ticket, milliseconds patience = seconds(1), std::string request = kPing) {
    link_->Send(ticket, std::move(request), now_ + patience, now_);
  }
  // All that the link would send, which the kernel takes.
  std::string Flush() {
    std::string all;
    while (link_->has_unsent()) {
      std::array<std::string_view, PeerLink::kPiecesMax> pieces;
      const size_t count = link_->Unsent(pieces);
      std::string sent;
      for (size_t i = 0; i < count; ++i) sent += pieces[i];
      link_->OnSent(sent.size());
      all += sent;
    }
    return all;
  }
  void Connect() {
    EXPECT_EQ(link_->action(now_), PeerLink::Action::kConnect);
    link_->OnConnecting(now_);
    GreetingPeer peer;
    link_->OnConnected(peer.MakeAsker());
    while (!link_->open()) {
      const std::string request = Flush();
      ASSERT_NE(request, "");
      link_->OnReceived(peer.Answer(request), now_);
    }
  }
  void Close() { link_->OnClosed(now_); }
  void Pass(std::chrono::nanoseconds time) {
    now_ = now_ + time;
    link_->OnTime(now_);
  }
  // "1 answered +OK", "2 lost", "3 not sent", of what has ended since.
  std::vector<std::string> Ended() {
    std::vector<std::string> all;
    for (const PeerLink::Ended& ended : link_->TakeEnded()) {
      std::string text = std::to_string(ended.ticket);
      if (ended.outcome == LinkOutcome::kNotSent) text += " not sent";
      if (ended.outcome == LinkOutcome::kLost) text += " lost";
      if (ended.outcome == LinkOutcome::kAnswered) text += " " + std::string(ended.answer.view());
      all.push_back(text);
    }
    return all;
  }

  MonoTime now_{1'000'000'000};
  PeerCircuit circuit_;
  std::unique_ptr<PeerLink> link_;
};

TEST_F(PeerLinkTest, AnswersComeBackInTheOrderSentHoweverTheyAreCut) {
  Make();
  for (uint64_t i = 1; i <= 4; ++i) Send(i);
  EXPECT_THAT(Ended(), IsEmpty());
  Connect();
  EXPECT_EQ(Flush(), std::string(kPing) + kPing + kPing + kPing);
  const std::string answers = "+OK\r\n$3\r\na\r\n\r\n*2\r\n:1\r\n$-1\r\n-ERR no\r\n";
  for (const char byte : answers) link_->OnReceived({&byte, 1}, now_);
  EXPECT_THAT(Ended(), ElementsAre("1 +OK\r\n", "2 $3\r\na\r\n\r\n", "3 *2\r\n:1\r\n$-1\r\n",
                                   "4 -ERR no\r\n"));
  EXPECT_TRUE(link_->idle());
}

TEST_F(PeerLinkTest, ItConnectsWhenItIsAskedAndNotBefore) {
  Make();
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kNothing);
  Send(1);
  Connect();
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kNothing);
}

TEST_F(PeerLinkTest, ABreakLosesWhatWasSentWhollyAndNothingElse) {
  Make();
  Send(1);
  Connect();
  EXPECT_EQ(Flush(), kPing);
  Send(2);
  Send(3);
  link_->OnSent(sizeof(kPing) - 2);  // All but the last byte of 2: nobody can execute that.
  Close();
  EXPECT_THAT(Ended(), ElementsAre("1 lost", "2 not sent", "3 not sent"));
}

TEST_F(PeerLinkTest, AtItsDeadlineOneIsTakenBackIfNoByteHasGone) {
  Make();
  Send(1, milliseconds(100));
  Send(2, milliseconds(100));
  Send(3, milliseconds(100));
  Send(4, milliseconds(300));
  Connect();
  link_->OnSent(sizeof(kPing) + 3);  // 1, and something of 2.
  Pass(milliseconds(99));
  EXPECT_THAT(Ended(), IsEmpty());
  Pass(milliseconds(1));
  EXPECT_THAT(Ended(), ElementsAre("1 lost", "2 lost", "3 not sent"));
  EXPECT_EQ(Flush(), std::string(kPing).substr(4) + kPing) << "the rest of 2, and 4";
  link_->OnReceived("+1\r\n+2\r\n+4\r\n", now_);
  EXPECT_THAT(Ended(), ElementsAre("4 +4\r\n")) << "late answers are dropped in their turn";
}

TEST_F(PeerLinkTest, ALateAnswerThatHadBegunIsDroppedToo) {
  Make();
  Send(1, milliseconds(100));
  Send(2, milliseconds(300));
  Connect();
  Flush();
  link_->OnReceived("$4\r\nla", now_);
  Pass(milliseconds(100));
  EXPECT_THAT(Ended(), ElementsAre("1 lost"));
  link_->OnReceived("te", now_);
  link_->OnReceived("\r\n+2\r\n", now_);
  EXPECT_THAT(Ended(), ElementsAre("2 +2\r\n"));
}

TEST_F(PeerLinkTest, ASilentPeerIsGivenUpWhenAnAnswerIsOverdue) {
  Make();
  Send(1, milliseconds(100));
  Connect();
  Flush();
  Pass(PeerLink::kSilenceMax);
  EXPECT_THAT(Ended(), ElementsAre("1 lost"));
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kNothing) << "at the limit";
  Pass(std::chrono::nanoseconds(1));
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kClose);
  Close();
  EXPECT_FALSE(circuit_.closed());
  EXPECT_THAT(circuit_.problem(), HasSubstr("in time"));
}

TEST_F(PeerLinkTest, AQuietTimeBeforeTheQuestionIsNoSilence) {
  Make();
  Send(1);
  Connect();
  Flush();
  link_->OnReceived("+OK\r\n", now_);
  Pass(PeerLink::kSilenceMax * 10);
  Send(2, milliseconds(100));
  Flush();
  Pass(milliseconds(100));
  EXPECT_THAT(Ended(), ElementsAre("1 +OK\r\n", "2 lost"));
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kNothing);
}

TEST_F(PeerLinkTest, RequestsAtTheLimitAreTakenAndOnePastItIsNot) {
  Make({.requests = 2});
  Send(1);
  Send(2);
  EXPECT_THAT(Ended(), IsEmpty());
  Send(3);
  EXPECT_THAT(Ended(), ElementsAre("3 not sent"));
  Connect();
  Flush();
  link_->OnReceived("+1\r\n", now_);
  Send(4);
  EXPECT_THAT(Ended(), ElementsAre("1 +1\r\n"));
}

TEST_F(PeerLinkTest, BytesAtTheLimitAreTakenAndOnePastItIsNot) {
  Make({.request_bytes = 2 * sizeof(kPing) - 2});
  Send(1);
  Send(2);
  EXPECT_THAT(Ended(), IsEmpty());
  Send(3, seconds(1), "x");
  EXPECT_THAT(Ended(), ElementsAre("3 not sent"));
  Connect();
  link_->OnSent(1);
  Send(4, seconds(1), "x");
  EXPECT_THAT(Ended(), IsEmpty()) << "what has gone leaves room";
}

TEST_F(PeerLinkTest, ARequestAboveTheLimitIsTakenAlone) {
  Make({.request_bytes = 3});
  Send(1);
  Send(2, seconds(1), "x");
  EXPECT_THAT(Ended(), ElementsAre("2 not sent"));
  Connect();
  EXPECT_EQ(Flush(), kPing);
}

TEST_F(PeerLinkTest, WhatWasTakenBackLeavesRoomToo) {
  Make({.request_bytes = sizeof(kPing) - 1});
  Send(1, milliseconds(10));
  Pass(milliseconds(10));
  Send(2);
  EXPECT_THAT(Ended(), ElementsAre("1 not sent"));
}

TEST_F(PeerLinkTest, AnAnswerAtTheLimitIsTakenAndOnePastItBreaksTheLink) {
  for (const size_t limit : {size_t{9}, size_t{8}}) {
    Make({.answer_bytes = limit});
    Send(1);
    Connect();
    Flush();
    link_->OnReceived("$3\r\na", now_);
    link_->OnReceived("bc\r\n", now_);
    if (limit == 9) {
      EXPECT_THAT(Ended(), ElementsAre("1 $3\r\nabc\r\n"));
    } else {
      EXPECT_EQ(link_->action(now_), PeerLink::Action::kClose);
      Close();
      EXPECT_THAT(Ended(), ElementsAre("1 lost"));
    }
  }
}

TEST_F(PeerLinkTest, WhatNobodyAskedForOrIsNotRedisBreaksTheLink) {
  for (const char* const text : {"+OK\r\n+OK\r\n", "HTTP/1.1 200\r\n", ">1\r\n+x\r\n"}) {
    circuit_ = PeerCircuit();
    Make();
    Send(1);
    Connect();
    Flush();
    link_->OnReceived(text, now_);
    EXPECT_EQ(link_->action(now_), PeerLink::Action::kClose) << text;
    Send(2);
    Close();
    EXPECT_EQ(Ended().back().substr(0, 5), std::string(text)[0] == '+' ? "2 not" : "1 los");
  }
}

TEST_F(PeerLinkTest, AHalfAnswerOfABrokenConnectionIsForgotten) {
  Make();
  Send(1);
  Connect();
  Flush();
  link_->OnReceived("$5\r\nhal", now_);
  Close();
  Pass(PeerCircuit::kPauseFirst);
  Connect();
  Send(2);
  Flush();
  link_->OnReceived("+OK\r\n", now_);
  EXPECT_THAT(Ended(), ElementsAre("1 lost", "2 +OK\r\n"));
}

TEST_F(PeerLinkTest, WhileThePeerIsDownNobodyWaitsAndItIsTriedAgain) {
  Make();
  Send(1);
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kConnect);
  link_->OnConnecting(now_);
  Close();
  EXPECT_THAT(Ended(), ElementsAre("1 not sent"));
  Send(2);
  EXPECT_THAT(Ended(), ElementsAre("2 not sent")) << "at once";
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kNothing);
  Pass(PeerCircuit::kPauseFirst);
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kConnect) << "though nothing waits";
  link_->OnConnecting(now_);
  Send(3);
  EXPECT_THAT(Ended(), ElementsAre("3 not sent")) << "nobody waits for the probe";
  PeerLink other({}, circuit_);
  EXPECT_EQ(other.action(now_), PeerLink::Action::kNothing) << "one probe at a time";
  GreetingPeer peer;
  link_->OnConnected(peer.MakeAsker());
  while (!link_->open()) link_->OnReceived(peer.Answer(Flush()), now_);
  Send(4);
  EXPECT_EQ(Flush(), kPing);
}

TEST_F(PeerLinkTest, AConnectionThatEndsWhileNothingIsAskedIsNoFailure) {
  Make();
  Send(1);
  Connect();
  Flush();
  link_->OnReceived("+OK\r\n", now_);
  Close();
  EXPECT_TRUE(circuit_.closed());
  Send(2);
  EXPECT_THAT(Ended(), ElementsAre("1 +OK\r\n"));
  EXPECT_EQ(link_->action(now_), PeerLink::Action::kConnect);
}

TEST_F(PeerLinkTest, AGreetingThatTakesTooLongOrFailsSendsNothing) {
  for (const bool wrong_secret : {false, true}) {
    circuit_ = PeerCircuit();
    Make();
    Send(1, seconds(5));
    ASSERT_EQ(link_->action(now_), PeerLink::Action::kConnect);
    link_->OnConnecting(now_);
    GreetingPeer peer;
    link_->OnConnected(peer.MakeAsker(wrong_secret ? "fedcba9876543210" : GreetingPeer::kSecret));
    link_->OnReceived(peer.Answer(Flush()), now_);
    const std::string proof = Flush();
    if (wrong_secret) {
      link_->OnReceived(peer.Answer(proof), now_);
    } else {
      Pass(PeerLink::kConnectMax);
      EXPECT_EQ(link_->action(now_), PeerLink::Action::kNothing) << "at the limit";
      Pass(std::chrono::nanoseconds(1));
    }
    EXPECT_FALSE(link_->has_unsent());
    EXPECT_EQ(link_->action(now_), PeerLink::Action::kClose);
    Close();
    EXPECT_THAT(Ended(), ElementsAre("1 not sent"));
    EXPECT_FALSE(circuit_.closed());
    EXPECT_NE(circuit_.problem(), "");
  }
}

}  // namespace
}  // namespace weir::nodes
