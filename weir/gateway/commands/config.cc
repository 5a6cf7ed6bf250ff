// CONFIG: the parameters of the running server.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/glob.h"

namespace weir::gateway::commands {
namespace {

class ConfigOperation final : public Operation {
 public:
  using Operation::Operation;
};

}  // namespace

void ConfigGet(const LocalCall& call, resp::Writer& writer) {
  std::vector<std::string> patterns;
  size_t bytes = 0;
  for (const std::string_view pattern : call.args.subspan(2)) {
    bytes += pattern.size();
    if (bytes > kNamePatternsBytesMax) return WriteError(writer, errors::kNamePatternsTooLong);
    std::string& lower = patterns.emplace_back(pattern);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const std::shared_ptr<const Parameters> parameters = call.gateway.process().parameters();
  std::vector<const Parameters::value_type*> wanted;
  for (const auto& parameter : *parameters) {
    const bool named = std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
      return GlobMatch(pattern, parameter.first);
    });
    if (named) wanted.push_back(&parameter);
  }
  writer.MapHeader(wanted.size());
  for (const auto* parameter : wanted) {
    writer.Bulk(parameter->first);
    writer.Bulk(parameter->second);
  }
}

// On a thread of heavy work: files may be read, and limits made.
std::optional<Reply> ConfigSet(const OperationCall& call) {
  const Args args = call.args;
  if (args.size() % 2 != 0) return Reply::Failure(std::string(errors::kSyntax));
  const ProcessInfo& process = call.gateway.process();
  if (process.set_parameters == nullptr) return Reply::Failure(errors::UnknownParameter(args[2]));
  Parameters changes;
  for (size_t i = 2; i < args.size(); i += 2) changes.emplace_back(args[i], args[i + 1]);
  auto operation = std::make_shared<ConfigOperation>(call.origin);
  const auto set = [operation, &process, changes = std::move(changes)] {
    const Result<Ok> done = process.set_parameters(changes);
    operation->reply() = done.ok() ? Reply::Ok() : ErrorReply(done.error());
    Deliver(operation);
  };
  if (call.gateway.heavy_reads().TryPost(0, set)) return std::nullopt;
  return Reply::Failure(errors::TooMuchHeavyWork());
}

void ConfigRewrite(const LocalCall& call, resp::Writer& writer) {
  const bool no_file = call.gateway.process().config_file.empty();
  WriteError(writer, no_file ? errors::kNoConfigFile : errors::kNoRewrite);
}

void ConfigResetstat(const LocalCall& call, resp::Writer& writer) {
  call.gateway.ResetTotals();
  writer.SimpleString("OK");
}

}  // namespace weir::gateway::commands
