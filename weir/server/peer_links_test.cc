// Goal: what is sent to another node ends once and truthfully, whatever becomes of that node, and
// goes on by itself when the node is back.
// Method: links on an event loop of their own; the other node is a server over the memory store
// that is ended and begun again, or a socket that does what the test says.
#include "weir/server/peer_links.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/server/peer_rig.h"
#include "weir/store/memory/memory_store.h"

namespace weir::server {
namespace {

using gateway::Forward;
using gateway::PeerOutcome;
using testing::HasSubstr;
using Forwards = std::vector<std::shared_ptr<Forward>>;

// The loop of a node whose clients ask for what another one serves.
class Asker final : net::EventLoop::Observer {
 public:
  explicit Asker(gateway::Gateway& gateway)
      : gateway_(gateway),
        loop_(this, std::chrono::milliseconds(10)),
        links_(
            loop_, gateway, [this](gateway::Completions done) { OnDone(std::move(done)); },
            [](ring::NodeId, const std::string&) {}),
        thread_([this] { loop_.Run(); }) {}
  ~Asker() override {
    loop_.Stop();
    thread_.join();
  }

  // All for one user, in this order.
  Forwards Begin(size_t count, std::vector<std::string_view> words,
                 std::chrono::nanoseconds patience = std::chrono::seconds(30)) {
    Forwards forwards;
    for (size_t i = 0; i < count; ++i) {
      Forward::Asked asked{.to = ring::NodeId{1},
                           .protocol = resp::Protocol::kResp2,
                           .user = "",
                           .client = {},
                           .deadline = gateway_.clock().Mono() + patience,
                           .writes = true};
      forwards.push_back(std::make_shared<Forward>(gateway::Origin{}, std::move(asked),
                                                   gateway::OwnedArgs(gateway::Args(words))));
    }
    loop_.Post([this, forwards] { links_.Send(forwards); });
    return forwards;
  }
  // Waits until `count` more have ended.
  void Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ >= count; });
    ended_ -= count;
  }
  Forwards Do(size_t count, std::vector<std::string_view> words,
              std::chrono::nanoseconds patience = std::chrono::seconds(30)) {
    Forwards forwards = Begin(count, std::move(words), patience);
    Await(count);
    return forwards;
  }

 private:
  void OnTick() override { links_.OnTick(gateway_.clock().Mono()); }
  bool OnRoundEnd(bool) override { return false; }
  void OnWake() override {}
  void OnDone(gateway::Completions done) {
    const std::lock_guard lock(mutex_);
    ended_ += done.size();
    changed_.notify_all();
  }

  gateway::Gateway& gateway_;
  net::EventLoop loop_;
  PeerLinks links_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t ended_ = 0;  // Guarded by mutex_.
  std::thread thread_;
};

// A node that does what the test says. Blocks where it waits.
class ScriptedNode {
 public:
  ScriptedNode()
      : listener_(net::Socket::Listen(net::ParseAddress("127.0.0.1:0").value()).value()) {}

  uint16_t port() const { return listener_.LocalAddress().port; }
  void Greet() {
    net::Socket::Accepted accepted;
    while (listener_.Accept(&accepted) != net::Socket::AcceptState::kAccepted) {
      std::this_thread::yield();
    }
    peer_ = std::move(accepted.socket);
    nodes::PeerAnswerer answerer(kPeerSecret, table_, nodes::PeerNonce{2});
    const resp::Value hello = Next();
    const Result<std::string> nonce = answerer.Take(nodes::PeerAnswerer::Hello{
        hello.items[2].text, hello.items[3].text, hello.items[4].text, hello.items[5].text});
    ASSERT_TRUE(nonce.ok());
    Say("*2\r\n$2\r\nn2\r\n$64\r\n" + nonce.value() + "\r\n");
    const resp::Value prove = Next();
    const Result<std::string> proof = answerer.Take(
        nodes::PeerAnswerer::Proof{prove.items[2].text, prove.items[3].text, prove.items[4].text});
    ASSERT_TRUE(proof.ok());
    Say("$64\r\n" + proof.value() + "\r\n");
  }
  resp::Value Next() {
    resp::Value value;
    for (;;) {
      std::string_view left = received_;
      const resp::ReadResult read = reader_.Next(&left, &value);
      received_.erase(0, received_.size() - left.size());
      if (read == resp::ReadResult::kValue) return value;
      std::array<char, 4096> room;
      const net::Transfer got = peer_.Receive(room);
      if (got.state == net::Transfer::State::kDone) received_.append(room.data(), got.bytes);
    }
  }
  void Say(std::string_view text) {
    const net::Piece piece{text.data(), text.size()};
    peer_.Send({&piece, 1});
  }
  void HangUp() { peer_ = net::Socket(); }

