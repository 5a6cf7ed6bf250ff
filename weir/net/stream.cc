#include "weir/net/stream.h"

#include <array>

#include "weir/net/tls_channel.h"

namespace weir::net {

Stream::Stream() = default;
Stream::Stream(Socket socket) : socket_(std::move(socket)) {}
Stream::Stream(Socket socket, std::unique_ptr<TlsChannel> tls)
    : socket_(std::move(socket)), tls_(std::move(tls)) {}
Stream::Stream(Stream&& other) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(tls_, other.tls_);
  return *this;
}

Stream::~Stream() {
  if (tls_ != nullptr) tls_->TakeLeave(socket_);
}

Stream::Step Stream::Handshake() {
  return tls_->Handshake(socket_);
}

void Stream::Refuse(std::string_view text) {
  const std::array<Piece, 1> pieces = {Piece{text.data(), text.size()}};
  socket_.Send(pieces);
}

Transfer Stream::ReceiveTls(std::span<char> into) {
  return tls_->Receive(socket_, into);
}

Transfer Stream::SendTls(std::span<const Piece> pieces) {
  return tls_->Send(socket_, pieces);
}

bool Stream::TlsHasPending() const {
  return tls_->has_pending();
}

bool Stream::TlsWantsWrite() const {
  return tls_->wants_write();
}

bool Stream::TlsMidRecord() const {
  return tls_->mid_record();
}

size_t Stream::TlsHeldBytes() const {
  return tls_->held_bytes();
}

TlsIdentity Stream::identity() const {
  return tls_ != nullptr ? tls_->identity() : TlsIdentity{};
}

void Stream::ReleaseIdle() {
  if (tls_ != nullptr) tls_->ReleaseIdle();
}

}  // namespace weir::net
