#include "cmd/weir/tls_files.h"

#include <string>
#include <utility>

namespace weir::cmd {
namespace {

net::TlsClientAuth ToClientAuth(ClientCertificates certificates) {
  switch (certificates) {
    case ClientCertificates::kNone:
      return net::TlsClientAuth::kNone;
    case ClientCertificates::kOptional:
      return net::TlsClientAuth::kOptional;
    case ClientCertificates::kRequired:
      return net::TlsClientAuth::kRequired;
  }
  return net::TlsClientAuth::kRequired;
}

std::string KeyOf(net::TlsFinding::File file) {
  switch (file) {
    case net::TlsFinding::File::kCertificate:
      return "tls_cert";
    case net::TlsFinding::File::kKey:
      return "tls_key";
    case net::TlsFinding::File::kClientCa:
      return "tls_client_ca";
  }
  return "tls_cert";
}

}  // namespace

net::TlsFiles TlsFilesOf(const ServerConfig& server) {
  return {.certificate = server.tls_cert,
          .key = server.tls_key,
          .client_ca = server.tls_client_ca,
          .client_auth = ToClientAuth(server.tls_client_auth)};
}

std::vector<FileProblem> ReadTlsFiles(const ServerConfig& server) {
  std::vector<FileProblem> problems;
  if (server.tls_listen.empty()) return problems;
  for (net::TlsFinding& finding : net::CheckTlsFiles(TlsFilesOf(server))) {
    problems.push_back({KeyOf(finding.file), std::move(finding.what), finding.fatal});
  }
  return problems;
}

}  // namespace weir::cmd
