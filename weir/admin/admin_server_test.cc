// Goal: the admin server answers plain requests and survives hostile ones.
// Method: bytes written by hand over a real loopback socket, answers compared as text.
#include "weir/admin/admin_server.h"

#include <cassert>
#include <string_view>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir::admin {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Client {
 public:
  explicit Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(socket_); }

  bool connected() const { return connected_; }

  // Returns false when the server has closed the connection.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // Says that nothing more will be sent.
  void Finish() { ::shutdown(socket_, SHUT_WR); }

  // Returns all that comes until the server closes.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    for (ssize_t size; (size = ::recv(socket_, buffer, sizeof buffer, 0)) > 0;) {
      all.append(buffer, static_cast<size_t>(size));
    }
    return all;
  }

  // Returns what comes up to and with `end`.
  std::string ReadUntil(std::string_view end) {
    std::string all;
    char byte = 0;
    while (!all.ends_with(end) && ::recv(socket_, &byte, 1, 0) == 1) all.push_back(byte);
    return all;
  }

  // Returns true when the server speaks or closes within `timeout`.
  bool IsReadableWithin(std::chrono::milliseconds timeout) {
    pollfd waited{.fd = socket_, .events = POLLIN, .revents = 0};
    return ::poll(&waited, 1, static_cast<int>(timeout.count())) == 1;
  }

 private:
  int socket_;
  bool connected_ = false;
};

class AdminServerTest : public ::testing::Test {
 protected:
  static Routes TestRoutes() {
    return {{"/healthz", [] { return Response{.body = "ok\n"}; }},
            {"/readyz", [] { return Response{.status = 503, .body = "draining\n"}; }},
            {"/data", [] { return Response{.content_type = "application/json", .body = "{}"}; }}};
  }

  void SetUp() override {
    Result<uint16_t> port = server_.Start("127.0.0.1", 0);
    ASSERT_TRUE(port) << port.error().message;
    port_ = port.value();
  }

  // One connection: sends `request`, finishes, returns the answer.
  std::string Exchange(std::string_view request) {
    Client client(port_);
    client.Send(request);
    client.Finish();
    return client.ReadAll();
  }

  std::string Get(std::string_view host) {
    return Exchange("GET /healthz HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
  }

  // A valid head of exactly `size` bytes.
  static std::string HeadOf(size_t size) {
    const std::string begin = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ";
    const std::string end = "\r\n\r\n";
    return begin + std::string(size - begin.size() - end.size(), 'x') + end;
  }

  AdminServer server_{TestRoutes()};
  uint16_t port_ = 0;
};

TEST_F(AdminServerTest, AGetIsAnsweredByItsHandler) {
  const std::string answer = Exchange("GET /data?verbose=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 2\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n{}"));
  EXPECT_THAT(answer, Not(HasSubstr("Access-Control")));
}

