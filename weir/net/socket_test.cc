// Goal: a listener is exclusive, bytes arrive in order from many pieces, a closed peer is noticed.
// Real sockets on free loopback ports.
#include "weir/net/socket.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

namespace weir::net {
namespace {

struct Pair {
  Socket server;
  Socket client;
};

Pair ConnectedPair() {
  Socket listener = Socket::Listen(ParseAddress("127.0.0.1:0").value()).value();
  Socket client = Socket::Connect(listener.LocalAddress()).value();
  Socket::Accepted accepted;
  while (listener.Accept(&accepted) != Socket::AcceptState::kAccepted) {
  }
  EXPECT_TRUE(accepted.peer.is_loopback());
  return {std::move(accepted.socket), std::move(client)};
}

TEST(SocketTest, SecondListenerIsToldThatTheAddressIsInUse) {
  const Result<Socket> first = Socket::Listen(ParseAddress("127.0.0.1:0").value());
  ASSERT_TRUE(first.ok());
  const Result<Socket> second = Socket::Listen(first.value().LocalAddress());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("address in use"), std::string::npos);
}

// Waits until a connection that was begun has ended, well or not.
Result<Ok> WaitUntilConnected(const Socket& socket) {
  pollfd writable{.fd = socket.fd(), .events = POLLOUT, .revents = 0};
  while (poll(&writable, 1, -1) != 1) {
  }
  return socket.Connected();
}

TEST(SocketTest, AConnectionThatWasBegunEndsWellAndThenWaitsForNothing) {
  const Socket listener = Socket::Listen(ParseAddress("127.0.0.1:0").value()).value();
  Result<Socket> client = Socket::BeginConnect(listener.LocalAddress());
  ASSERT_TRUE(client.ok()) << client.error().message;
  const Result<Ok> connected = WaitUntilConnected(client.value());
  EXPECT_TRUE(connected.ok()) << connected.error().message;
  std::array<char, 1> buffer{};
  EXPECT_EQ(client.value().Receive(buffer).state, Transfer::State::kWouldBlock);
}

TEST(SocketTest, AConnectionThatIsRefusedSaysSo) {
  Address nobody;
  {
    const Socket listener = Socket::Listen(ParseAddress("127.0.0.1:0").value()).value();
    nobody = listener.LocalAddress();
  }
  const Result<Socket> client = Socket::BeginConnect(nobody);
  const Error error = client.ok() ? WaitUntilConnected(client.value()).error() : client.error();
  EXPECT_NE(error.message.find("Connection refused"), std::string::npos) << error.message;
}

TEST(SocketTest, AcceptWithNobodyWaitingReturnsAtOnce) {
  Socket listener = Socket::Listen(ParseAddress("127.0.0.1:0").value()).value();
  Socket::Accepted accepted;
  EXPECT_EQ(listener.Accept(&accepted), Socket::AcceptState::kNone);
}

TEST(SocketTest, ManyPiecesArriveInOrder) {
  Pair pair = ConnectedPair();
  std::vector<std::string> texts;
  std::vector<Piece> pieces;
  std::string expected;
  for (size_t i = 0; i < Socket::kPiecesMax + 1; ++i) texts.push_back(std::to_string(i) + ",");
  for (const std::string& text : texts) pieces.push_back({text.data(), text.size()});
  for (size_t i = 0; i < Socket::kPiecesMax; ++i) expected += texts[i];

  const Transfer sent = pair.server.Send(pieces);
  EXPECT_EQ(sent.bytes, expected.size()) << "one Send stops at kPiecesMax pieces";
  std::string received;
  std::array<char, 64> buffer{};
  while (received.size() < expected.size()) {
    const Transfer got = pair.client.Receive(buffer);
    ASSERT_EQ(got.state, Transfer::State::kDone);
    received.append(buffer.data(), got.bytes);
  }
  EXPECT_EQ(received, expected);
}

TEST(SocketTest, NothingToReadIsNotTheEnd) {
  Pair pair = ConnectedPair();
  std::array<char, 8> buffer{};
  EXPECT_EQ(pair.server.Receive(buffer).state, Transfer::State::kWouldBlock);
}

TEST(SocketTest, ClosedPeerIsNoticed) {
  Pair pair = ConnectedPair();
  pair.client = Socket();
  std::array<char, 8> buffer{};
  Transfer got;
  do {
    got = pair.server.Receive(buffer);
  } while (got.state == Transfer::State::kWouldBlock);
  EXPECT_EQ(got.state, Transfer::State::kEnded);
}

}  // namespace
}  // namespace weir::net
