#include "weir/net/tls_context.h"

#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "weir/net/tls_channel.h"

namespace weir::net {
namespace {

// TLS 1.3 has good ones only. AES first where the client has no preference of its own.
constexpr const char* kCiphersOfTls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
// Names whose sessions are resumed here; OpenSSL wants one where clients show certificates.
constexpr unsigned char kSessionIdContext[] = "weir";

std::string Quoted(const std::string& path) {
  return "'" + path + "'";
}

// The reason of the error that began OpenSSL's last failure.
std::string Reason() {
  const char* const text = ERR_reason_error_string(ERR_peek_error());
  return text != nullptr ? text : "it is not PEM";
}

int NoPassphrase(char* /*into*/, int /*size*/, int /*writing*/, void* /*unused*/) {
  return -1;  // OpenSSL would ask at the terminal.
}

std::string DayOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable date";
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &parts)};
}

// Fills an SSL_CTX from the files and collects what is wrong with them.
class FilesReader {
 public:
  FilesReader(const TlsFiles& files, SSL_CTX* context) : files_(files), context_(context) {}

  std::vector<TlsFinding> Read() {
    const bool certificate = ReadCertificate();
    const bool key = ReadKey();
    if (certificate && key && SSL_CTX_check_private_key(context_) != 1) {
      Add(TlsFinding::File::kKey, Quoted(files_.key) + " is not the key of the certificate in " +
                                      Quoted(files_.certificate) + "; give the two of one pair");
    }
    if (files_.client_auth != TlsClientAuth::kNone) ReadClientCa();
    return std::move(findings_);
  }

 private:
  void Add(TlsFinding::File file, std::string what, bool fatal = true) {
    findings_.push_back({file, fatal, std::move(what)});
  }

  bool IsReadable(TlsFinding::File kind, const std::string& path) {
    ERR_clear_error();
    struct stat status {};
    FILE* const file = std::fopen(path.c_str(), "re");
    if (file != nullptr) {
      fstat(fileno(file), &status);
      std::fclose(file);
      if (!S_ISDIR(status.st_mode)) return true;
      errno = EISDIR;
    }
    const std::string advice =
        errno == EACCES ? "let the user that runs weir read it" : "give the path of a PEM file";
    Add(kind, Quoted(path) + " cannot be read: " + std::strerror(errno) + "; " + advice);
    return false;
  }

  bool ReadCertificate() {
    constexpr auto kFile = TlsFinding::File::kCertificate;
    if (!IsReadable(kFile, files_.certificate)) return false;
    if (SSL_CTX_use_certificate_chain_file(context_, files_.certificate.c_str()) != 1) {
      Add(kFile, Quoted(files_.certificate) + " holds no certificate that can be used: " +
                     Reason() + "; give a PEM file with the certificate, then its issuers");
      return false;
    }
    const X509* const certificate = SSL_CTX_get0_certificate(context_);
    const ASN1_TIME* const begins = X509_get0_notBefore(certificate);
    const ASN1_TIME* const ends = X509_get0_notAfter(certificate);
    if (X509_cmp_current_time(ends) < 0) {
      Add(kFile,
          Quoted(files_.certificate) + " has expired (" + DayOf(ends) +
              "), so clients will refuse it; renew it",
          false);
    }
    if (X509_cmp_current_time(begins) > 0) {
      Add(kFile,
          Quoted(files_.certificate) + " is not valid before " + DayOf(begins) +
              ", so clients will refuse it until then",
          false);
    }
    return true;
  }

  bool ReadKey() {
    constexpr auto kFile = TlsFinding::File::kKey;
    if (!IsReadable(kFile, files_.key)) return false;
    if (SSL_CTX_use_PrivateKey_file(context_, files_.key.c_str(), SSL_FILETYPE_PEM) != 1) {
      // Where certificate and key are of one kind, OpenSSL compares them here already.
      const unsigned long error = ERR_peek_error();
      const bool mismatch =
          ERR_GET_LIB(error) == ERR_LIB_X509 && ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH;
      if (mismatch) return true;
      Add(kFile, Quoted(files_.key) + " holds no private key that can be used: " + Reason() +
                     "; give a PEM file without a passphrase");
      return false;
    }
    struct stat status {};
    const bool open = stat(files_.key.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0;
    if (open) {
      Add(kFile,
          "every user of this machine can read " + Quoted(files_.key) +
              "; run chmod o= " + files_.key,
          false);
    }
    return true;
  }

  void ReadClientCa() {
    constexpr auto kFile = TlsFinding::File::kClientCa;
    const std::string& path = files_.client_ca;
    if (!IsReadable(kFile, path)) return;
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(path.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context_, path.c_str()) != 1) {
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      Add(kFile, Quoted(path) + " holds no certificate that can be used: " + Reason() +
                     "; give a PEM file with the certificates of those who sign clients");
      return;
    }
    SSL_CTX_set_client_CA_list(context_, names);  // Takes the names: clients choose by them.
  }

