#include "weir/net/tls_channel.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace weir::net {
namespace {

constexpr char kHandshakeRecord = 0x16;  // The first byte of every TLS connection.
// A record with the most padding that TLS 1.2 allows: what one receive must be able to complete.
constexpr size_t kRecordBytesMax = SSL3_RT_MAX_PACKET_SIZE;
constexpr size_t kRecordDataMax = SSL3_RT_MAX_PLAIN_LENGTH;
// Filled by one receive: about as much as the largest room a connection offers.
constexpr size_t kScratchBytes = size_t{64} << 10;

// Ciphertext on its way through, so that a connection holds none. The thread's own.
std::array<char, kScratchBytes>& Scratch() {
  static thread_local std::array<char, kScratchBytes> scratch;
  return scratch;
}

TlsChannel& ChannelOf(BIO* bio) {
  return *static_cast<TlsChannel*>(BIO_get_data(bio));
}

long ControlBio(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  if (command == BIO_CTRL_FLUSH) return 1;  // Nothing is held back.
  if (command == BIO_CTRL_EOF) return ChannelOf(bio).at_end() ? 1 : 0;
  return 0;
}

// OpenSSL's view of a TlsChannel's socket. Not BIO_s_socket: that reads a header and a body by two
// system calls, and its writes raise SIGPIPE.
const BIO_METHOD* ChannelBio() {
  static const BIO_METHOD* const instance = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
    assert(method != nullptr);
    BIO_meth_set_create(method, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    BIO_meth_set_read(method, [](BIO* bio, char* data, int size) {
      return ChannelOf(bio).ReadCiphertext(bio, {data, static_cast<size_t>(size)});
    });
    BIO_meth_set_write(method, [](BIO* bio, const char* data, int size) {
      return ChannelOf(bio).WriteCiphertext(bio, {data, static_cast<size_t>(size)});
    });
    BIO_meth_set_ctrl(method, ControlBio);
    return method;
  }();
  return instance;
}

std::string TextOf(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

// "DNS:app.example"; empty for the kinds that nothing is matched by.
std::string NameOf(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS:
      return "DNS:" + TextOf(name.d.dNSName);
    case GEN_EMAIL:
      return "email:" + TextOf(name.d.rfc822Name);
    case GEN_URI:
      return "URI:" + TextOf(name.d.uniformResourceIdentifier);
    default:
      return "";
  }
}

std::string SubjectOf(const X509* certificate) {
  BIO* const text = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text, &data);
  std::string subject = size > 0 ? std::string(data, static_cast<size_t>(size)) : "";
  BIO_free(text);
  return subject.size() <= TlsIdentity::kNameBytesMax ? subject : "";
}

}  // namespace

TlsChannel::TlsChannel(ssl_st* ssl) : ssl_(ssl) {
  BIO* const bio = BIO_new(ChannelBio());
  assert(bio != nullptr);
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
}

TlsChannel::~TlsChannel() {
  SSL_free(ssl_);
}

int TlsChannel::ReadCiphertext(BIO* bio, std::span<char> into) {
  BIO_clear_retry_flags(bio);
  const size_t size = std::min(into.size(), arrived_.size());
  if (size > 0) {
    std::copy_n(arrived_.data(), size, into.data());
    arrived_.remove_prefix(size);
    return static_cast<int>(size);
  }
  if (socket_ended_) return 0;
  BIO_set_retry_read(bio);
  return -1;
}

int TlsChannel::WriteCiphertext(BIO* bio, std::string_view bytes) {
  BIO_clear_retry_flags(bio);
  assert(socket_ != nullptr);
  const std::array<Piece, 1> pieces = {Piece{bytes.data(), bytes.size()}};
  const Transfer sent = socket_->Send(pieces);
  if (sent.state == Transfer::State::kDone) return static_cast<int>(sent.bytes);
  if (sent.state == Transfer::State::kWouldBlock) BIO_set_retry_write(bio);
  return -1;
}

// One system call, unless ciphertext is left from the last one.
Transfer TlsChannel::TakeFromSocket(Socket& socket, size_t room) {
  socket_ = &socket;
  if (!arrived_.empty()) return {Transfer::State::kDone, arrived_.size()};
  std::array<char, kScratchBytes>& scratch = Scratch();
  const size_t size = std::clamp(room, kRecordBytesMax, scratch.size());
  const Transfer got = socket.Receive({scratch.data(), size});
  if (got.state == Transfer::State::kDone) arrived_ = {scratch.data(), got.bytes};
  if (got.state == Transfer::State::kEnded) socket_ended_ = true;
  return got;
}

// The scratch is another connection's after this call.
void TlsChannel::KeepRest() {
  socket_ = nullptr;
  if (arrived_.empty()) {
    kept_.clear();
    return;
  }
  if (kept_.empty()) {
    kept_.assign(arrived_);
  } else {
    kept_.erase(0, kept_.size() - arrived_.size());
  }
  arrived_ = kept_;
}

