// Stream: a connection that carries bytes: a Socket as it is, or TLS over one.
//
// One Receive is one system call, and so is one Send of a plain stream; readiness comes from
// EventLoop. TLS adds what a loop must ask after each call, since epoll cannot know it:
// has_pending(), wants_write().
//
// Threads: single-owner; may be handed from thread to thread between calls.
// Cost: a plain stream costs one branch more than its socket. A TLS stream takes 16 KiB each way
// while it is busy, which ReleaseIdle gives back.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weir/net/socket.h"

namespace weir::net {

class TlsChannel;

// Whom a verified client certificate names; empty when none was shown.
struct TlsIdentity {
  static constexpr size_t kNamesMax = 64;
  static constexpr size_t kNameBytesMax = 1024;  // Longer ones are left out.

  std::string subject;             // RFC 2253: "CN=app,O=Example"
  std::vector<std::string> names;  // Subject alternative names: "DNS:app.example", "URI:...", ...
};

class Stream {
 public:
  // What TLS takes of an idle connection: OpenSSL 3.0's own objects and the allocator's rounding,
  // measured over 9900 of them (bench/idle.py). And of one in its handshake, at most.
  static constexpr size_t kTlsBytes = size_t{15} << 10;
  static constexpr size_t kHandshakeBytes = size_t{56} << 10;

  Stream();
  explicit Stream(Socket socket);  // Plain.
  Stream(Socket socket, std::unique_ptr<TlsChannel> tls);
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  // Takes leave of a TLS peer (close_notify) if that can be done at once.
  ~Stream();

  enum class Step { kDone, kWantRead, kWantWrite, kNotTls, kFailed };
  // Goes on with the handshake of a TLS stream until it must wait. Cost: up to a signature of the
  // server's key, 0.1 ms (EC) to 5 ms (RSA 4096): not for a loop that serves.
  // kNotTls: the peer speaks something else; Refuse can tell it so.
  Step Handshake();
  // Sends `text` past TLS. Requires: Handshake returned kNotTls.
  void Refuse(std::string_view text);

  // For TLS, kDone with 0 bytes means that something came, but nothing for the caller yet.
  Transfer Receive(std::span<char> into) {
    if (tls_ == nullptr) [[likely]]
      return socket_.Receive(into);
    return ReceiveTls(into);
  }
  // After kWouldBlock, the next Send must begin with the same bytes, wherever they are by then.
  Transfer Send(std::span<const Piece> pieces) {
    if (tls_ == nullptr) [[likely]]
      return socket_.Send(pieces);
    return SendTls(pieces);
  }

  bool is_tls() const { return tls_ != nullptr; }
  // A Receive would return something now, whether or not the socket is readable.
  bool has_pending() const { return tls_ != nullptr && TlsHasPending(); }
  // The last Receive must be repeated when the socket is writable.
  bool wants_write() const { return tls_ != nullptr && TlsWantsWrite(); }
  // A record has begun to arrive and is not all there: the TLS form of half a command.
  bool mid_record() const { return tls_ != nullptr && TlsMidRecord(); }
  TlsIdentity identity() const;

  // Gives buffers back if nothing is in them.
  void ReleaseIdle();
  // Bytes that TLS takes; 0 for a plain stream.
  size_t held_bytes() const { return tls_ == nullptr ? 0 : TlsHeldBytes(); }

  Address LocalAddress() const { return socket_.LocalAddress(); }
  int fd() const { return socket_.fd(); }

 private:
  Transfer ReceiveTls(std::span<char> into);
  Transfer SendTls(std::span<const Piece> pieces);
  bool TlsHasPending() const;
  bool TlsWantsWrite() const;
  bool TlsMidRecord() const;
  size_t TlsHeldBytes() const;

  Socket socket_;
  std::unique_ptr<TlsChannel> tls_;
};

}  // namespace weir::net
