#include "cmd/weir/grpc_listener.h"

#include <cstdint>
#include <string>
#include <utility>

#include "cmd/weir/log.h"

#include "weir/admin/http_server.h"
#include "weir/rls/grpc/rate_limit_server.h"

namespace weir::cmd {
namespace {

class RateLimitListener final : public GrpcListener {
 public:
  RateLimitListener(std::shared_ptr<const rls::Rules> rules, rls::DecideFunction decide,
                    rls::RateLimitServer::Options options)
      : server_(std::move(rules), std::move(decide), std::move(options)) {}

  Result<uint16_t> Start(const std::string& address) { return server_.Start(address); }
  void Drain() override { server_.Drain(); }

 private:
  rls::RateLimitServer server_;
};

}  // namespace

bool HasGrpc() {
  return true;
}

Result<std::unique_ptr<GrpcListener>> StartGrpcListener(
    const Endpoint& endpoint, std::shared_ptr<const rls::Rules> rules, rls::DecideFunction decide,
    std::function<bool(std::string_view)> authorized) {
  auto listener = std::make_unique<RateLimitListener>(
      std::move(rules), std::move(decide),
      rls::RateLimitServer::Options{.authorized = std::move(authorized)});
  const std::string host = admin::HostOf(endpoint.ip);
  const Result<uint16_t> port = listener->Start(host + ":" + std::to_string(endpoint.port));
  if (!port.ok()) return port.error();
  LogInfo("answering Envoy", {{"check_grpc", host + ":" + std::to_string(port.value())}});
  return std::unique_ptr<GrpcListener>(std::move(listener));
}

}  // namespace weir::cmd