 private:
  nodes::NodeTable table_ = TwoNodes("n2");
  net::Socket listener_;
  net::Socket peer_;
  resp::Reader reader_;
  std::string received_;
};

class PeerLinksTest : public testing::Test {
 protected:
  static std::unique_ptr<store::Store> Store() {
    return store::OpenMemoryStore({.shards = 1, .contents = nullptr});
  }
  // n1, which takes n2 to be at this port.
  void Start(uint16_t port_of_n2, std::string secret = kPeerSecret) {
    NodeServer::Options options;
    options.secret = std::move(secret);
    node_ = std::make_unique<NodeServer>(TwoNodes("n1", port_of_n2), Store(), std::move(options));
    asker_ = std::make_unique<Asker>(node_->gateway());
  }
  static std::unique_ptr<NodeServer> StartOther(std::unique_ptr<store::Store> store,
                                                uint16_t port = 0) {
    NodeServer::Options options;
    options.port = port;
    return std::make_unique<NodeServer>(TwoNodes("n2"), std::move(store), options);
  }
  void TearDown() override {
    asker_.reset();
    node_.reset();
  }
  static size_t Count(const Forwards& forwards, PeerOutcome outcome) {
    return static_cast<size_t>(std::ranges::count(forwards, outcome, &Forward::outcome));
  }

  std::unique_ptr<NodeServer> node_;
  std::unique_ptr<Asker> asker_;
};

TEST_F(PeerLinksTest, TheOtherNodeServesInTheOrderSent) {
  const auto other = StartOther(Store());
  Start(other->address().port);
  const std::string key = other->OwnKey();
  const Forwards forwards = asker_->Do(3000, {"INCR", key});
  for (size_t i = 0; i < forwards.size(); ++i) {
    ASSERT_EQ(forwards[i]->outcome(), PeerOutcome::kAnswered) << forwards[i]->why();
    ASSERT_EQ(forwards[i]->answer().view(), ":" + std::to_string(i + 1) + "\r\n");
  }
  const std::string big(size_t{3} << 20, 'b');
  EXPECT_EQ(asker_->Do(1, {"SET", key, big})[0]->answer().view(), "+OK\r\n");
  EXPECT_EQ(asker_->Do(1, {"GET", key})[0]->answer().view(),
            "$" + std::to_string(big.size()) + "\r\n" + big + "\r\n");
}

TEST_F(PeerLinksTest, WhereTheSecretIsAnotherNothingIsSent) {
  const auto other = StartOther(Store());
  Start(other->address().port, "another secret, as long");
  const Forwards forwards = asker_->Do(3, {"INCR", other->OwnKey()});
  EXPECT_EQ(Count(forwards, PeerOutcome::kNotSent), 3U);
  EXPECT_THAT(forwards[0]->why(), HasSubstr("peer_secret"));
  EXPECT_EQ(TestClient(other->address()).Do({"GET", other->OwnKey()}), "(nil)");
}

TEST_F(PeerLinksTest, WhereNobodyIsNothingIsSentAndItHealsByItself) {
  uint16_t port = 0;
  {
    const auto other = StartOther(Store());
    port = other->address().port;
  }
  Start(port);
  const Forwards refused = asker_->Do(3, {"SET", "k", "v"});
  EXPECT_EQ(Count(refused, PeerOutcome::kNotSent), 3U);
  EXPECT_THAT(refused[0]->why(), HasSubstr("refused"));
  const auto other = StartOther(Store(), port);
  const std::string key = other->OwnKey();
  while (asker_->Do(1, {"SET", key, "v"})[0]->outcome() != PeerOutcome::kAnswered) {
  }
  EXPECT_EQ(TestClient(other->address()).Do({"GET", key}), "v");
}

