// Goal: other nodes are asked at once, and whatever one of them does, who asks goes on in time.
// Method: listeners on free loopback ports, each answering on a thread of its own. Where time must
// pass it is that of a clock which the answerer moves.
#include "cmd/weir/node_question.h"

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "weir/net/socket.h"

namespace weir::cmd {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// No test waits so long.
constexpr milliseconds kLong{60'000};

net::Socket ListenOnFreePort() {
  return net::Socket::Listen(net::ParseAddress("127.0.0.1:0").value()).value();
}

nodes::Node NodeAt(const net::Socket& listener) {
  return {.id = "n2", .ip = "127.0.0.1", .port = listener.LocalAddress().port};
}

void WaitUntilReadable(const net::Socket& socket) {
  pollfd readable{.fd = socket.fd(), .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, -1) != 1) {
  }
}

bool SendAll(net::Socket& socket, std::string_view text) {
  const net::Piece piece{text.data(), text.size()};
  return socket.Send({&piece, 1}).bytes == text.size();
}

// A node that takes one connection, reads the question, and does what it is told.
class Answerer {
 public:
  explicit Answerer(std::function<void(net::Socket&)> answer)
      : listener_(ListenOnFreePort()), thread_([this, answer = std::move(answer)] {
          net::Socket::Accepted accepted;
          WaitUntilReadable(listener_);
          if (listener_.Accept(&accepted) != net::Socket::AcceptState::kAccepted) return;
          std::array<char, 256> question;
          WaitUntilReadable(accepted.socket);
          const net::Transfer got = accepted.socket.Receive(question);
          asked_.assign(question.data(), got.bytes);
          answer(accepted.socket);
        }) {}
  explicit Answerer(std::string text)
      : Answerer([text](net::Socket& socket) { SendAll(socket, text); }) {}
  ~Answerer() {
    if (thread_.joinable()) thread_.join();
  }

  nodes::Node node() const { return NodeAt(listener_); }
  // Waits until it has answered.
  const std::string& asked() {
    thread_.join();
    return asked_;
  }

 private:
  net::Socket listener_;
  std::string asked_;
  std::thread thread_;
};

std::string ErrorOf(const Result<resp::Value>& answer) {
  return answer.ok() ? "(answered)" : answer.error().message;
}

TEST(NodeQuestion, EachAnswersForItself) {
  SystemClock clock;
  nodes::Node nobody;
  {
    const net::Socket listener = ListenOnFreePort();
    nobody = NodeAt(listener);
  }
  Answerer node("*3\r\n$2\r\nn2\r\n$1\r\np\r\n$1\r\nd\r\n");
  Answerer alone("*-1\r\n");
  Answerer busy("-OVERLOADED later\r\n");
  const auto answers =
      AskNodes(std::array{nobody, node.node(), alone.node(), busy.node()}, kLong, clock);
  ASSERT_EQ(answers.size(), 4);
  EXPECT_THAT(ErrorOf(answers[0]), HasSubstr("Connection refused"));
  ASSERT_TRUE(answers[1].ok()) << ErrorOf(answers[1]);
  ASSERT_EQ(answers[1].value().items.size(), 3);
  EXPECT_EQ(answers[1].value().items[0].text, "n2");
  ASSERT_TRUE(answers[2].ok()) << ErrorOf(answers[2]);
  EXPECT_EQ(answers[2].value().kind, resp::Value::Kind::kNull);
  ASSERT_TRUE(answers[3].ok()) << ErrorOf(answers[3]);
  EXPECT_EQ(answers[3].value().text, "OVERLOADED later");
  EXPECT_EQ(node.asked(), "*2\r\n$9\r\nWEIR.RING\r\n$6\r\nDIGEST\r\n");
}

TEST(NodeQuestion, WhoSaysNothingIsWaitedForNoLonger) {
  SystemClock clock;
  const net::Socket listener = ListenOnFreePort();
  const auto answers = AskNodes(std::array{NodeAt(listener)}, milliseconds(1), clock);
  EXPECT_EQ(ErrorOf(answers[0]), "it does not answer in 1 ms");
}

// One time for the whole answer, and not one for each byte.
TEST(NodeQuestion, WhoDripsBytesIsWaitedForNoLonger) {
  ManualClock clock;
  Answerer slow([&clock](net::Socket& socket) {
    SendAll(socket, "*3\r\n$1000\r\n");
    for (int i = 0; i < 100; ++i) {
      SendAll(socket, "a");
      clock.Advance(milliseconds(10'000));
    }
    WaitUntilReadable(socket);  // Until who asked has gone.
  });
  const auto answers = AskNodes(std::array{slow.node()}, kLong, clock);
  EXPECT_EQ(ErrorOf(answers[0]), "it does not answer in 60000 ms");
}

TEST(NodeQuestion, AnAnswerIsSmallOrNone) {
  SystemClock clock;
  for (const char* text :
       {"$1025\r\n", "*6\r\n", "*1\r\n*1\r\n:1\r\n", "HTTP/1.1 400 Bad Request\r\n"}) {
    Answerer node(text);
    const auto answers = AskNodes(std::array{node.node()}, kLong, clock);
    EXPECT_THAT(ErrorOf(answers[0]), HasSubstr("no reply to the question")) << text;
  }
}

TEST(NodeQuestion, WhoClosesTheConnectionIsWaitedForNoLonger) {
  SystemClock clock;
  Answerer node("");
  const auto answers = AskNodes(std::array{node.node()}, kLong, clock);
  EXPECT_EQ(ErrorOf(answers[0]), "it closes the connection");
}

}  // namespace
}  // namespace weir::cmd
