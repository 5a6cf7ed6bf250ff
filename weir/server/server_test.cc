// Goal: a server answers every client what it asked, in order, whatever the clients do to their
// connections, and ends when it is told to.
// Method: real sockets on a free port over the memory store, several threads on both sides.
#include "weir/server/server.h"

#include <atomic>
#include <memory>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/gateway/errors.h"
#include "weir/server/test_client.h"
#include "weir/server/test_server.h"
#include "weir/store/memory/memory_store.h"
#include "weir/users/password.h"
#include "weir/users/password_threads.h"

namespace weir::server {
namespace {

using testing::StartsWith;

class ServerTest : public ServerFixture {
  std::unique_ptr<store::Store> OpenStore(uint32_t shards) override {
    return store::OpenMemoryStore({.shards = shards, .contents = nullptr});
  }
};

TEST_F(ServerTest, ManyClientsThatComeAndGoAreAllAnswered) {
  Start();
  constexpr int kClientThreads = 4;
  constexpr int kClientsEach = 40;
  constexpr int kIncrementsEach = 5;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kClientThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kClientsEach; ++i) {
        TestClient client(address_);
        const std::string key = "key" + std::to_string(t) + "-" + std::to_string(i % 7);
        if (client.Do({"SET", key, std::to_string(i)}) != "OK") ++wrong;
        if (client.Do({"GET", key}) != std::to_string(i)) ++wrong;
        for (int n = 0; n < kIncrementsEach; ++n) client.Send({"INCR", "shared"});
        int64_t last = 0;
        for (int n = 0; n < kIncrementsEach; ++n) {
          const int64_t now = std::stoll(client.Next());
          if (now <= last) ++wrong;
          last = now;
        }
        if (i % 3 == 0) client.Send({"INCR", "abandoned"});  // Gone before the answer.
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  TestClient client(address_);
  EXPECT_EQ(client.Do({"GET", "shared"}),
            std::to_string(kClientThreads * kClientsEach * kIncrementsEach));
}

TEST_F(ServerTest, APipelineLongerThanItsQueueIsAnsweredInOrder) {
  Start();
  TestClient client(address_);
  constexpr int kCommands = 5000;
  std::string bytes = TestClient::Encode({"PING"});
  for (int i = 0; i < kCommands; ++i) bytes += TestClient::Encode({"INCR", "n"});
  std::thread sender([&] { client.SendBytes(bytes); });
  EXPECT_EQ(client.Next(), "PONG");
  for (int i = 1; i <= kCommands; ++i) ASSERT_EQ(client.Next(), std::to_string(i));
  sender.join();
}

TEST_F(ServerTest, ALargeReplyIsSentInTurnsAndWhole) {
  Start();
  TestClient client(address_);
  const size_t size = 16 * Connection::kTurnSendBytesMax;
  const std::string value(size, 'x');
  ASSERT_EQ(client.Do({"SET", "k", value}), "OK");
  const uint64_t before = gateway_->Totals().sends;
  EXPECT_EQ(client.Do({"GET", "k"}), value);
  EXPECT_GE(gateway_->Totals().sends - before, 16u);
}

TEST_F(ServerTest, AReadOfManyKeysShowsAnMsetWholeOrNotAtAll) {
  Start();
  constexpr size_t kWritten = 8;
  std::vector<std::string> keys;
  for (size_t i = 0; i <= gateway::ManyKeysRead::kKeysAtOnceMax; ++i) {
    keys.push_back("k" + std::to_string(i));
  }
  std::vector<std::string> fill = {"MSET"};
  for (const std::string& key : keys) fill.insert(fill.end(), {key, "0"});
  TestClient reader(address_);
  ASSERT_EQ(reader.Do(fill), "OK");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    TestClient client(address_);
    for (int n = 1; !done; ++n) {
      std::vector<std::string> mset = {"MSET"};
      // The first keys and the last.
      for (size_t i = 0; i < kWritten; ++i) {
        const size_t key = i % 2 == 0 ? i : keys.size() - i;
        mset.insert(mset.end(), {keys[key], std::to_string(n)});
      }
      if (client.Do(mset) != "OK") return;
    }
  });
  std::vector<std::string> mget = {"MGET"};
  mget.insert(mget.end(), keys.begin(), keys.end());
  for (int n = 0; n < 300; ++n) {
    resp::Value values;
    ASSERT_TRUE(reader.Send(mget) && reader.Receive(&values));
    ASSERT_EQ(values.items.size(), keys.size());
    for (size_t i = 0; i < kWritten; ++i) {
      const size_t key = i % 2 == 0 ? i : keys.size() - i;
      EXPECT_EQ(values.items[key].text, values.items[0].text) << key;
    }
  }
  done = true;
  writer.join();
}

