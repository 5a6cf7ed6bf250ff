// Session: what one connection has said of itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weir/limit/policy.h"
#include "weir/resp/writer.h"

namespace weir::gateway {

// Threads: single-owner.
struct Session {
  static constexpr size_t kNameBytesMax = 1024;

  uint64_t id = 0;
  limit::Address client;
  std::string peer;  // "127.0.0.1:50000"
  // Whom the client's verified TLS certificate names; empty without one.
  std::string certificate_subject;             // "CN=app,O=Example"
  std::vector<std::string> certificate_names;  // "DNS:app.example"
  std::string name;                            // CLIENT SETNAME
  std::string library_name;
  std::string library_version;
  resp::Protocol protocol = resp::Protocol::kResp2;
  bool closing = false;  // The connection closes once all replies are sent.
};

}  // namespace weir::gateway