  const TlsFiles& files_;
  SSL_CTX* context_;
  std::vector<TlsFinding> findings_;
};

std::shared_ptr<SSL_CTX> NewContext(TlsClientAuth client_auth) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  assert(context != nullptr);
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(raw, kCiphersOfTls12);
  // A peer that closes without close_notify is common; commands are framed, so none is cut short
  // without being noticed.
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_PRIORITIZE_CHACHA |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // So that TlsChannel sees, and counts, every record without data.
  SSL_CTX_clear_mode(raw, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_default_passwd_cb(raw, NoPassphrase);
  // Tickets hold the sessions; we keep none.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(raw, kSessionIdContext, sizeof(kSessionIdContext) - 1);
  SSL_CTX_set_num_tickets(raw, 1);
  SSL_CTX_set_verify_depth(raw, TlsContext::kChainDepthMax);
  SSL_CTX_set_max_cert_list(raw, TlsContext::kChainBytesMax);
  if (client_auth != TlsClientAuth::kNone) {
    const bool required = client_auth == TlsClientAuth::kRequired;
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
  }
  return context;
}

int64_t EndOf(SSL_CTX* context) {
  std::tm parts{};
  ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context)), &parts);
  return timegm(&parts);
}

}  // namespace

std::vector<TlsFinding> CheckTlsFiles(const TlsFiles& files) {
  return FilesReader(files, NewContext(files.client_auth).get()).Read();
}

Result<std::unique_ptr<TlsContext>> TlsContext::Create(TlsFiles files) {
  std::unique_ptr<TlsContext> context(new TlsContext(std::move(files)));
  const Result<Ok> read = context->Reload();
  if (!read.ok()) return read.error();
  return context;
}

Result<Ok> TlsContext::Reload() {
  const std::lock_guard lock(mutex_);
  return ReloadLocked();
}

Result<Ok> TlsContext::ReloadLocked() {
  // Before the files themselves: one that changes meanwhile is read again.
  stamps_ = ReadStamps();
  read_at_ = std::chrono::steady_clock::now();
  std::shared_ptr<SSL_CTX> fresh = NewContext(files_.client_auth);
  for (TlsFinding& finding : FilesReader(files_, fresh.get()).Read()) {
    if (finding.fatal) return Error{ErrorCode::kInvalid, std::move(finding.what)};
  }
  certificate_ends_ = EndOf(fresh.get());
  context_ = std::move(fresh);
  return Ok{};
}

TlsContext::Reloaded TlsContext::ReloadIfChanged(std::string* refusal) {
  const std::lock_guard lock(mutex_);
  const bool old = std::chrono::steady_clock::now() - read_at_ >= kTicketKeyLifetime;
  if (!old && ReadStamps() == stamps_) return Reloaded::kUnchanged;
  const Result<Ok> read = ReloadLocked();
  if (read.ok()) return Reloaded::kDone;
  *refusal = read.error().message;
  return Reloaded::kRefused;
}

TlsContext::Stamps TlsContext::ReadStamps() const {
  Stamps stamps;
  for (const std::string& path : {files_.certificate, files_.key, files_.client_ca}) {
    struct stat status {};
    Stamp stamp;
    if (stat(path.c_str(), &status) == 0) {
      stamp.changed_ns = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
      stamp.bytes = status.st_size;
      stamp.inode = status.st_ino;
    }
    stamps.push_back(stamp);
  }
  return stamps;
}

Stream TlsContext::Accept(Socket socket) {
  std::shared_ptr<SSL_CTX> context;
  {
    const std::lock_guard lock(mutex_);
    context = context_;
  }
  SSL* const ssl = SSL_new(context.get());
  assert(ssl != nullptr);
  SSL_set_accept_state(ssl);
  return {std::move(socket), std::make_unique<TlsChannel>(ssl)};
}

}  // namespace weir::net