TEST_F(ServerTest, APipelineOfMoreBytesThanItsQueueIsAnsweredInOrder) {
  Start();
  TestClient client(address_);
  const std::string value(20'000, 'x');
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    bytes += TestClient::Encode({"SET", "k", value + std::to_string(i)});
    bytes += TestClient::Encode({"STRLEN", "k"});
  }
  std::thread sender([&] { client.SendBytes(bytes); });
  for (size_t i = 0; i < 300; ++i) {
    ASSERT_EQ(client.Next(), "OK");
    ASSERT_EQ(client.Next(), std::to_string(value.size() + std::to_string(i).size()));
  }
  sender.join();
}

class BeforeAuth : public ServerTest {
 protected:
  BeforeAuth() : hash_(users::HashPassword("right", users::kCostMin).value()) {}

  void StartWithUsers(Server::Options options = {}) {
    Start(std::move(options));
    gateway_->authentication().SetUsers(std::make_shared<const users::Users>(
        std::vector<users::User>{{.name = "default", .password_hash = hash_}}));
    threads_ = std::make_unique<users::PasswordThreads>(gateway_->authentication().checks());
  }
  void TearDown() override {
    if (server_) server_->Stop();
    threads_.reset();
    ServerTest::TearDown();
  }

  std::string hash_;
  std::unique_ptr<users::PasswordThreads> threads_;
};

TEST_F(BeforeAuth, LittleMayBeSentAndOneMoreEndsTheConnection) {
  StartWithUsers();
  constexpr const char* kNoAuth = "NOAUTH Authentication required.";
  const auto bulk = [](size_t size) { return std::string(size, 'x'); };
  TestClient most(address_);
  EXPECT_EQ(most.Do({"MGET", "2", "3", "4", "5", "6", "7", "8", "9", "10"}), kNoAuth);
  EXPECT_EQ(most.Do({"GET", bulk(resp::kLimitsBeforeAuth.bulk_bytes_max)}), kNoAuth);
  EXPECT_EQ(TestClient(address_).Do({"MGET", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}),
            "ERR Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(TestClient(address_).Do({"GET", bulk(resp::kLimitsBeforeAuth.bulk_bytes_max + 1)}),
            "ERR Protocol error: unauthenticated bulk length");
}

TEST_F(BeforeAuth, WhatFollowsInTheSameBurstMayBeAsLongAsEver) {
  StartWithUsers();
  TestClient client(address_);
  const std::string value(size_t{1} << 20, 'x');
  client.SendBytes(TestClient::Encode({"AUTH", "right"}) + TestClient::Encode({"SET", "k", value}) +
                   TestClient::Encode({"STRLEN", "k"}) + TestClient::Encode({"RESET"}) +
                   TestClient::Encode({"GET", "k"}));
  EXPECT_EQ(client.Next(), "OK");
  EXPECT_EQ(client.Next(), "OK");
  EXPECT_EQ(client.Next(), std::to_string(value.size()));
  EXPECT_EQ(client.Next(), "RESET");
  EXPECT_EQ(client.Next(), "NOAUTH Authentication required.");
}

