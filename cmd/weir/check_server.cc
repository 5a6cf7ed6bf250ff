#include "cmd/weir/check_server.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/log.h"
#include "cmd/weir/users.h"

#include "weir/admin/answer.h"
#include "weir/admin/check_answer.h"
#include "weir/backup/files.h"
#include "weir/limit/named_limits.h"
#include "weir/rls/json_answer.h"
#include "weir/rls/rules.h"

namespace weir::cmd {
namespace {

using gateway::Gateway;

// What may be asked at once, a decision has room for.
static_assert(admin::kCheckedPoliciesMax <= limit::kNamedLimitsMax);
static_assert(rls::kLimitsMax <= limit::kNamedLimitsMax);
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
      const bool known = policy.has_value() && outcome.window < policies.Windows(*policy);
      const limit::Rate rate = known ? policies.policy(*policy + outcome.window).rate
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

// Decides about limits that are asked with their rates, on any thread: no view is needed for
// longer.
class RatesDecision {
 public:
  RatesDecision(Gateway& gateway, const std::vector<rls::AskedLimit>& asked)
      : admission_(gateway.admission()), now_(gateway.clock().Mono()), asked_(asked) {
    for (const rls::AskedLimit& limit : asked) {
      named_.push_back({.key = limit.key,
                        .rate = {limit.count, limit.period, limit.count},
                        .cost = limit.cost,
                        .binding = limit.binding});
    }
  }

  Result<std::vector<rls::LimitOutcome>> Decide() {
    const Result<std::vector<bool>> spent = Spent();
    if (!spent.ok()) return spent.error();
    bool passes = true;
    for (size_t i = 0; i < asked_.size(); ++i) {
      passes &= !spent.value()[i] || !asked_[i].binding;
    }
    const auto outcomes = admission_.DecideNamed(
        &view_, named_, passes ? limit::Ask::kTake : limit::Ask::kPeek, now_);
    if (!outcomes.ok()) return outcomes.error();
    passes &= outcomes.value().allowed;
    std::vector<rls::LimitOutcome> limits;
    for (size_t i = 0; i < asked_.size(); ++i) {
      const limit::NamedOutcome& outcome = outcomes.value().each[i];
      const bool allowed = outcome.allowed() && !spent.value()[i];
      limits.push_back({allowed, outcome.remaining, outcome.reset_after});
      if (passes || !asked_[i].owed) continue;
      const auto owed = One(i, limit::Ask::kExact);
      if (!owed.ok()) return owed.error();
      limits.back().remaining = owed.value().each[0].remaining;
      limits.back().until_reset = owed.value().each[0].reset_after;
    }
    return limits;
  }

 private:
  // Who asks for nothing wants to know whether anything is left.
  Result<std::vector<bool>> Spent() {
    std::vector<bool> spent(asked_.size());
    for (size_t i = 0; i < asked_.size(); ++i) {
      if (asked_[i].cost > 0) continue;
      const auto looked = One(i, limit::Ask::kPeek);
      if (!looked.ok()) return looked.error();
      spent[i] = looked.value().each[0].remaining == 0;
    }
    return spent;
  }
  Result<limit::NamedOutcomes> One(size_t i, limit::Ask ask) {
    return admission_.DecideNamed(&view_, std::span(named_).subspan(i, 1), ask, now_);
  }

  gateway::Admission& admission_;
  const MonoTime now_;
  const std::vector<rls::AskedLimit>& asked_;
  std::vector<limit::NamedLimit> named_;
  gateway::Admission::View view_;
};

rls::DecideFunction DecideOf(Gateway& gateway) {
  return [&gateway](const std::vector<rls::AskedLimit>& asked) {
    return RatesDecision(gateway, asked).Decide();
  };
}

// Returns nullptr without files.
Result<std::shared_ptr<const rls::Rules>> ReadRules(const std::vector<std::string>& names) {
  constexpr size_t kRulesBytesMax = size_t{4} << 20;
  if (names.empty()) return std::shared_ptr<const rls::Rules>();
  std::vector<rls::Rules::File> files;
  for (const std::string& name : names) {
    Result<std::string> text = backup::ReadWholeFile(name, kRulesBytesMax);
    if (!text.ok()) return text.error();
    files.push_back({name, std::move(text).value()});
  }
  Result<rls::Rules> created = rls::Rules::Create(files);
  if (!created.ok()) return created.error();
  return std::make_shared<const rls::Rules>(std::move(created).value());
}

// What answers POST /json; nullptr without rules.
std::function<admin::Response(std::string_view)> JsonOf(std::shared_ptr<const rls::Rules> rules,
                                                        Gateway& gateway) {
  if (rules == nullptr) return nullptr;
  return [rules = std::move(rules), decide = DecideOf(gateway)](std::string_view body) {
    rls::JsonReply reply = rls::AnswerJson(body, *rules, decide);
    return admin::Response{
        .status = reply.status,
        .content_type = reply.status == 400 ? "text/plain; charset=utf-8" : "application/json",
        .body = std::move(reply.body)};
  };
}

Result<std::unique_ptr<admin::HttpServer>> StartHttp(const Endpoint& endpoint,
                                                     admin::CheckHandlers handlers,
                                                     const std::string& token) {
  auto server = std::make_unique<admin::HttpServer>(
      [handlers = std::move(handlers), token](std::string_view head, std::string_view body) {
        return admin::CheckAnswer(head, body, handlers, token);
      },
      admin::HttpOptions{.name = "check",
                         .request_deadline = kIdleMax,
                         .connections_max = kConnectionsMax,
                         .body_bytes_max = admin::kCheckBodyBytesMax});
  const Result<uint16_t> port = server->Start(endpoint.ip, endpoint.port);
  if (!port.ok()) return port.error();
  LogInfo("answering checks",
          {{"check", admin::HostOf(endpoint.ip) + ":" + std::to_string(port.value())}});
  return server;
}

}  // namespace

Result<CheckServers> StartCheckServers(const ServerConfig& config, Gateway& gateway) {
  CheckServers servers;
  if (!config.check.has_value() && !config.check_grpc.has_value()) return servers;
  std::string token;
  if (!config.check_token_file.empty()) {
    Result<std::string> read = ReadTokenFile(config.check_token_file);
    if (!read.ok()) return read.error();
    token = std::move(read).value();
  }
  const Result<std::shared_ptr<const rls::Rules>> rules = ReadRules(config.check_rules);
  if (!rules.ok()) return rules.error();
  if (config.check.has_value()) {
    auto http = StartHttp(*config.check, {CheckOf(gateway), JsonOf(rules.value(), gateway)}, token);
    if (!http.ok()) return http.error();
    servers.http = std::move(http).value();
  }
  if (config.check_grpc.has_value()) {
    auto grpc = StartGrpcListener(
        *config.check_grpc, rules.value(), DecideOf(gateway),
        [token](std::string_view authorization) { return admin::HasToken(authorization, token); });
    if (!grpc.ok()) return grpc.error();
    servers.grpc = std::move(grpc).value();
  }
  return servers;
}

}  // namespace weir::cmd
