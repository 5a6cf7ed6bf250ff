#include "weir/rls/grpc/rate_limit_server.h"

#include <utility>
#include <vector>

#include <envoy/service/ratelimit/v3/rls.grpc.pb.h>
#include <grpc/support/log.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

namespace weir::rls {
namespace {

namespace v3 = envoy::service::ratelimit::v3;
using PublishedDescriptor = envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;

// As health checks of envoyproxy/ratelimit name it, and by its own name.
constexpr const char* kHealthNames[] = {"ratelimit", "envoy.service.ratelimit.v3.RateLimitService"};

Result<Descriptor> ReadDescriptor(const PublishedDescriptor& published) {
  // What weir does not know of a request it may ignore, but not of what is to be limited: one such
  // field of Envoy turns the charge into its opposite.
  if (!published.GetReflection()->GetUnknownFields(published).empty()) {
    return Error{ErrorCode::kInvalid, "a descriptor has a field that weir does not know"};
  }
  Descriptor descriptor;
  for (const PublishedDescriptor::Entry& entry : published.entries()) {
    descriptor.entries.push_back({entry.key(), entry.value()});
  }
  if (published.has_limit()) {
    const auto unit = static_cast<uint64_t>(published.limit().unit());
    descriptor.limit = Rule{.requests_per_unit = published.limit().requests_per_unit(),
                            .unit = UnitNumbered(unit).value_or(Unit::kUnknown)};
  }
  if (published.has_hits_addend()) descriptor.hits_addend = published.hits_addend().value();
  return descriptor;
}

Result<RateLimitRequest> ReadRequest(const v3::RateLimitRequest& published) {
  RateLimitRequest request{.domain = published.domain(), .hits_addend = published.hits_addend()};
  for (const PublishedDescriptor& one : published.descriptors()) {
    Result<Descriptor> read = ReadDescriptor(one);
    if (!read.ok()) return read.error();
    request.descriptors.push_back(std::move(read).value());
  }
  return request;
}

v3::RateLimitResponse::Code CodeOf(bool over_limit) {
  return over_limit ? v3::RateLimitResponse::OVER_LIMIT : v3::RateLimitResponse::OK;
}

void WriteResponse(const RateLimitResponse& response, v3::RateLimitResponse* published) {
  published->set_overall_code(CodeOf(response.over_limit));
  for (const DescriptorStatus& status : response.statuses) {
    v3::RateLimitResponse::DescriptorStatus* shown = published->add_statuses();
    shown->set_code(CodeOf(status.over_limit));
    shown->set_limit_remaining(status.limit_remaining);
    if (!status.current_limit.has_value()) continue;
    const Rule& rule = *status.current_limit;
    v3::RateLimitResponse::RateLimit* limit = shown->mutable_current_limit();
    limit->set_name(rule.name);
    limit->set_requests_per_unit(rule.requests_per_unit);
    limit->set_unit(static_cast<v3::RateLimitResponse::RateLimit::Unit>(rule.unit));
    shown->mutable_duration_until_reset()->set_seconds(status.duration_until_reset.count());
  }
}

grpc::Status StatusOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalid:
      return {grpc::StatusCode::INVALID_ARGUMENT, error.message};
    case ErrorCode::kOverloaded:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, error.message};
    case ErrorCode::kUnavailable:
      return {grpc::StatusCode::UNAVAILABLE, error.message};
    case ErrorCode::kUnknown:
    case ErrorCode::kCorrupt:
      break;
  }
  return {grpc::StatusCode::INTERNAL, error.message};
}

class Service final : public v3::RateLimitService::CallbackService {
 public:
  Service(std::shared_ptr<const Rules> rules, DecideFunction decide,
          RateLimitServer::Options options)
      : rules_(std::move(rules)), decide_(std::move(decide)), options_(std::move(options)) {}

  grpc::ServerUnaryReactor* ShouldRateLimit(grpc::CallbackServerContext* context,
                                            const v3::RateLimitRequest* request,
                                            v3::RateLimitResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(Answer(*context, *request, response));
    return reactor;
  }

 private:
  grpc::Status Answer(const grpc::CallbackServerContext& context,
                      const v3::RateLimitRequest& published, v3::RateLimitResponse* response) {
    if (!IsAuthorized(context)) {
      return {grpc::StatusCode::UNAUTHENTICATED,
              "a token is needed: authorization: Bearer TOKEN, as in check_token_file"};
    }
    if (context.IsCancelled() || context.deadline() <= std::chrono::system_clock::now()) {
      return {grpc::StatusCode::DEADLINE_EXCEEDED, "the deadline has passed; nothing is charged"};
    }
    const Result<RateLimitRequest> request = ReadRequest(published);
    if (!request.ok()) return StatusOf(request.error());
    const Result<RateLimitResponse> decided =
        rls::ShouldRateLimit(request.value(), *rules_, decide_);
    if (!decided.ok()) return StatusOf(decided.error());
    WriteResponse(decided.value(), response);
    return grpc::Status::OK;
  }

  bool IsAuthorized(const grpc::CallbackServerContext& context) const {
    if (options_.authorized == nullptr) return true;
    const auto& metadata = context.client_metadata();
    const auto found = metadata.find("authorization");
    return options_.authorized(found == metadata.end()
                                   ? std::string_view()
                                   : std::string_view(found->second.data(), found->second.size()));
  }

  const std::shared_ptr<const Rules> rules_;
  const DecideFunction decide_;
  const RateLimitServer::Options options_;
};

// Keeps the library from writing beside weir's own log: what a caller does wrong, it is told.
void Silence(gpr_log_func_args* /*unused*/) {}

}  // namespace

class RateLimitServer::Server {
 public:
  Server(std::shared_ptr<const Rules> rules, DecideFunction decide, Options options)
      : service_(std::move(rules), std::move(decide), std::move(options)) {}

  ~Server() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() + kStopMax);
    server_->Wait();
  }

  Result<uint16_t> Start(const std::string& address) {
    gpr_set_log_function(Silence);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(static_cast<int>(kMessageBytesMax));
    builder.SetResourceQuota(grpc::ResourceQuota("rls").Resize(kMemoryBytesMax));
    using std::chrono::milliseconds;
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(kStreamsMax));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                               static_cast<int>(milliseconds(kIdleMax).count()));
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                               static_cast<int>(milliseconds(kHandshakeMax).count()));
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Else an Envoy that is set to ping its connections is sent away by the third ping.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return Error{ErrorCode::kUnavailable, "check_grpc: cannot listen on " + address +
                                                "; stop the other program or choose another port"};
    }
    SetServing(true);
    return static_cast<uint16_t>(port);
  }

  void SetServing(bool serving) {
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    health->SetServingStatus(serving);
    for (const char* name : kHealthNames) health->SetServingStatus(name, serving);
  }

 private:
  Service service_;
  std::unique_ptr<grpc::Server> server_;
};

RateLimitServer::RateLimitServer(std::shared_ptr<const Rules> rules, DecideFunction decide,
                                 Options options)
    : server_(std::make_unique<Server>(std::move(rules), std::move(decide), std::move(options))) {}

RateLimitServer::~RateLimitServer() = default;

Result<uint16_t> RateLimitServer::Start(const std::string& address) {
  return server_->Start(address);
}

void RateLimitServer::Drain() {
  server_->SetServing(false);
}

}  // namespace weir::rls
