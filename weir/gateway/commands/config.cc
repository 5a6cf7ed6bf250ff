// CONFIG: the parameters of the running server.
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/glob.h"

namespace weir::gateway::commands {

void ConfigGet(const LocalCall& call, resp::Writer& writer) {
  const auto& parameters = call.gateway.process().parameters;
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

void ConfigResetstat(const LocalCall& call, resp::Writer& writer) {
  call.gateway.ResetTotals();
  writer.SimpleString("OK");
}

}  // namespace weir::gateway::commands
