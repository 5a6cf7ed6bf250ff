// For tests only: certificates made on the spot, and a blocking TLS client over a real socket.
// Threads: single-owner.
#pragma once

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "weir/net/socket.h"
#include "weir/net/tls_context.h"

namespace weir::net {

// A certificate with its EC key, signed by another or by itself.
class TestCertificate {
 public:
  struct Options {
    std::string name = "localhost";
    std::string alternative_names = "";  // "DNS:a,URI:b"
    const TestCertificate* issuer = nullptr;
    long days = 1;  // Negative: it has expired.
  };

  explicit TestCertificate(const Options& options)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    X509* const x509 = certificate_.get();
    const TestCertificate& issuer = options.issuer != nullptr ? *options.issuer : *this;
    X509_set_version(x509, 2);
    static long serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), -86400L * 10);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400L * options.days);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(options.name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x509, X509_get_subject_name(issuer.certificate_.get()));
    X509_set_pubkey(x509, key_.get());
    AddExtension(NID_basic_constraints, options.issuer != nullptr ? "CA:FALSE" : "CA:TRUE");
    if (!options.alternative_names.empty()) {
      AddExtension(NID_subject_alt_name, options.alternative_names);
    }
    EXPECT_GT(X509_sign(x509, issuer.key_.get(), EVP_sha256()), 0);
  }

  void WriteCertificate(const std::string& path) const {
    Write(path, [&](BIO* bio) { PEM_write_bio_X509(bio, certificate_.get()); });
  }
  void WriteKey(const std::string& path, const char* passphrase = nullptr) const {
    const EVP_CIPHER* const cipher = passphrase != nullptr ? EVP_aes_128_cbc() : nullptr;
    Write(path, [&](BIO* bio) {
      PEM_write_bio_PrivateKey(bio, key_.get(), cipher, nullptr, 0, nullptr,
                               const_cast<char*>(passphrase));
    });
    std::filesystem::permissions(path, std::filesystem::perms(0600));
  }

  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

 private:
  void AddExtension(int nid, const std::string& text) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate_.get(), certificate_.get(), nullptr, nullptr, 0);
    X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, &context, nid, text.c_str());
    ASSERT_NE(made, nullptr) << text;
    X509_add_ext(certificate_.get(), made, -1);
    X509_EXTENSION_free(made);
  }

  // The file is replaced at once, as a careful renewal does.
  template <typename Writer>
  static void Write(const std::string& path, Writer write) {
    BIO* const bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::ofstream(path + ".new", std::ios::binary).write(data, size);
    BIO_free(bio);
    std::filesystem::rename(path + ".new", path);
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

// A folder with the files of a server, and who signs them and clients.
class TestTlsFolder {
 public:
  TestTlsFolder() {
    std::string name = std::filesystem::temp_directory_path() / "weir-tls-XXXXXX";
    path_ = mkdtemp(name.data());
    authority_.WriteCertificate(path_ + "/ca.pem");
    Issue("first");
  }
  ~TestTlsFolder() { std::filesystem::remove_all(path_); }
  TestTlsFolder(const TestTlsFolder&) = delete;
  TestTlsFolder& operator=(const TestTlsFolder&) = delete;

  // Replaces certificate and key.
  void Issue(const std::string& name) {
    const TestCertificate made(
        {.name = name, .alternative_names = "DNS:localhost", .issuer = &authority_});
    made.WriteKey(path_ + "/key.pem");
    made.WriteCertificate(path_ + "/certificate.pem");
  }

  TlsFiles files(TlsClientAuth client_auth = TlsClientAuth::kNone) const {
    return {path_ + "/certificate.pem", path_ + "/key.pem", path_ + "/ca.pem", client_auth};
  }
  const std::string& path() const { return path_; }
  const TestCertificate& authority() const { return authority_; }

 private:
  std::string path_;
  TestCertificate authority_{{.name = "authority"}};
};

class TlsTestClient {
 public:
  struct Options {
    const TestCertificate* certificate = nullptr;  // To show.
    int version_max = TLS1_3_VERSION;
    SSL_SESSION* resume = nullptr;
  };

  // Connects, without shaking hands.
  TlsTestClient(const Address& address, Options options)
      : socket_(Socket::Connect(address).value()),
        context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL.
    SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    if (options.certificate != nullptr) {
      SSL_CTX_use_certificate(context_.get(), options.certificate->certificate());
      SSL_CTX_use_PrivateKey(context_.get(), options.certificate->key());
    }
    ssl_ = {SSL_new(context_.get()), SSL_free};
    SSL_set_fd(ssl_.get(), socket_.fd());
    SSL_set_connect_state(ssl_.get());
    if (options.resume != nullptr) SSL_set_session(ssl_.get(), options.resume);
  }
  explicit TlsTestClient(const Address& address) : TlsTestClient(address, Options{}) {}

  bool ShakeHands() { return SSL_do_handshake(ssl_.get()) == 1; }
  // Returns whether all of it was taken.
  bool Send(std::string_view bytes) {
    size_t size = 0;
    return bytes.empty() || SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size) == 1;
  }
  // Returns what comes first, "" at the end or after an error.
  std::string Receive(size_t size_max = size_t{1} << 16) {
    std::string text(size_max, '\0');
    size_t size = 0;
    if (SSL_read_ex(ssl_.get(), text.data(), text.size(), &size) != 1) size = 0;
    text.resize(size);
    return text;
  }
  std::string ReceiveExactly(size_t size) {
    std::string text;
    while (text.size() < size) {
      const std::string more = Receive(size - text.size());
      if (more.empty()) break;
      text += more;
    }
    return text;
  }

  // Who the server says it is: the CN of its certificate.
  std::string server_name() const {
    char name[256] = "";
    const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate != nullptr) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                sizeof(name));
    }
    return name;
  }
  SSL* ssl() { return ssl_.get(); }
  Socket& socket() { return socket_; }

 private:
  Socket socket_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
};

}  // namespace weir::net
