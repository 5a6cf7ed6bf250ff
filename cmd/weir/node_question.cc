#include "cmd/weir/node_question.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>

#include "weir/net/address.h"
#include "weir/net/socket.h"

namespace weir::cmd {
namespace {

constexpr std::string_view kQuestion = "*2\r\n$9\r\nWEIR.RING\r\n$6\r\nDIGEST\r\n";

// One connection, from its beginning to its answer.
struct Question {
  net::Socket socket;
  bool sent = false;
  resp::Reader reader{kAnswerMax};
  std::optional<Result<resp::Value>> answer;  // Set: nothing is waited for any more.

  void GiveUp(std::string why) { answer.emplace(Error{ErrorCode::kUnavailable, std::move(why)}); }
};

Question Begin(const nodes::Node& node) {
  Question question;
  const bool v6 = node.ip.find(':') != std::string::npos;
  const Result<net::Address> address =
      net::ParseAddress((v6 ? "[" + node.ip + "]" : node.ip) + ":" + std::to_string(node.port));
  if (!address.ok()) {
    question.GiveUp(address.error().message);
    return question;
  }
  Result<net::Socket> socket = net::Socket::BeginConnect(address.value());
  if (socket.ok()) {
    question.socket = std::move(socket).value();
  } else {
    question.GiveUp(socket.error().message);
  }
  return question;
}

// It is connected, or cannot be.
void Send(Question& question) {
  const Result<Ok> connected = question.socket.Connected();
  if (!connected.ok()) return question.GiveUp(connected.error().message);
  const net::Piece piece{kQuestion.data(), kQuestion.size()};
  // So little fits into what a new connection sends unread.
  if (question.socket.Send({&piece, 1}).bytes != kQuestion.size()) {
    return question.GiveUp("it closes the connection");
  }
  question.sent = true;
}

void Receive(Question& question) {
  std::array<char, 1024> received;
  const net::Transfer got = question.socket.Receive(received);
  if (got.state == net::Transfer::State::kWouldBlock) return;
  if (got.state != net::Transfer::State::kDone) {
    return question.GiveUp("it closes the connection");
  }
  std::string_view bytes(received.data(), got.bytes);
  resp::Value value;
  switch (question.reader.Next(&bytes, &value)) {
    case resp::ReadResult::kValue:
      question.answer.emplace(std::move(value));
      return;
    case resp::ReadResult::kNeedMore:
      return;
    case resp::ReadResult::kError:
      return question.GiveUp("what it answers is no reply to the question: " +
                             std::string(question.reader.error()));
  }
}

}  // namespace

std::vector<Result<resp::Value>> AskNodes(std::span<const nodes::Node> nodes,
                                          std::chrono::milliseconds patience, Clock& clock) {
  const MonoTime until = clock.Mono() + patience;
  std::vector<Question> questions;
  questions.reserve(nodes.size());
  for (const nodes::Node& node : nodes) questions.push_back(Begin(node));
  for (;;) {
    std::vector<pollfd> waits;
    std::vector<Question*> whose;
    for (Question& question : questions) {
      if (question.answer.has_value()) continue;
      const auto events = static_cast<short>(question.sent ? POLLIN : POLLOUT);
      waits.push_back({.fd = question.socket.fd(), .events = events, .revents = 0});
      whose.push_back(&question);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock.Mono());
    if (waits.empty() || left.count() <= 0) break;
    if (poll(waits.data(), waits.size(), static_cast<int>(left.count())) <= 0) continue;
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents != 0) whose[i]->sent ? Receive(*whose[i]) : Send(*whose[i]);
    }
  }
  std::vector<Result<resp::Value>> answers;
  for (Question& question : questions) {
    if (!question.answer.has_value()) {
      question.GiveUp("it does not answer in " + std::to_string(patience.count()) + " ms");
    }
    answers.push_back(std::move(*question.answer));
  }
  return answers;
}

}  // namespace weir::cmd
