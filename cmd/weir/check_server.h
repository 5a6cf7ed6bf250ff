// The HTTP server that proxies ask whether a request may pass.
#pragma once

#include <memory>

#include "cmd/weir/config.h"

#include "weir/admin/http_server.h"
#include "weir/base/result.h"
#include "weir/gateway/gateway.h"

namespace weir::cmd {

// Starts it and logs where it listens; returns nullptr where none is configured. Borrows the
// gateway. Errors: as HttpServer::Start, and those of the token's file.
Result<std::unique_ptr<admin::HttpServer>> StartCheckServer(const ServerConfig& config,
                                                            gateway::Gateway& gateway);

}  // namespace weir::cmd
