// Goal: over TLS a server answers as it does without, whatever the client does to its handshake,
// its records and its connection; who does not get through the handshake takes nothing from others.
// Method: real sockets on free ports over the memory store, OpenSSL as the client; deadlines by a
// clock that the test moves.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "weir/net/tls_test_peer.h"
#include "weir/server/test_client.h"
#include "weir/server/test_server.h"
#include "weir/store/memory/memory_store.h"

namespace weir::server {
namespace {

using net::TlsTestClient;
using testing::HasSubstr;
using testing::StartsWith;

class TlsServerTest : public ServerFixture {
 protected:
  std::unique_ptr<store::Store> OpenStore(uint32_t shards) override {
    return store::OpenMemoryStore({.shards = shards, .contents = nullptr});
  }

  void StartTls(Server::Options options = {}, Clock* clock = nullptr) {
    options.tls_listen = {net::ParseAddress("127.0.0.1:0").value()};
    options.tls_files = folder_.files(options.tls_files.client_auth);
    options.tls_reloaded = [this](const Result<Ok>& result) {
      const std::lock_guard lock(mutex_);
      reloaded_.emplace(result);
      changed_.notify_all();
    };
    Start(std::move(options), clock);
    tls_address_ = server_->tls()->addresses().front();
  }
  Result<Ok> WaitForReload() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return reloaded_.has_value(); });
    return *std::exchange(reloaded_, std::nullopt);
  }

  static std::string Do(TlsTestClient& client, const std::vector<std::string>& words,
                        size_t reply_bytes) {
    return client.Send(TestClient::Encode(words)) ? client.ReceiveExactly(reply_bytes) : "";
  }
  template <typename Condition>
  static void WaitUntil(Condition condition) {
    while (!condition()) std::this_thread::yield();  // The test's own time limit ends it.
  }

  ManualClock manual_clock_;  // Here, since the server looks at it until TearDown.
  net::TestTlsFolder folder_;
  net::Address tls_address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<Ok>> reloaded_;  // Guarded by mutex_.
};

TEST_F(TlsServerTest, ManyClientsThatComeAndGoAreAllAnswered) {
  StartTls();
  constexpr int kClientThreads = 4;
  constexpr int kClientsEach = 25;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kClientThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kClientsEach; ++i) {
        TlsTestClient client(tls_address_);
        const std::string key = "key" + std::to_string(t);
        if (Do(client, {"SET", key, "value"}, 5) != "+OK\r\n") ++wrong;
        if (Do(client, {"GET", key}, 11) != "$5\r\nvalue\r\n") ++wrong;
        if (i % 3 == 0)
          client.Send(TestClient::Encode({"INCR", "left"}));  // Gone before the reply.
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(server_->tls()->counts().done.value(), kClientThreads * kClientsEach);
}

TEST_F(TlsServerTest, PipelinesAndBigValuesGoBothWays) {
  StartTls();
  TlsTestClient client(tls_address_);
  const std::string value(size_t{10} << 20, 'v');
  std::string bytes = TestClient::Encode({"SET", "big", value});
  std::string expected = "+OK\r\n";
  for (int i = 1; i <= 3000; ++i) {
    bytes += TestClient::Encode({"INCR", "n"});
    expected += ":" + std::to_string(i) + "\r\n";
  }
  bytes += TestClient::Encode({"GET", "big"});
  expected += "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  // All is sent before anything is read.
  EXPECT_TRUE(client.Send(bytes));
  EXPECT_TRUE(client.ReceiveExactly(expected.size()) == expected);
}

TEST_F(TlsServerTest, ManyGetsOfABigValueAreTakenByASlowReader) {
  StartTls();
  TlsTestClient client(tls_address_);
  const std::string value(100'000, 'v');
  EXPECT_EQ(Do(client, {"SET", "big", value}, 5), "+OK\r\n");
  std::string bytes;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    bytes += TestClient::Encode({"GET", "big"});
    expected += "$100000\r\n" + value + "\r\n";
  }
  EXPECT_TRUE(client.Send(bytes));
  EXPECT_TRUE(client.ReceiveExactly(expected.size()) == expected);
}

TEST_F(TlsServerTest, PlaintextIsToldThatThePortSpeaksTls) {
  StartTls();
  TestClient client(tls_address_);
  EXPECT_THAT(client.Do({"PING"}), HasSubstr("this port speaks TLS only"));
  EXPECT_EQ(client.Next(), "(closed)");
}