TEST_F(BeforeAuth, WhoDoesNotAuthenticateInTimeIsDisconnected) {
  Server::Options options;
  options.limits.auth_timeout = std::chrono::milliseconds(200);
  StartWithUsers(std::move(options));
  TestClient known(address_);
  EXPECT_EQ(known.Do({"AUTH", "right"}), "OK");
  EXPECT_EQ(TestClient(address_).Next(), "(closed)");
  EXPECT_EQ(known.Do({"PING"}), "PONG");
}

TEST_F(BeforeAuth, AConnectionThatLosesItsUserHearsWhyAndIsClosed) {
  StartWithUsers();
  TestClient client(address_);
  EXPECT_EQ(client.Do({"AUTH", "right"}), "OK");
  gateway_->authentication().SetUsers(std::make_shared<const users::Users>(
      std::vector<users::User>{{.name = "other", .password_hash = hash_}}));
  client.SendBytes(TestClient::Encode({"GET", "k"}) + TestClient::Encode({"GET", "k"}));
  EXPECT_EQ(client.Next(), gateway::errors::kUserChanged);
  EXPECT_EQ(client.Next(), "(closed)");
}

TEST_F(ServerTest, ACommandMayComeByteByByte) {
  Start();
  TestClient client(address_);
  for (const char byte : TestClient::Encode({"SET", "k", "value"}) + "GET k\r\n") {
    client.SendBytes({&byte, 1});
  }
  EXPECT_EQ(client.Next(), "OK");
  EXPECT_EQ(client.Next(), "value");
}

TEST_F(ServerTest, BigValuesGoInAndOut) {
  Start();
  TestClient client(address_);
  for (const size_t mebibytes : {1, 64}) {
    std::string value(mebibytes << 20, 'a');
    Random random(mebibytes);
    for (size_t i = 0; i < value.size(); i += 1009) value[i] = static_cast<char>(random.Next());
    ASSERT_EQ(client.Do({"SET", "big", value}), "OK");
    const std::string got = client.Do({"GET", "big"});
    EXPECT_TRUE(got == value) << mebibytes << " MiB";
  }
  EXPECT_EQ(client.Do({"SET", "big", "small"}), "OK");
}

TEST_F(ServerTest, AValueAboveTheLimitEndsTheConnectionWithAnError) {
  Server::Options options;
  options.limits.bulk_bytes_max = 1000;
  Start(options);
  TestClient client(address_);
  EXPECT_EQ(client.Do({"SET", "k", std::string(1000, 'x')}), "OK");
  client.SendBytes("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1001\r\n");
  EXPECT_EQ(client.Next(), "ERR Protocol error: invalid bulk length");
  EXPECT_EQ(client.Next(), "(closed)");
}

TEST_F(ServerTest, AProtocolErrorIsTheLastReply) {
  Start();
  TestClient client(address_);
  client.SendBytes("SET k v\r\nGET k\r\n*x\r\nGET k\r\n");
  EXPECT_EQ(client.Next(), "OK");
  EXPECT_EQ(client.Next(), "v");
  EXPECT_THAT(client.Next(), StartsWith("ERR Protocol error"));
  EXPECT_EQ(client.Next(), "(closed)");
}

TEST_F(ServerTest, QuitClosesAfterItsReply) {
  Start();
  TestClient client(address_);
  client.SendBytes("SET k v\r\nQUIT\r\nSET k w\r\n");
  EXPECT_EQ(client.Next(), "OK");
  EXPECT_EQ(client.Next(), "OK");
  EXPECT_EQ(client.Next(), "(closed)");
  TestClient other(address_);
  EXPECT_EQ(other.Do({"GET", "k"}), "v");
}

