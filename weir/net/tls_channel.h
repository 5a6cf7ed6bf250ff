// TlsChannel: the TLS of one stream: records to bytes and back, over a socket that it is lent for
// each call.
//
// Received ciphertext is taken by one system call into a buffer of the thread and decrypted from
// there; what does not fit the caller's room is kept. So nothing is buffered twice, and OpenSSL
// never reads a socket until it is empty, which a hostile peer could keep from happening.
//
// When not to use: outside Stream. Threads: single-owner.
// Limits: kControlRecordsMax, kSendBytesMax bound the time that one call takes.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "weir/net/socket.h"
#include "weir/net/stream.h"

struct bio_st;
struct ssl_st;

namespace weir::net {

class TlsChannel {
 public:
  // Records without data (key updates, ...) that a peer may send in one Receive. Each costs some
  // 10 us and 27 bytes; a peer that sends more of them is cut off.
  static constexpr int kControlRecordsMax = 16;
  // Encrypted by one Send.
  static constexpr size_t kSendBytesMax = size_t{256} << 10;

  // Takes `ssl`, in the state to accept.
  explicit TlsChannel(ssl_st* ssl);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  Stream::Step Handshake(Socket& socket);
  Transfer Receive(Socket& socket, std::span<char> into);
  Transfer Send(Socket& socket, std::span<const Piece> pieces);
  // Sends close_notify, once, without waiting.
  void TakeLeave(Socket& socket);

  bool has_pending() const;
  bool wants_write() const { return wants_write_; }
  bool mid_record() const;
  TlsIdentity identity() const;
  void ReleaseIdle();
  // Bytes that it takes by now: kTlsBytes and its buffers.
  size_t held_bytes() const;

  // For OpenSSL's calls back, within a call from above.
  int ReadCiphertext(bio_st* bio, std::span<char> into);
  int WriteCiphertext(bio_st* bio, std::string_view bytes);
  bool at_end() const { return socket_ended_ && arrived_.empty(); }

 private:
  Transfer TakeFromSocket(Socket& socket, size_t room);
  void KeepRest();
  // Whether decrypting goes on after a call that returned no data. A key update that wants an
  // answer takes two such steps, so the steps are limited to twice the records.
  bool GoesOn(int* control_steps);

  ssl_st* ssl_;
  Socket* socket_ = nullptr;  // Within a call.
  std::string_view arrived_;  // Ciphertext not yet given to OpenSSL: in kept_, or within a call.
  std::string kept_;
  std::optional<Transfer::State> end_;  // What Receive returns once all data has been returned.
  bool end_told_ = false;
  bool socket_ended_ = false;
  bool greeted_ = false;  // Something has come.
  bool established_ = false;
  bool broken_ = false;  // OpenSSL must not be asked to send any more.
  bool wants_write_ = false;
  bool has_buffers_ = true;  // OpenSSL's, for a record each way.
};

}  // namespace weir::net