TEST_F(TlsServerTest, ATlsClientOfThePlainPortIsToldWhere) {
  StartTls();
  TestClient client(address_);
  client.SendBytes("\x16\x03\x01");
  EXPECT_THAT(client.Next(), StartsWith("ERR Protocol error: this port does not speak TLS"));
  EXPECT_EQ(client.Next(), "(closed)");
}

TEST_F(TlsServerTest, AHandshakeThatIsNotFinishedInTimeIsClosed) {
  StartTls({}, &manual_clock_);
  TestClient silent(tls_address_);
  TestClient half(tls_address_);
  half.SendBytes(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
  TlsTestClient done(tls_address_);
  EXPECT_TRUE(done.ShakeHands());
  WaitUntil([&] { return server_->tls()->under_way() == 2; });
  manual_clock_.Advance(TlsAcceptor::kHandshakeTimeout + std::chrono::milliseconds(1));
  EXPECT_EQ(silent.Next(), "(closed)");
  EXPECT_EQ(half.Next(), "(closed)");
  EXPECT_EQ(server_->tls()->counts().timed_out.value(), 2U);
  EXPECT_EQ(Do(done, {"PING"}, 7), "+PONG\r\n");
}

TEST_F(TlsServerTest, HandshakesBeyondTheLimitWaitForRoomAndGetItSoon) {
  constexpr rlim_t kDescriptors = 4096;
  const rlimit limit{kDescriptors, kDescriptors};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  StartTls({}, &manual_clock_);
  std::vector<std::unique_ptr<TestClient>> silent;
  for (size_t i = 0; i + 1 < TlsAcceptor::kHandshakesMax; ++i) {
    silent.push_back(std::make_unique<TestClient>(tls_address_));
  }
  const auto under_way = [&] { return server_->tls()->under_way(); };
  WaitUntil([&] { return under_way() == TlsAcceptor::kHandshakesMax - 1; });
  {
    TlsTestClient last(tls_address_);  // At the limit there is room.
    EXPECT_TRUE(last.ShakeHands());
    WaitUntil([&] { return under_way() == TlsAcceptor::kHandshakesMax - 1; });
  }
  silent.push_back(std::make_unique<TestClient>(tls_address_));
  WaitUntil([&] { return under_way() == TlsAcceptor::kHandshakesMax; });
  TlsTestClient waiting(tls_address_);
  std::thread thread([&] { EXPECT_EQ(Do(waiting, {"PING"}, 7), "+PONG\r\n"); });
  TestClient served(address_);
  EXPECT_EQ(served.Do({"PING"}), "PONG");
  EXPECT_EQ(under_way(), TlsAcceptor::kHandshakesMax);
  manual_clock_.Advance(TlsAcceptor::kHandshakeTimeoutWhenFull + std::chrono::milliseconds(1));
  thread.join();
  EXPECT_GE(server_->tls()->counts().timed_out.value(), 1U);
  EXPECT_LT(server_->tls()->counts().timed_out.value(), TlsAcceptor::kHandshakesMax / 2)
      << "no more than room is needed for";
}

TEST_F(TlsServerTest, HalfARecordIsClosedAsHalfACommandIs) {
  Server::Options options;
  options.limits.partial_command_timeout = std::chrono::seconds(10);
  StartTls(options, &manual_clock_);
  TlsTestClient half(tls_address_);
  EXPECT_EQ(Do(half, {"PING"}, 7), "+PONG\r\n");
  const std::string_view record("\x17\x03\x03\x01\x00", 5);
  const std::array<net::Piece, 1> pieces = {net::Piece{record.data(), record.size()}};
  half.socket().Send(pieces);
  TlsTestClient idle(tls_address_);
  EXPECT_EQ(Do(idle, {"PING"}, 7), "+PONG\r\n");
  // The half record may arrive after the first of these steps, but not after all.
  std::thread thread([&] { EXPECT_EQ(half.Receive(), ""); });
  WaitUntil([&] {
    manual_clock_.Advance(std::chrono::seconds(11));
    std::this_thread::yield();
    return server_->connections() == 1;
  });
  thread.join();
  EXPECT_EQ(Do(idle, {"PING"}, 7), "+PONG\r\n");
}

TEST_F(TlsServerTest, ClientsThatMustShowACertificateAndDoNotAreNotServed) {
  Server::Options options;
  options.tls_files.client_auth = net::TlsClientAuth::kRequired;
  StartTls(options);
  const net::TestCertificate shown({.name = "app", .issuer = &folder_.authority()});
  TlsTestClient known(tls_address_, {.certificate = &shown});
  EXPECT_EQ(Do(known, {"PING"}, 7), "+PONG\r\n");
  TlsTestClient unknown(tls_address_);
  EXPECT_EQ(Do(unknown, {"PING"}, 7), "");
  WaitUntil([&] { return server_->tls()->counts().failed.value() == 1; });
}

TEST_F(TlsServerTest, NewFilesAreUsedWithoutBeingToldAndBadOnesAreReported) {
  StartTls();
  TlsTestClient before(tls_address_);
  EXPECT_EQ(Do(before, {"PING"}, 7), "+PONG\r\n");
  folder_.Issue("second");
  // Certificate and key are two files: the moment between them may be seen, and refused.
  while (!WaitForReload().ok()) {
  }
  TlsTestClient after(tls_address_);
  EXPECT_TRUE(after.ShakeHands());
  EXPECT_EQ(after.server_name(), "second");
  EXPECT_EQ(Do(before, {"PING"}, 7), "+PONG\r\n");

  std::ofstream(folder_.path() + "/key.pem") << "no key";
  const Result<Ok> refused = WaitForReload();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("key.pem' holds no private key"));
  EXPECT_FALSE(server_->ReloadTls().ok());
  TlsTestClient still(tls_address_);
  EXPECT_TRUE(still.ShakeHands());
  EXPECT_EQ(still.server_name(), "second");
}

