// CONFIG: the parameters of the running server.
#include <memory>
#include <string>
#include <utility>

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
  const std::shared_ptr<const Parameters> held = call.gateway.process().parameters();
  const Parameters& parameters = *held;
  const auto wanted = [&](const std::string& name) {
    for (const std::string_view pattern : call.args.subspan(2)) {
      std::string lower(pattern);
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (GlobMatch(lower, name)) return true;
    }
    return false;
  };
  size_t count = 0;
  for (const auto& [name, value] : parameters) count += wanted(name) ? 1 : 0;
  writer.MapHeader(count);
  for (const auto& [name, value] : parameters) {
    if (!wanted(name)) continue;
    writer.Bulk(name);
    writer.Bulk(value);
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
  return Reply::Failure(std::string(errors::kTooMuchHeavyWork));
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
