// RateLimitServer: envoy.service.ratelimit.v3.RateLimitService over gRPC, for a stock Envoy, and
// grpc.health.v1.Health beside it.
//
//   RateLimitServer server(rules, decide, {.authorized = has_token});
//   Result<uint16_t> port = server.Start("127.0.0.1:6393");
//
// A request that makes no sense is INVALID_ARGUMENT, one without the token UNAUTHENTICATED, one too
// large RESOURCE_EXHAUSTED; one whose deadline has passed is DEADLINE_EXCEEDED and charges nothing.
// No TLS.
// Ownership: keeps the rules and the functions, and so must be kept what those borrow.
// Threads: Start, Drain and the destructor are single-owner. The functions run on gRPC's threads,
// several at a time; they must not block or throw.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/rls/rules.h"
#include "weir/rls/should_rate_limit.h"

namespace weir::rls {

class RateLimitServer {
 public:
  // Of one request. An Envoy sends headers of 60 KiB in each of its descriptors.
  static constexpr size_t kMessageBytesMax = size_t{1} << 20;
  // Calls at once on one connection; Envoy has one for each of its threads.
  static constexpr size_t kStreamsMax = 1024;
  // What messages and connections hold together; then connections are read less, and closed.
  static constexpr size_t kMemoryBytesMax = size_t{64} << 20;
  // A connection without a call is told to go.
  static constexpr std::chrono::seconds kIdleMax{300};
  // What a connection may take to begin with HTTP/2.
  static constexpr std::chrono::seconds kHandshakeMax{10};
  // What calls have to end when the server ends.
  static constexpr std::chrono::seconds kStopMax{1};

  struct Options {
    // Whether a call may be made, given its metadata `authorization`. nullptr: all may.
    std::function<bool(std::string_view authorization)> authorized = nullptr;
  };

  RateLimitServer(std::shared_ptr<const Rules> rules, DecideFunction decide, Options options);
  // Lets calls end, for kStopMax at most.
  ~RateLimitServer();
  RateLimitServer(const RateLimitServer&) = delete;
  RateLimitServer& operator=(const RateLimitServer&) = delete;

  // Binds `address` exclusively, an IP address as a URL has it and a port, and returns the port,
  // which is that or, for 0, a free one. Requires: not started before.
  // Errors: kUnavailable (in use, or may not be bound).
  Result<uint16_t> Start(const std::string& address);

  // From now on Health answers NOT_SERVING, so that clients go elsewhere; calls are still answered.
  void Drain();

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace weir::rls