TEST_F(PeerLinksTest, ABreakInTheMiddleLosesWhatWasNotAnswered) {
  ScriptedNode other;
  Start(other.port());
  const Forwards forwards = asker_->Begin(5, {"INCR", "k"});
  other.Greet();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(other.Next().items[2].text, "INCR");
  other.Say(":1\r\n:2\r\n:");
  other.HangUp();
  asker_->Await(5);
  EXPECT_EQ(Count(forwards, PeerOutcome::kAnswered), 2U);
  EXPECT_EQ(forwards[1]->answer().view(), ":2\r\n");
  EXPECT_EQ(Count(forwards, PeerOutcome::kLost), 3U);
}

TEST_F(PeerLinksTest, WhatTheKernelNeverTookIsNotSent) {
  ScriptedNode other;
  Start(other.port());
  const std::string big(size_t{1} << 20, 'b');
  const Forwards forwards = asker_->Begin(60, {"SET", "k", big});
  other.Greet();
  EXPECT_EQ(other.Next().items[2].text, "SET");
  other.HangUp();
  asker_->Await(60);
  EXPECT_EQ(forwards.front()->outcome(), PeerOutcome::kLost);
  EXPECT_EQ(forwards.back()->outcome(), PeerOutcome::kNotSent);
  EXPECT_EQ(Count(forwards, PeerOutcome::kAnswered), 0U);
}

TEST_F(PeerLinksTest, ADeadlineEndsWhatASilentNodeHas) {
  ScriptedNode other;
  Start(other.port());
  Forwards forwards = asker_->Begin(1, {"INCR", "k"});
  other.Greet();
  other.Next();
  other.Say(":1\r\n");
  asker_->Await(1);
  forwards = asker_->Do(2, {"INCR", "k"}, std::chrono::milliseconds(300));
  EXPECT_EQ(Count(forwards, PeerOutcome::kAnswered), 0U);
}

// Of a counter: what was answered was done, what was not sent was not done, what was lost may have
// been.
TEST_F(PeerLinksTest, WhileTheOtherNodeEndsAndBeginsNothingIsToldFalsely) {
  constexpr size_t kRounds = 20;
  constexpr size_t kEach = 200;
  const auto contents = store::MakeMemoryContents(1);
  const auto open = [&contents](uint16_t port) {
    return StartOther(store::OpenMemoryStore({.shards = 1, .contents = contents}), port);
  };
  auto other = open(0);
  const uint16_t port = other->address().port;
  const std::string key = other->OwnKey();
  Start(port);
  const auto counted = [&] {
    const std::string count = TestClient(other->address()).Do({"GET", key});
    return count == "(nil)" ? size_t{0} : static_cast<size_t>(std::stoull(count));
  };
  size_t answered_in_all = 0;
  for (int life = 0; life < 5; ++life) {
    while (asker_->Do(1, {"GET", key})[0]->outcome() != PeerOutcome::kAnswered) {
    }
    const size_t before = counted();
    std::vector<Forwards> rounds;
    std::thread end([&other] { other.reset(); });
    for (size_t round = 0; round < kRounds; ++round) {
      rounds.push_back(asker_->Begin(kEach, {"INCR", key}));
    }
    end.join();
    asker_->Await(kRounds * kEach);
    size_t answered = 0;
    size_t lost = 0;
    for (const Forwards& forwards : rounds) {
      answered += Count(forwards, PeerOutcome::kAnswered);
      lost += Count(forwards, PeerOutcome::kLost);
    }
    other = open(port);
    EXPECT_GE(counted() - before, answered);
    EXPECT_LE(counted() - before, answered + lost);
    answered_in_all += answered;
  }
  EXPECT_GT(answered_in_all, 0U);
}

}  // namespace
}  // namespace weir::server
