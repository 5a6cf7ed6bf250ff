// The servers that proxies ask whether a request may pass: over HTTP, and an Envoy over gRPC.
#pragma once

#include <memory>

#include "cmd/weir/config.h"
#include "cmd/weir/grpc_listener.h"

#include "weir/admin/http_server.h"
#include "weir/base/result.h"
#include "weir/gateway/gateway.h"

namespace weir::cmd {

// nullptr: none is configured.
struct CheckServers {
  std::unique_ptr<admin::HttpServer> http;
  std::unique_ptr<GrpcListener> grpc;
};

// Starts what is configured and logs where it listens. Borrows the gateway. Errors: as
// HttpServer::Start and StartGrpcListener, and those of the files of token and rules.
Result<CheckServers> StartCheckServers(const ServerConfig& config, gateway::Gateway& gateway);

}  // namespace weir::cmd
