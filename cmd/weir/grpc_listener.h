// The listener that an Envoy asks over gRPC, which not every build has: one of grpc_listener.cc and
// no_grpc_listener.cc is linked.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "cmd/weir/config.h"

#include "weir/base/result.h"
#include "weir/rls/rules.h"
#include "weir/rls/should_rate_limit.h"

namespace weir::cmd {

inline constexpr const char* kNoGrpc =
    "needs a weir with gRPC, and this one is built without; docs/limits.md says how to build one";

bool HasGrpc();

class GrpcListener {
 public:
  // See rls::RateLimitServer.
  virtual void Drain() = 0;
  virtual ~GrpcListener() = default;
};

// Starts it and logs where it listens; see rls::RateLimitServer for what it takes and when it
// fails.
Result<std::unique_ptr<GrpcListener>> StartGrpcListener(
    const Endpoint& endpoint, std::shared_ptr<const rls::Rules> rules, rls::DecideFunction decide,
    std::function<bool(std::string_view authorization)> authorized);

}  // namespace weir::cmd