TEST_F(AdminServerTest, AHeadHasTheLengthButNoBody) {
  const std::string answer = Exchange("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 3\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(AdminServerTest, TheHandlersStatusIsPassedOn) {
  const std::string answer = Exchange("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, EndsWith("draining\n"));
}

TEST_F(AdminServerTest, UnknownPathsAnswer404) {
  EXPECT_THAT(Exchange("GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              StartsWith("HTTP/1.1 404 "));
}

TEST_F(AdminServerTest, PipelinedRequestsAreAnsweredInOrderOnOneConnection) {
  Client client(port_);
  client.Send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /data HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string answers = client.ReadAll();
  const size_t first = answers.find("\r\n\r\nok\n");
  ASSERT_NE(first, answers.npos) << answers;
  EXPECT_THAT(answers.substr(first), EndsWith("\r\n\r\n{}"));
}

TEST_F(AdminServerTest, AnHttp10ClientGetsItsAnswerAndTheEnd) {
  Client client(port_);
  client.Send("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\nok\n"));
}

TEST_F(AdminServerTest, OnlyItsOwnNamesAreServed) {
  const std::string port = ":" + std::to_string(port_);
  for (const std::string host : {"localhost", "LocalHost", "127.0.0.1", "[::1]"}) {
    EXPECT_THAT(Get(host), StartsWith("HTTP/1.1 200 ")) << host;
    EXPECT_THAT(Get(host + port), StartsWith("HTTP/1.1 200 ")) << host;
  }
  for (const std::string host :
       {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:x",
        "localhost:", "[::1", "[::1]x", "127.0.0.2", "", "user@localhost"}) {
    EXPECT_THAT(Get(host), Not(StartsWith("HTTP/1.1 200 "))) << host;
  }
}

TEST_F(AdminServerTest, AMissingOrRepeatedHostIsRefused) {
  EXPECT_THAT(Exchange("GET /healthz HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(AdminServerTest, OtherMethodsAreRefusedAndTheConnectionIsClosed) {
  Client client(port_);
  client.Send(
      "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
      "GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client.Finish();
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("{}")));
}

TEST_F(AdminServerTest, BodiesAreRefused) {
  const std::string begin = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
  for (const std::string headers :
       {"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello", "Content-Length: -1\r\n\r\n",
        "Content-Length: 99999999999999999999\r\n\r\n", "Transfer-Encoding: identity\r\n\r\n"}) {
    EXPECT_THAT(Exchange(begin + headers), StartsWith("HTTP/1.1 400 ")) << headers;
  }
}

TEST_F(AdminServerTest, MalformedHeadsAreRefused) {
  for (const std::string request :
       {"\r\n\r\n", "GET /healthz\r\n\r\n", "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
        "GET /healthz HTTP/1.1\nHost: localhost\n\r\n\r\n",
        "GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n\r\n"}) {
    EXPECT_THAT(Exchange(request), StartsWith("HTTP/1.1 400 ")) << request;
  }
}

TEST_F(AdminServerTest, AHeadOfTheLimitIsServedAndOneByteMoreIsRefused) {
  EXPECT_THAT(Exchange(HeadOf(kHeadBytesMax)), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Exchange(HeadOf(kHeadBytesMax + 1)), StartsWith("HTTP/1.1 431 "));
}

TEST_F(AdminServerTest, AHugeHeadIsAnsweredBeforeItEnds) {
  Client client(port_);
  client.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x'));
  EXPECT_THAT(client.ReadUntil("\r\n"), StartsWith("HTTP/1.1 431 "));
}

TEST_F(AdminServerTest, EndlessInputAfterTheAnswerIsCutOff) {
  Client client(port_);
  const std::string block(64 * 1024, 'x');
  while (client.Send(block)) {
  }
}

TEST_F(AdminServerTest, OneConnectionPastTheLimitTakesThePlaceOfTheOneThatWaitedLongest) {
  std::vector<std::unique_ptr<Client>> clients;
  const auto ask = [](Client& client) {
    client.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return client.ReadUntil("ok\n");
  };
  for (size_t i = 0; i < kConnectionsMax; ++i) {
    clients.push_back(std::make_unique<Client>(port_));
    ASSERT_THAT(ask(*clients.back()), EndsWith("ok\n")) << i;
  }
  ASSERT_THAT(ask(*clients.front()), EndsWith("ok\n"));  // Now the second has waited longest.
  EXPECT_THAT(Get("localhost"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(clients[1]->ReadAll(), "");
  EXPECT_THAT(Get("localhost"), StartsWith("HTTP/1.1 200 ")) << "which closes nobody else";
  EXPECT_THAT(ask(*clients[2]), EndsWith("ok\n"));
  EXPECT_THAT(ask(*clients.front()), EndsWith("ok\n"));
  EXPECT_THAT(ask(*clients.back()), EndsWith("ok\n"));
}

TEST_F(AdminServerTest, ASecondServerOnThePortIsToldThatItIsInUse) {
  AdminServer second(TestRoutes());
  Result<uint16_t> started = second.Start("127.0.0.1", port_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(started.error().message, HasSubstr("address in use"));
}

TEST_F(AdminServerTest, AnAddressThatIsNoneIsInvalid) {
  AdminServer server(TestRoutes());
  Result<uint16_t> started = server.Start("localhost.example", 0);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kInvalid);
}

TEST_F(AdminServerTest, StopClosesOpenConnectionsAndFreesThePort) {
  Client idle(port_);
  idle.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  idle.ReadUntil("ok\n");
  server_.Stop();
  EXPECT_EQ(idle.ReadAll(), "");
  AdminServer second(TestRoutes());
  EXPECT_TRUE(second.Start("127.0.0.1", port_));
}

TEST(AdminServerToken, OpensAllPathsAndProbesNeedNone) {
  AdminServer server({{"/healthz", [] { return Response{.body = "ok\n"}; }},
                      {"/metrics", [] { return Response{.body = "secret\n"}; }}},
                     {.token = "open sesame"});
  const Result<uint16_t> port = server.Start("127.0.0.1", 0);
  ASSERT_TRUE(port);
  const auto get = [&](const std::string& path, const std::string& headers) {
    Client client(port.value());
    client.Send("GET " + path + " HTTP/1.1\r\nHost: any.example\r\n" + headers + "\r\n");
    client.Finish();
    return client.ReadAll();
  };
  EXPECT_THAT(get("/healthz", ""), EndsWith("ok\n"));
  EXPECT_THAT(get("/metrics", "Authorization: Bearer open sesame\r\n"), EndsWith("secret\n"));
  EXPECT_THAT(get("/metrics?x", "Authorization: bearer open sesame\r\n"), EndsWith("secret\n"));
  for (const char* wrong :
       {"", "Authorization: Bearer \r\n", "Authorization: Bearer open\r\n", "Authorization: B\r\n",
        "Authorization: Bearer open sesame!\r\n", "Authorization: Basic open sesame\r\n"}) {
    const std::string refused = get("/metrics", wrong);
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 401 ")) << wrong;
    EXPECT_THAT(refused, HasSubstr("WWW-Authenticate: Bearer\r\n"));
    EXPECT_THAT(refused, Not(HasSubstr("secret")));
  }
  EXPECT_THAT(get("/absent", ""), StartsWith("HTTP/1.1 401 "));
}

TEST(AdminServerDeadline, ASlowHeadIsCutOffHoweverItTrickles) {
  AdminServer server({{"/healthz", [] { return Response{.body = "ok\n"}; }}},
                     {.request_deadline = std::chrono::milliseconds(200)});
  Result<uint16_t> port = server.Start("127.0.0.1", 0);
  ASSERT_TRUE(port);
  Client client(port.value());
  client.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ");
  // A byte every 20 ms would hold the connection for ever if each byte renewed the deadline.
  while (!client.IsReadableWithin(std::chrono::milliseconds(20)) && client.Send("x")) {
  }
  EXPECT_EQ(client.ReadAll(), "");
}

TEST(AdminServerDeadline, AnIdleConnectionIsClosed) {
  AdminServer server({{"/healthz", [] { return Response{.body = "ok\n"}; }}},
                     {.request_deadline = std::chrono::milliseconds(100)});
  Result<uint16_t> port = server.Start("127.0.0.1", 0);
  ASSERT_TRUE(port);
  Client client(port.value());
  EXPECT_EQ(client.ReadAll(), "");
}

}  // namespace
}  // namespace weir::admin
