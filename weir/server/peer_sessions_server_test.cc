// Goal: a node that proves to be one of the list is served for its clients, and for nothing else;
// nobody else gets so far.
// Method: a server of one of two nodes over the memory store; the other is a raw socket.
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/server/peer_rig.h"
#include "weir/store/memory/memory_store.h"
#include "weir/users/password.h"

namespace weir::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class PeerSessionsServerTest : public testing::Test {
 protected:
  void Start(NodeServer::Options options = {}) {
    node_ = std::make_unique<NodeServer>(TwoNodes("n2"),
                                         store::OpenMemoryStore({.shards = 1, .contents = nullptr}),
                                         std::move(options));
  }
  static std::shared_ptr<const users::Users> Ann(users::Rights rights) {
    const std::string hash = users::HashPassword("secret", users::kCostMin).value();
    return std::make_shared<const users::Users>(std::vector<users::User>{
        {.name = "ann", .password_hash = hash, .rights = rights, .key_prefixes = {"key"}}});
  }

  std::unique_ptr<NodeServer> node_;
};

TEST_F(PeerSessionsServerTest, WhatANodeForwardsIsServed) {
  Start();
  RawPeer peer(*node_);
  ASSERT_EQ(peer.Greet(), "");
  const std::string key = node_->OwnKey();
  EXPECT_EQ(peer.Do({"SET", key, "v"}), "OK");
  EXPECT_EQ(peer.Do({"GET", key}), "v");
  EXPECT_EQ(peer.Do({"INCR", node_->OwnKey(1)}), "1");
  EXPECT_EQ(TestClient(node_->address()).Do({"GET", key}), "v");
  for (int i = 0; i < 500; ++i) peer.client().Send(RawPeer::Wrap({"INCR", node_->OwnKey(2)}));
  for (int i = 1; i <= 500; ++i) ASSERT_EQ(peer.client().Next(), std::to_string(i));
  EXPECT_EQ(peer.Do({"SET", key, std::string(1 << 20, 'b')}), "OK");
  EXPECT_EQ(peer.Do({"STRLEN", key}), std::to_string(1 << 20));
}

TEST_F(PeerSessionsServerTest, AnswersAreInTheProtocolThatWasGreetedWith) {
  Start();
  EXPECT_EQ(TestClient(node_->address()).Do({"SET", node_->OwnKey(), "v"}), "OK");
  for (const char* const protocol : {"2", "3"}) {
    RawPeer peer(*node_, "", kPeerSecret, protocol);
    ASSERT_EQ(peer.Greet(), "");
    resp::Value answer;
    peer.client().Send(RawPeer::Wrap({"WEIR.GETX", node_->OwnKey()}));
    ASSERT_TRUE(peer.client().Receive(&answer));
    resp::Value direct;
    TestClient client(node_->address());
    client.Do({"HELLO", protocol});
    client.Send({"WEIR.GETX", node_->OwnKey()});
    ASSERT_TRUE(client.Receive(&direct));
    EXPECT_EQ(answer.kind, direct.kind) << protocol;
  }
}

TEST_F(PeerSessionsServerTest, AnotherSecretIsRefusedAndTheConnectionEnds) {
  Start();
  RawPeer peer(*node_, "", "0123456789abcdeF");
  EXPECT_THAT(peer.Greet(), HasSubstr("no proof of this node's peer_secret"));
  EXPECT_EQ(peer.Do({"GET", node_->OwnKey()}), "(closed)");
}

TEST_F(PeerSessionsServerTest, AReplayedProofIsRefused) {
  Start();
  RawPeer peer(*node_);
  ASSERT_EQ(peer.Greet(), "");
  TestClient replay(node_->address());
  replay.SendBytes(peer.said()[0]);
  resp::Value nonce;
  ASSERT_TRUE(replay.Receive(&nonce));
  replay.SendBytes(peer.said()[1]);
  EXPECT_THAT(replay.Next(), HasSubstr("no proof"));
  EXPECT_EQ(replay.Next(), "(closed)");
}

TEST_F(PeerSessionsServerTest, AClientCannotForward) {
  Start();
  TestClient client(node_->address());
  EXPECT_THAT(client.Do(RawPeer::Wrap({"GET", node_->OwnKey()})),
              StartsWith("ERR unknown command"));
  EXPECT_THAT(client.Do({"WEIR.PEER", "PROVE", std::string(64, '0'), "2", ""}),
              StartsWith("ERR HELLO comes first"));
  EXPECT_EQ(client.Do(RawPeer::Wrap({"GET", node_->OwnKey()})), "(closed)");
}

