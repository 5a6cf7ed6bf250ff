#include "cmd/weir/check_server.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/log.h"
#include "cmd/weir/users.h"

#include "weir/admin/check_answer.h"
#include "weir/limit/named_limits.h"

namespace weir::cmd {
namespace {

using gateway::Gateway;

constexpr size_t kConnectionsMax = 1024;
constexpr std::chrono::seconds kIdleMax{60};  // Proxies keep their connections.

// For one thread.
admin::CheckFunction CheckOf(Gateway& gateway) {
  const auto view = std::make_shared<gateway::Admission::View>();
  return [&gateway, view](const std::vector<admin::CheckedPolicy>& asked,
                          bool peek) -> Result<std::vector<admin::CheckedLimit>> {
    std::vector<limit::NamedLimit> named;
    for (const admin::CheckedPolicy& policy : asked) {
      named.push_back({.key = policy.key, .policy = policy.name, .cost = policy.cost});
      if (policy.name.empty()) return Error{ErrorCode::kInvalid, "a policy's name is empty"};
    }
    gateway::Admission& admission = gateway.admission();
    const Result<limit::NamedOutcomes> outcomes = admission.DecideNamed(
        view.get(), named, peek ? limit::Ask::kPeek : limit::Ask::kTake, gateway.clock().Mono());
    if (!outcomes.ok()) return outcomes.error();
    const limit::PolicySet& policies = admission.PoliciesIn(view.get());
    std::vector<admin::CheckedLimit> limits;
    for (size_t i = 0; i < asked.size(); ++i) {
      const limit::NamedOutcome& outcome = outcomes.value().each[i];
      // Gone since the decision: what it was called stands for itself.
      const std::optional<size_t> policy = policies.Find(asked[i].name);
      const limit::Rate rate = policy.has_value() ? policies.policy(*policy).rate
                                                  : limit::Rate{1, std::chrono::seconds(1), 1};
      limits.push_back({.allowed = outcome.allowed(),
                        .binding = outcome.binding,
                        .quota = rate.count,
                        .window = rate.period,
                        .remaining = outcome.remaining,
                        .retry_after = outcome.retry_after});
    }
    return limits;
  };
}

}  // namespace

Result<std::unique_ptr<admin::HttpServer>> StartCheckServer(const ServerConfig& config,
                                                            Gateway& gateway) {
  if (!config.check.has_value()) return std::unique_ptr<admin::HttpServer>();
  std::string token;
  if (!config.check_token_file.empty()) {
    Result<std::string> read = ReadTokenFile(config.check_token_file);
    if (!read.ok()) return read.error();
    token = std::move(read).value();
  }
  auto server = std::make_unique<admin::HttpServer>(
      [check = CheckOf(gateway), token](std::string_view head, std::string_view) {
        return admin::CheckAnswer(head, check, token);
      },
      admin::HttpOptions{.name = "check",
                         .request_deadline = kIdleMax,
                         .connections_max = kConnectionsMax,
                         .body_bytes_max = admin::kCheckBodyBytesMax});
  const Result<uint16_t> port = server->Start(config.check->ip, config.check->port);
  if (!port.ok()) return port.error();
  LogInfo("answering checks",
          {{"check", admin::HostOf(config.check->ip) + ":" + std::to_string(port.value())}});
  return server;
}

}  // namespace weir::cmd
