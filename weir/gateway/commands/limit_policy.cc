// LIMIT.POLICY: the policies of the running server.
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {
namespace {

class PolicyOperation final : public Operation {
 public:
  using Operation::Operation;
};

// Runs `change` on a thread of heavy work: it writes a file, and makes limits.
std::optional<Reply> Begin(const OperationCall& call, std::function<Reply()> change) {
  auto operation = std::make_shared<PolicyOperation>(call.origin);
  const auto run = [operation, change = std::move(change)] {
    operation->reply() = change();
    Deliver(operation);
  };
  if (call.gateway.heavy_reads().TryPost(0, run)) return std::nullopt;
  return Reply::Failure(errors::TooMuchHeavyWork());
}

// The policy of this name that is in force, with all its rates; empty when there is none.
std::vector<limit::Policy> InForce(const Admission& admission, std::string_view name) {
  Admission::View view;
  const limit::PolicySet& policies = admission.PoliciesIn(&view);
  const std::optional<size_t> found = policies.Find(name);
  std::vector<limit::Policy> rates;
  for (size_t i = 0; found.has_value() && i < policies.Windows(*found); ++i) {
    rates.push_back(policies.policy(*found + i));
  }
  return rates;
}

// With one digit after the point.
std::string Percent(uint64_t part, uint64_t whole) {
  if (whole == 0) return "0.0";
  const auto permille = static_cast<uint64_t>(Uint128{part} * 1000 / whole);
  return std::to_string(permille / 10) + "." + std::to_string(permille % 10);
}

void WriteReport(const limit::WhatIfReport& report, resp::Writer& writer) {
  const auto number = [&writer](std::string_view name, uint64_t value) {
    writer.Bulk(name);
    writer.Integer(static_cast<int64_t>(value));
  };
  const auto text = [&writer](std::string_view name, std::string_view value) {
    writer.Bulk(name);
    writer.Bulk(value);
  };
  writer.MapHeader(8);
  number("requests", report.requests);
  number("denied", report.denied);
  text("denied_percent", Percent(report.denied, report.requests));
  number("buckets", report.buckets);
  text("sample", report.sample);
  number("one_in", report.one_in);
  using std::chrono::milliseconds;
  number("span_ms",
         static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(report.span).count()));
  writer.Bulk("top");
  writer.ArrayHeader(report.top.size());
  for (const limit::WhatIfReport::Denied& denied : report.top) {
    writer.ArrayHeader(2);
    writer.Bulk(denied.key);
    writer.Integer(static_cast<int64_t>(denied.count));
  }
}

}  // namespace

std::optional<Reply> LimitWhatIf(const OperationCall& call) {
  const Args args = call.args;
  Admission& admission = call.gateway.admission();
  std::vector<limit::Policy> policy;
  if (args.size() == 2) {
    policy = InForce(admission, args[1]);
    if (policy.empty()) return Reply::Failure(errors::NoSuchPolicy(args[1]));
  } else {
    if (args.size() % 2 != 0) return Reply::Failure(std::string(errors::kSyntax));
    const ProcessInfo& process = call.gateway.process();
    if (process.make_policy == nullptr) return Reply::Failure(std::string(errors::kFixedPolicies));
    Parameters keys;
    for (size_t i = 2; i < args.size(); i += 2) keys.emplace_back(args[i], args[i + 1]);
    Result<std::vector<limit::Policy>> made = process.make_policy(std::string(args[1]), keys);
    if (!made.ok()) return ErrorReply(made.error());
    policy = std::move(made).value();
  }
  return Begin(call, [&admission, policy = std::move(policy), now = call.gateway.clock().Mono(),
                      protocol = call.session.protocol] {
    const Result<limit::WhatIfReport> report = admission.WhatIf(policy, now);
    if (!report.ok()) return ErrorReply(report.error());
    return EncodedBy(protocol, [&](resp::Writer& writer) { WriteReport(report.value(), writer); });
  });
}

std::optional<Reply> LimitPolicySet(const OperationCall& call) {
  const Args args = call.args;
  if (args.size() % 2 == 0) return Reply::Failure(std::string(errors::kSyntax));
  const ProcessInfo& process = call.gateway.process();
  if (process.set_policy == nullptr) return Reply::Failure(std::string(errors::kFixedPolicies));
  Parameters keys;
  for (size_t i = 3; i < args.size(); i += 2) keys.emplace_back(args[i], args[i + 1]);
  return Begin(call, [&process, name = std::string(args[2]), keys = std::move(keys)] {
    const Result<Ok> set = process.set_policy(name, keys);
    return set.ok() ? Reply::Ok() : ErrorReply(set.error());
  });
}

std::optional<Reply> LimitPolicyDel(const OperationCall& call) {
  const ProcessInfo& process = call.gateway.process();
  if (process.delete_policy == nullptr) return Reply::Failure(std::string(errors::kFixedPolicies));
  return Begin(call, [&process, name = std::string(call.args[2])] {
    const Result<bool> deleted = process.delete_policy(name);
    return deleted.ok() ? Reply::Integer(deleted.value() ? 1 : 0) : ErrorReply(deleted.error());
  });
}

// Its keys, and what it has counted.
void LimitPolicyGet(const LocalCall& call, resp::Writer& writer) {
  const std::string_view name = call.args[2];
  for (const Admission::PolicyView& policy : call.gateway.admission().Policies()) {
    if (policy.name != name) continue;
    const std::shared_ptr<const Parameters> parameters = call.gateway.process().parameters();
    const std::string prefix = "limit." + policy.name + ".";
    // A name may have dots in it, a key has none.
    const auto belongs = [&](const std::string& parameter) {
      return parameter.starts_with(prefix) &&
             parameter.find('.', prefix.size()) == std::string::npos;
    };
    std::vector<std::pair<std::string_view, std::string_view>> keys;
    for (const auto& [parameter, value] : *parameters) {
      if (belongs(parameter)) {
        keys.emplace_back(std::string_view(parameter).substr(prefix.size()), value);
      }
    }
    const std::pair<std::string_view, uint64_t> counts[] = {{"allowed", policy.counters.allowed},
                                                            {"denied", policy.counters.denied},
                                                            {"near", policy.counters.near},
                                                            {"shadowed", policy.counters.shadowed},
                                                            {"delayed", policy.counters.delayed}};
    writer.MapHeader(keys.size() + std::size(counts));
    for (const auto& [key, value] : keys) {
      writer.Bulk(key);
      writer.Bulk(value);
    }
    for (const auto& [what, count] : counts) {
      writer.Bulk(what);
      writer.Integer(static_cast<int64_t>(count));
    }
    return;
  }
  writer.Null();
}

void LimitPolicyList(const LocalCall& call, resp::Writer& writer) {
  const std::vector<Admission::PolicyView> policies = call.gateway.admission().Policies();
  writer.ArrayHeader(policies.size());
  for (const Admission::PolicyView& policy : policies) writer.Bulk(policy.name);
}

}  // namespace weir::gateway::commands