// The loops are kept busy, so that the message and the command often come in one round.
TEST_F(ServerTest, WhatWasAcknowledgedIsToldBeforeAReplyToACommandSentAfterwards) {
  Start();
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      std::vector<std::unique_ptr<TestClient>> clients;
      for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<TestClient>(address_));
      while (!stop) {
        for (auto& client : clients) {
          for (int i = 0; i < 100; ++i) client->Send({"GET", "busy"});
        }
        for (auto& client : clients) {
          for (int i = 0; i < 100; ++i) client->Next();
        }
      }
    });
  }
  std::vector<std::unique_ptr<TestClient>> readers;
  for (int i = 0; i < 8; ++i) {
    TestClient& reader = *readers.emplace_back(std::make_unique<TestClient>(address_));
    reader.Do({"HELLO", "3"});
    ASSERT_EQ(reader.Do({"CLIENT", "TRACKING", "ON"}), "OK");
  }
  TestClient writer(address_);
  for (int i = 0; i < 100; ++i) {
    for (auto& reader : readers) reader->Do({"GET", "k"});
    ASSERT_EQ(writer.Do({"SET", "k", std::to_string(i)}), "OK");
    for (auto& reader : readers) reader->Send({"PING"});
    for (auto& reader : readers) {
      resp::Value value;
      ASSERT_TRUE(reader->Receive(&value));
      EXPECT_EQ(value.kind, resp::Value::Kind::kPush);
      EXPECT_EQ(reader->Next(), "PONG");
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ServerTest, WhoLeavesItsMessagesLyingIsCutOffAndOthersAreNot) {
  Start();
  const auto listen = [&](TestClient& client) {
    client.Do({"HELLO", "3"});
    EXPECT_EQ(client.Do({"CLIENT", "TRACKING", "ON", "BCAST"}), "OK");
  };
  TestClient idle(address_);
  TestClient reads(address_);
  listen(idle);
  listen(reads);
  TestClient writer(address_);
  const std::string name(60'000, 'k');
  // Beside what the kernel holds for it.
  const uint64_t most = 64 * Connection::kToldBytesMax / name.size();
  uint64_t written = 0;
  for (; gateway_->Totals().connections_closed_slow == 0 && written < most; ++written) {
    ASSERT_EQ(writer.Do({"SET", name, "x"}), "OK");
    resp::Value value;
    ASSERT_TRUE(reads.Receive(&value));
    ASSERT_EQ(value.kind, resp::Value::Kind::kPush);
  }
  EXPECT_GT(written * name.size(), Connection::kToldBytesMax);
  EXPECT_LT(written, most);
  EXPECT_EQ(reads.Do({"PING"}), "PONG");
}

TEST_F(ServerTest, ASlowReaderGetsEverythingAndHoldsUpNobody) {
  Server::Options options;
  options.limits.output_bytes_pause = 100'000;
  Start(options);
  TestClient slow(address_);
  ASSERT_EQ(slow.Do({"SET", "k", std::string(50'000, 'x')}), "OK");
  constexpr int kReads = 400;
  std::string bytes;
  for (int i = 0; i < kReads; ++i) bytes += TestClient::Encode({"GET", "k"});
  ASSERT_TRUE(slow.SendBytes(bytes));
  for (size_t i = 0; i < kThreads; ++i) {  // One on each loop.
    TestClient other(address_);
    EXPECT_EQ(other.Do({"STRLEN", "k"}), "50000");
  }
  for (int i = 0; i < kReads; ++i) ASSERT_EQ(slow.Next().size(), 50'000u) << i;
}

TEST_F(ServerTest, OneClientTooManyIsToldSo) {
  Server::Options options;
  options.clients_max = 2;
  Start(options);
  TestClient a(address_);
  TestClient b(address_);
  EXPECT_EQ(a.Do({"PING"}), "PONG");
  EXPECT_EQ(b.Do({"PING"}), "PONG");
  TestClient c(address_);
  EXPECT_EQ(c.Next(), "ERR max number of clients reached");
}

TEST_F(ServerTest, ASecondServerOnThePortIsRefused) {
  Start();
  Server::Options options;
  options.listen = {address_};
  Server second(*gateway_, options);
  const auto bound = second.Start();
  ASSERT_FALSE(bound.ok());
  EXPECT_THAT(bound.error().message, testing::HasSubstr("address in use"));
}

TEST_F(ServerTest, WhoTakesNothingIsCutOffAtTheDeadlineAndGone) {
  Server::Options options;
  options.drain_timeout = std::chrono::milliseconds(0);
  Start(options);
  TestClient client(address_);
  ASSERT_EQ(client.Do({"SET", "k", std::string(1 << 20, 'x')}), "OK");
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(client.Send({"GET", "k"}));
  ASSERT_EQ(TestClient(address_).Do({"PING"}), "PONG");
  server_->Stop();
  EXPECT_EQ(server_->connections(), 0u);
  gateway_.reset();  // Before the loops, where nothing of a connection may be left.
}

TEST_F(ServerTest, StopAnswersWhatIsUnderWayAndLosesNothingAcknowledged) {
  Start();
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;
  std::array<int64_t, 4> acknowledged{};
  std::vector<std::unique_ptr<TestClient>> clients;
  for (size_t t = 0; t < acknowledged.size(); ++t) {
    clients.push_back(std::make_unique<TestClient>(address_));
    ASSERT_EQ(clients.back()->Do({"PING"}), "PONG");  // It is served before anything stops.
    threads.emplace_back([&acknowledged, &stopping, t, &client = *clients.back()] {
      const std::string key = "n" + std::to_string(t);
      while (client.Send({"INCR", key})) {
        const std::string reply = client.Next();
        if (reply == "(closed)") break;
        acknowledged[t] = std::stoll(reply);
        if (acknowledged[t] == 50) stopping = true;
      }
    });
  }
  while (!stopping) std::this_thread::yield();
  server_->Stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server_->connections(), 0u);
  for (const int64_t count : acknowledged) EXPECT_GE(count, 0);
  EXPECT_GE(*std::max_element(acknowledged.begin(), acknowledged.end()), 50);
}

class ServerDeadlines : public ServerTest {
 protected:
  // The clock stands still but for this; the loops look at their deadlines every second or so.
  ManualClock manual_;
};

TEST_F(ServerDeadlines, ACommandThatStaysUnfinishedEndsItsConnectionAlone) {
  Server::Options options;
  options.limits.partial_command_timeout = std::chrono::seconds(10);
  Start(options, &manual_);
  TestClient slow(address_);
  TestClient idle(address_);
  EXPECT_EQ(slow.Do({"PING"}), "PONG");
  EXPECT_EQ(idle.Do({"PING"}), "PONG");
  slow.SendBytes("*1\r\n$4\r\nPI");
  // Its bytes are read before the clock moves: another command of the same loop shows that.
  for (size_t i = 0; i < kThreads * 2; ++i) EXPECT_EQ(TestClient(address_).Do({"PING"}), "PONG");
  manual_.Advance(std::chrono::seconds(11));
  EXPECT_EQ(slow.Next(), "(closed)");
  EXPECT_EQ(idle.Do({"PING"}), "PONG");
}

TEST_F(ServerDeadlines, AllOfMoreConnectionsThanOneRoundLooksAtAreClosed) {
  Server::Options options;
  options.limits.idle_timeout = std::chrono::seconds(30);
  threads_ = 1;
  Start(options, &manual_);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (size_t i = 0; i <= ServerLoop::kVisitsMax; ++i) {
    clients.push_back(std::make_unique<TestClient>(address_));
    ASSERT_EQ(clients.back()->Do({"PING"}), "PONG");
  }
  manual_.Advance(std::chrono::seconds(31));
  for (const auto& client : clients) EXPECT_EQ(client->Next(), "(closed)");
}

TEST_F(ServerDeadlines, ASilentConnectionIsClosedWhereThatIsWanted) {
  Server::Options options;
  options.limits.idle_timeout = std::chrono::seconds(30);
  Start(options, &manual_);
  TestClient client(address_);
  EXPECT_EQ(client.Do({"PING"}), "PONG");
  manual_.Advance(std::chrono::seconds(31));
  EXPECT_EQ(client.Next(), "(closed)");
}

}  // namespace
}  // namespace weir::server
