// Socket: a non-blocking TCP socket that closes itself.
//
// One Receive or Send is one system call. Readiness comes from EventLoop. When not to use: for
// protocols that are not hot; those use Asio.
// Threads: single-owner.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "weir/base/result.h"
#include "weir/net/address.h"

namespace weir::net {

// A piece of memory to send.
struct Piece {
  const char* data = nullptr;
  size_t size = 0;
};

// What a Receive or Send did: moved `bytes`, found nothing to do, found that the peer sends no more
// (it may still read), or found the connection broken.
struct Transfer {
  enum class State { kDone, kWouldBlock, kEnded, kClosed };
  State state = State::kDone;
  size_t bytes = 0;
};

class Socket {
 public:
  // Most pieces that one Send passes on; the rest waits for the next.
  static constexpr size_t kPiecesMax = 64;

  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // Listens on `address` alone: a second listener on it is refused. Port 0 takes a free one.
  // Errors: kUnavailable with what to do.
  static Result<Socket> Listen(const Address& address);

  // Connects and waits until it is done, as Receive and Send then do, until StopBlocking; for tests
  // and tools. Errors: kUnavailable.
  static Result<Socket> Connect(const Address& address);
  void StopBlocking();

  // Begins to connect, and waits for nothing. It has ended, well or not, when the socket is
  // writable, and Connected then says how. Errors: kUnavailable.
  static Result<Socket> BeginConnect(const Address& address);
  // Errors: kUnavailable with the system's reason. Requires: BeginConnect, and it has ended.
  Result<Ok> Connected() const;

  struct Accepted;
  enum class AcceptState { kAccepted, kNone, kOutOfDescriptors };
  // Takes one waiting connection, without delay for small packets.
  AcceptState Accept(Accepted* accepted);

  Transfer Receive(std::span<char> into);
  Transfer Send(std::span<const Piece> pieces);

  Address LocalAddress() const;
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct Socket::Accepted {
  Socket socket;
  Address peer;
};

}  // namespace weir::net