Stream::Step TlsChannel::Handshake(Socket& socket) {
  const Transfer got = TakeFromSocket(socket, kRecordBytesMax);
  const bool first = !std::exchange(greeted_, greeted_ || !arrived_.empty());
  Stream::Step step = Stream::Step::kFailed;
  if (got.state == Transfer::State::kClosed) {
    broken_ = true;
  } else if (first && !arrived_.empty() && arrived_.front() != kHandshakeRecord) {
    step = Stream::Step::kNotTls;
  } else {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_NONE) step = Stream::Step::kDone;
    if (error == SSL_ERROR_WANT_READ) step = Stream::Step::kWantRead;
    if (error == SSL_ERROR_WANT_WRITE) step = Stream::Step::kWantWrite;
    established_ = step == Stream::Step::kDone;
    broken_ = step == Stream::Step::kFailed;
  }
  KeepRest();
  // Here, where they were allocated: an idle connection would never use them again.
  if (established_) ReleaseIdle();
  return step;
}

Transfer TlsChannel::Receive(Socket& socket, std::span<char> into) {
  has_buffers_ = true;
  const Transfer arrived = TakeFromSocket(socket, into.size());
  if (arrived.state == Transfer::State::kClosed) end_ = Transfer::State::kClosed;
  wants_write_ = false;
  size_t got = 0;
  int control_steps = 0;
  while (!end_ && got < into.size()) {
    size_t size = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_, into.data() + got, into.size() - got, &size) == 1) {
      got += size;
      if (SSL_pending(ssl_) == 0 && arrived_.empty()) break;
    } else if (!GoesOn(&control_steps)) {
      break;
    }
  }
  if (end_) arrived_ = {};
  KeepRest();
  if (got > 0) return {Transfer::State::kDone, got};
  if (end_) {
    end_told_ = true;
    return {*end_, 0};
  }
  if (arrived.state == Transfer::State::kDone) return {Transfer::State::kDone, 0};
  return {Transfer::State::kWouldBlock, 0};
}

bool TlsChannel::GoesOn(int* control_steps) {
  switch (SSL_get_error(ssl_, 0)) {
    case SSL_ERROR_WANT_READ:
      if (arrived_.empty()) return false;
      if (++*control_steps <= 2 * kControlRecordsMax) return true;
      break;
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      return false;
    case SSL_ERROR_ZERO_RETURN:
      end_ = Transfer::State::kEnded;
      return false;
    default:
      break;
  }
  broken_ = true;
  end_ = Transfer::State::kClosed;
  return false;
}

Transfer TlsChannel::Send(Socket& socket, std::span<const Piece> pieces) {
  if (broken_) return {Transfer::State::kClosed, 0};
  has_buffers_ = true;
  socket_ = &socket;
  size_t sent = 0;
  int error = SSL_ERROR_NONE;
  for (Piece piece : pieces) {
    while (piece.size > 0 && sent < kSendBytesMax && error == SSL_ERROR_NONE) {
      size_t size = 0;
      ERR_clear_error();
      if (SSL_write_ex(ssl_, piece.data, std::min(piece.size, kRecordDataMax), &size) == 1) {
        sent += size;
        piece = {piece.data + size, piece.size - size};
      } else {
        error = SSL_get_error(ssl_, 0);
      }
    }
    if (piece.size > 0) break;
  }
  socket_ = nullptr;
  // Without renegotiation no write waits for a read.
  broken_ = error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_WRITE;
  if (sent > 0) return {Transfer::State::kDone, sent};
  return {broken_ ? Transfer::State::kClosed : Transfer::State::kWouldBlock, 0};
}

void TlsChannel::TakeLeave(Socket& socket) {
  if (!established_ || broken_) return;
  socket_ = &socket;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  socket_ = nullptr;
}

bool TlsChannel::has_pending() const {
  if (wants_write_) return false;
  return !arrived_.empty() || (end_ && !end_told_) || SSL_pending(ssl_) > 0;
}

// A header alone is no longer pending for OpenSSL, but it waits for the body: "RB".
bool TlsChannel::mid_record() const {
  if (!established_ || SSL_pending(ssl_) > 0) return false;
  return SSL_has_pending(ssl_) == 1 || std::string_view(SSL_rstate_string(ssl_)) == "RB";
}

TlsIdentity TlsChannel::identity() const {
  TlsIdentity identity;
  const X509* const certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) return identity;
  identity.subject = SubjectOf(certificate);
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    if (identity.names.size() == TlsIdentity::kNamesMax) break;
    std::string name = NameOf(*sk_GENERAL_NAME_value(names, i));
    const bool kept = !name.empty() && name.size() <= TlsIdentity::kNameBytesMax;
    if (kept) identity.names.push_back(std::move(name));
  }
  GENERAL_NAMES_free(names);
  return identity;
}

void TlsChannel::ReleaseIdle() {
  // Refuses while something is in them.
  if (!mid_record() && SSL_free_buffers(ssl_) == 1) has_buffers_ = false;
  if (kept_.empty()) std::string().swap(kept_);
}

size_t TlsChannel::held_bytes() const {
  return Stream::kTlsBytes + kept_.capacity() + (has_buffers_ ? 2 * kRecordBytesMax : 0);
}

}  // namespace weir::net
