// The TLS files of a configuration, as the listener takes them and as the checker judges them.
// Threads: pure functions, but for the files they read.
#pragma once

#include <vector>

#include "cmd/weir/check.h"
#include "cmd/weir/config.h"

#include "weir/net/tls_context.h"

namespace weir::cmd {

net::TlsFiles TlsFilesOf(const ServerConfig& server);

// Reads the files that a TLS listener would. Returns nothing without one.
std::vector<FileProblem> ReadTlsFiles(const ServerConfig& server);

}  // namespace weir::cmd
