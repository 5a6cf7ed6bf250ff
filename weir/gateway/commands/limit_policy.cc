// LIMIT.POLICY: the policies of the running server.
#include <memory>
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

}  // namespace

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
                                                            {"shadowed", policy.counters.shadowed}};
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
