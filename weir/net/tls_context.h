// TlsContext: what a TLS listener shows its clients and asks of them, read from PEM files that may
// be replaced while it serves.
//
// TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers only; no renegotiation, no
// compression, no early data. Sessions are resumed by tickets, whose key lives as long as what was
// read from the files, and kTicketKeyLifetime at most.
//
//   Result<std::unique_ptr<TlsContext>> made = TlsContext::Create(files);
//   Stream stream = made.value()->Accept(std::move(socket));   // then Stream::Handshake
//   made.value()->ReloadIfChanged();                           // now and then
//
// Threads: thread-safe. Cost: Create and Reload read files and check keys: milliseconds, so not on
// an event loop that serves.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/net/stream.h"

// OpenSSL stays behind this folder's headers.
struct ssl_ctx_st;

namespace weir::net {

// kOptional: a client without a certificate is let in, one with a certificate that does not verify
// is not.
enum class TlsClientAuth { kNone, kOptional, kRequired };

struct TlsFiles {
  std::string certificate;  // PEM: the server's certificate, then those between it and the root.
  std::string key;          // PEM, without a passphrase.
  std::string client_ca;    // PEM: who signs clients' certificates. Needed unless kNone.
  TlsClientAuth client_auth = TlsClientAuth::kNone;
};

// Something wrong with one of the files, and what to do about it.
struct TlsFinding {
  enum class File { kCertificate, kKey, kClientCa };
  File file = File::kCertificate;
  bool fatal = true;  // Else a warning: TLS can be served.
  std::string what;
};

// Reads the files as a server would. Returns everything that is wrong with them at this moment.
std::vector<TlsFinding> CheckTlsFiles(const TlsFiles& files);

class TlsContext {
 public:
  static constexpr auto kTicketKeyLifetime = std::chrono::hours(12);
  // Of what a client shows; more ends its handshake.
  static constexpr int kChainDepthMax = 8;
  static constexpr int kChainBytesMax = 32 * 1024;

  // Errors: kInvalid with the first fatal finding.
  static Result<std::unique_ptr<TlsContext>> Create(TlsFiles files);

  // Reads the files again. Streams from here on use what is new; the others go on with what they
  // began with. Errors: as Create; nothing has changed then.
  Result<Ok> Reload();

  enum class Reloaded { kUnchanged, kDone, kRefused };
  // Reloads when a file is not the one that was read last (by its times, size and inode), or the
  // ticket key is old. A change that was refused is not tried again before the next change.
  // `refusal` gets the reason. Cost: three stat calls when nothing has changed.
  Reloaded ReloadIfChanged(std::string* refusal);

  // Wraps a fresh connection. Nothing has been sent yet.
  Stream Accept(Socket socket);

  // When the certificate shown now ends, in seconds of Unix time.
  int64_t certificate_ends() const { return certificate_ends_.load(std::memory_order_relaxed); }

 private:
  // What tells a file from its successor.
  struct Stamp {
    int64_t changed_ns = 0;
    int64_t bytes = 0;
    uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::vector<Stamp>;

  explicit TlsContext(TlsFiles files) : files_(std::move(files)) {}
  Stamps ReadStamps() const;
  Result<Ok> ReloadLocked();

  const TlsFiles files_;
  std::atomic<int64_t> certificate_ends_{0};
  std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;            // Guarded by mutex_; what it points to is not.
  Stamps stamps_;                                  // Guarded by mutex_.
  std::chrono::steady_clock::time_point read_at_;  // Guarded by mutex_.
};

}  // namespace weir::net
