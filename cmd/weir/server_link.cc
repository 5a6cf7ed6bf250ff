#include "cmd/weir/server_link.h"

#include <array>
#include <string_view>
#include <utility>

namespace weir::cmd {
namespace {

const Error kGone{ErrorCode::kUnavailable,
                  "the server closed the connection; see its log, then try again"};

}  // namespace

Result<ServerLink> ServerLink::Connect(const net::Address& address) {
  Result<net::Socket> socket = net::Socket::Connect(address);
  if (!socket.ok()) {
    return Error{ErrorCode::kUnavailable,
                 socket.error().message + "; start weir there, or name its address by --server"};
  }
  return ServerLink(std::move(socket).value());
}

Result<resp::Value> ServerLink::Call(const std::vector<std::string>& words) {
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    request += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  for (std::string_view rest = request; !rest.empty();) {
    const net::Piece piece{rest.data(), rest.size()};
    const net::Transfer sent = socket_.Send({&piece, 1});
    if (sent.state == net::Transfer::State::kClosed) return kGone;
    rest.remove_prefix(sent.bytes);
  }
  // One reply at a time, so nothing is left over of what is received.
  for (;;) {
    std::array<char, size_t{16} << 10> received;
    const net::Transfer got = socket_.Receive(received);
    if (got.state == net::Transfer::State::kWouldBlock) continue;  // A signal came.
    if (got.state != net::Transfer::State::kDone) return kGone;
    std::string_view bytes(received.data(), got.bytes);
    resp::Value value;
    const resp::ReadResult result = reader_.Next(&bytes, &value);
    if (result == resp::ReadResult::kValue) return value;
    if (result == resp::ReadResult::kError) {
      return Error{ErrorCode::kUnavailable,
                   "this does not speak Redis: " + std::string(reader_.error()) +
                       "; give the address that weir listens on"};
    }
  }
}

}  // namespace weir::cmd
