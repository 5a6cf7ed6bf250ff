#include "weir/net/socket.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace weir::net {
namespace {

constexpr int kBacklog = 511;
// What the kernel takes of a connection beyond what the peer has room for. More would only lie
// there, megabytes for each client that does not read, and cost the time to copy it.
constexpr int kUnsentBytesMax = 128 << 10;

struct NativeAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

NativeAddress ToNative(const Address& address) {
  NativeAddress native;
  if (address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&native.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::memcpy(&v4->sin_addr, address.ip.data() + 12, 4);
    native.size = sizeof(sockaddr_in);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&native.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    std::memcpy(&v6->sin6_addr, address.ip.data(), 16);
    native.size = sizeof(sockaddr_in6);
  }
  return native;
}

Address FromNative(const sockaddr_storage& storage) {
  Address address;
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    address.ip[10] = address.ip[11] = 0xff;
    std::memcpy(address.ip.data() + 12, &v4->sin_addr, 4);
    address.port = ntohs(v4->sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    std::memcpy(address.ip.data(), &v6->sin6_addr, 16);
    address.port = ntohs(v6->sin6_port);
  }
  return address;
}

Error SystemError(const std::string& what) {
  return {ErrorCode::kUnavailable, what + ": " + std::strerror(errno)};
}

void SetOption(int fd, int level, int option, int value = 1) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

bool WouldBlock() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

Result<Socket> Socket::Listen(const Address& address) {
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  Socket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError("cannot open a socket");
  // Lets a restart take the port while old connections linger; it does not let two servers share.
  SetOption(socket.fd_, SOL_SOCKET, SO_REUSEADDR);
  if (family == AF_INET6) SetOption(socket.fd_, IPPROTO_IPV6, IPV6_V6ONLY);
  // Those that are accepted inherit it.
  SetOption(socket.fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytesMax);
  NativeAddress native = ToNative(address);
  if (bind(socket.fd_, native.get(), native.size) != 0 || listen(socket.fd_, kBacklog) != 0) {
    if (errno == EADDRINUSE) {
      return Error{ErrorCode::kUnavailable,
                   "cannot listen on " + address.ToString() +
                       ": address in use; another server has this port, stop it or choose another"};
    }
    return SystemError("cannot listen on " + address.ToString());
  }
  return socket;
}

Result<Socket> Socket::Connect(const Address& address) {
  Socket socket(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError("cannot open a socket");
  NativeAddress native = ToNative(address);
  if (connect(socket.fd_, native.get(), native.size) != 0) {
    return SystemError("cannot connect to " + address.ToString());
  }
  SetOption(socket.fd_, IPPROTO_TCP, TCP_NODELAY);
  return socket;
}

Result<Socket> Socket::BeginConnect(const Address& address) {
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  Socket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError("cannot open a socket");
  NativeAddress native = ToNative(address);
  if (connect(socket.fd_, native.get(), native.size) != 0 && errno != EINPROGRESS) {
    return SystemError("cannot connect");
  }
  SetOption(socket.fd_, IPPROTO_TCP, TCP_NODELAY);
  return socket;
}

Result<Ok> Socket::Connected() const {
  int problem = 0;
  socklen_t size = sizeof(problem);
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &problem, &size) != 0) problem = errno;
  if (problem == 0) return Ok{};
  errno = problem;
  return SystemError("cannot connect");
}

void Socket::StopBlocking() {
  [[maybe_unused]] const int done = fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  assert(done == 0);
}

Socket::AcceptState Socket::Accept(Accepted* accepted) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  const int fd =
      accept4(fd_, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    const bool exhausted =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return exhausted ? AcceptState::kOutOfDescriptors : AcceptState::kNone;
  }
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY);
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE);
  accepted->socket = Socket(fd);
  accepted->peer = FromNative(storage);
  return AcceptState::kAccepted;
}

Transfer Socket::Receive(std::span<char> into) {
  const ssize_t got = recv(fd_, into.data(), into.size(), 0);
  if (got > 0) return {Transfer::State::kDone, static_cast<size_t>(got)};
  if (got == 0) return {Transfer::State::kEnded, 0};
  return {WouldBlock() ? Transfer::State::kWouldBlock : Transfer::State::kClosed, 0};
}

Transfer Socket::Send(std::span<const Piece> pieces) {
  if (pieces.size() == 1) {
    const ssize_t sent = send(fd_, pieces[0].data, pieces[0].size, MSG_NOSIGNAL);
    if (sent >= 0) return {Transfer::State::kDone, static_cast<size_t>(sent)};
    return {WouldBlock() ? Transfer::State::kWouldBlock : Transfer::State::kClosed, 0};
  }
  std::array<iovec, kPiecesMax> vector;
  const size_t count = std::min(pieces.size(), kPiecesMax);
  for (size_t i = 0; i < count; ++i) {
    vector[i] = {const_cast<char*>(pieces[i].data), pieces[i].size};
  }
  msghdr message{};
  message.msg_iov = vector.data();
  message.msg_iovlen = count;
  const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
  if (sent >= 0) return {Transfer::State::kDone, static_cast<size_t>(sent)};
  return {WouldBlock() ? Transfer::State::kWouldBlock : Transfer::State::kClosed, 0};
}

Address Socket::LocalAddress() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
  return FromNative(storage);
}

}  // namespace weir::net