TEST_F(TlsServerTest, AStopAnswersWhatWasSentAndTakesLeave) {
  StartTls();
  TlsTestClient client(tls_address_);
  TestClient half_way(tls_address_);
  EXPECT_EQ(Do(client, {"PING"}, 7), "+PONG\r\n");
  std::string bytes;
  for (int i = 0; i < 500; ++i) bytes += TestClient::Encode({"SET", "k" + std::to_string(i), "v"});
  EXPECT_TRUE(client.Send(bytes));
  server_->Stop();
  const std::string replies = client.ReceiveExactly(1 << 20);
  EXPECT_EQ(replies.size(), 500U * 5) << "all that was sent before the stop";
  EXPECT_NE(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
  EXPECT_EQ(half_way.Next(), "(closed)");
}

TEST_F(TlsServerTest, OneClientTooManyIsToldSo) {
  Server::Options options;
  options.clients_max = 1;
  StartTls(options);
  TlsTestClient first(tls_address_);
  EXPECT_EQ(Do(first, {"PING"}, 7), "+PONG\r\n");
  TlsTestClient second(tls_address_);
  EXPECT_TRUE(second.ShakeHands());
  EXPECT_THAT(second.Receive(), StartsWith("-ERR max number of clients reached"));
}

TEST_F(TlsServerTest, OneClientMoreThanThereIsMemoryForTlsIsToldSoAndAPlainOneComesIn) {
  Server::Options options;
  options.tls_clients_max = 1;
  StartTls(options);
  auto first = std::make_unique<TlsTestClient>(tls_address_);
  EXPECT_EQ(Do(*first, {"PING"}, 7), "+PONG\r\n");
  TlsTestClient second(tls_address_);
  EXPECT_TRUE(second.ShakeHands());
  EXPECT_THAT(second.Receive(), StartsWith("-ERR max number of clients reached"));
  TestClient plain(address_);
  EXPECT_EQ(plain.Do({"PING"}), "PONG");
  first.reset();
  WaitUntil([&] { return server_->tls_connections() == 0; });
  TlsTestClient third(tls_address_);
  EXPECT_EQ(Do(third, {"PING"}, 7), "+PONG\r\n");
}

TEST_F(TlsServerTest, AStartWithBadFilesSaysWhatIsWrong) {
  std::ofstream(folder_.path() + "/key.pem") << "no key";
  Start();
  server_->Stop();
  Server::Options options;
  options.tls_listen = {net::ParseAddress("127.0.0.1:0").value()};
  options.tls_files = folder_.files();
  Server server(*gateway_, options);
  const auto started = server.Start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message, HasSubstr("key.pem"));
}

}  // namespace
}  // namespace weir::server