TEST_F(PeerSessionsServerTest, WhatANodeSendsBesideItEndsTheConnection) {
  Start();
  RawPeer peer(*node_);
  ASSERT_EQ(peer.Greet(), "");
  EXPECT_THAT(peer.client().Do({"GET", node_->OwnKey()}), StartsWith("ERR a node sends"));
  EXPECT_EQ(peer.client().Next(), "(closed)");
}

TEST_F(PeerSessionsServerTest, WhatConcernsAConnectionIsRefusedAndTheNextIsServed) {
  Start();
  RawPeer peer(*node_);
  ASSERT_EQ(peer.Greet(), "");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"MULTI"},
                                             {"EXEC"},
                                             {"WATCH", node_->OwnKey()},
                                             {"AUTH", "x"},
                                             {"HELLO", "3"},
                                             {"RESET"},
                                             {"CLIENT", "REPLY", "OFF"},
                                             {"CLIENT", "TRACKING", "ON"},
                                             {"MONITOR"},
                                             {"QUIT"},
                                             {"WEIR.PEER", "HELLO", "1", "n1", "", ""}}) {
    EXPECT_THAT(peer.Do(words), HasSubstr("is not taken from another node")) << words[0];
  }
  EXPECT_EQ(peer.Do({"SET", node_->OwnKey(), "v"}), "OK");
}

TEST_F(PeerSessionsServerTest, WhatThisNodeDoesNotServeIsNotSentOn) {
  Start();
  RawPeer peer(*node_);
  ASSERT_EQ(peer.Greet(), "");
  EXPECT_THAT(peer.Do({"GET", node_->OthersKey()}), StartsWith("MOVED "));
}

TEST_F(PeerSessionsServerTest, ACommandHasTheRightsOfItsUserHere) {
  const std::string hash = users::HashPassword("secret", users::kCostMin).value();
  Start({.users = Ann(users::kRead)});
  RawPeer ann(*node_, "ann");
  ASSERT_EQ(ann.Greet(), "");
  EXPECT_EQ(ann.Do({"GET", node_->OwnKey()}), "(nil)");
  EXPECT_THAT(ann.Do({"SET", node_->OwnKey(), "v"}), StartsWith("NOPERM"));
  EXPECT_THAT(ann.Do({"GET", "other"}), StartsWith("NOPERM"));
  node_->gateway().authentication().SetUsers(Ann(users::kRead | users::kWrite));
  EXPECT_EQ(ann.Do({"SET", node_->OwnKey(), "v"}), "OK") << "as they are at present";
  node_->gateway().authentication().SetUsers(std::make_shared<const users::Users>(
      std::vector<users::User>{{.name = "bob", .password_hash = hash}}));
  EXPECT_THAT(ann.Do({"GET", node_->OwnKey()}), StartsWith("NOPERM"));
}

TEST_F(PeerSessionsServerTest, AUserWhoIsNotKnownHereMayNothing) {
  Start({.users = Ann(users::kAllRights)});
  for (const char* const name : {"eve", ""}) {
    RawPeer peer(*node_, name);
    ASSERT_EQ(peer.Greet(), "");
    EXPECT_THAT(peer.Do({"GET", node_->OwnKey()}), StartsWith("NOPERM")) << name;
    EXPECT_THAT(peer.Do({"SET", node_->OwnKey(), std::string(100'000, 'b')}), StartsWith("NOPERM"));
  }
}

TEST_F(PeerSessionsServerTest, WhereThereAreNoUsersThereIsNobodyOfThatName) {
  Start();
  RawPeer peer(*node_, "ann");
  ASSERT_EQ(peer.Greet(), "");
  EXPECT_THAT(peer.Do({"GET", node_->OwnKey()}), StartsWith("NOPERM"));
}

TEST_F(PeerSessionsServerTest, APolicyByClientCountsTheClientAndNobodyWaits) {
  limit::Policy policy;
  policy.name = "clients";
  policy.per = limit::Per::kClient;
  policy.rate = {.count = 1, .period = std::chrono::hours(1), .burst = 1};
  Start({.policies = {policy}});
  RawPeer peer(*node_);
  ASSERT_EQ(peer.Greet(), "");
  const std::vector<std::string> get = {"GET", node_->OwnKey()};
  EXPECT_EQ(peer.Do(get), "(nil)");
  EXPECT_THAT(peer.Do(get), StartsWith("THROTTLED"));
  std::vector<std::string> of_another = RawPeer::Wrap(get);
  of_another[1][15] = 1;
  EXPECT_EQ(peer.client().Do(of_another), "(nil)");
}

}  // namespace
}  // namespace weir::server
