// The words of LIMIT.WAIT; the waiting itself is in pipeline_waits.cc.
#include <chrono>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/limit.h"
#include "weir/gateway/errors.h"

namespace weir::gateway::commands {

Result<WaitWords> ReadWait(const LocalCall& call) {
  const Result<NamedLimitWords> limits = ReadPermittedLimits(call, 1, limit::Ask::kTake);
  if (!limits.ok()) return limits.error();
  const auto wrong = [](std::string text) { return Error{ErrorCode::kInvalid, std::move(text)}; };
  const Args rest = call.args.subspan(limits.value().end);
  if (!rest.empty() && !SameWord(rest[0], "MAX")) return wrong(errors::NoLimitOfKey(rest[0]));
  if (rest.size() != 2) return wrong(std::string(errors::kSyntax));
  int64_t most = 0;
  if (!ParseInteger(rest[1], &most)) return wrong(std::string(errors::kNotInteger));
  if (most < 0 || most > WaitWords::kMost.count()) return wrong(std::string(errors::kWaitMax));
  return WaitWords{limits.value(), std::chrono::milliseconds(most)};
}

}  // namespace weir::gateway::commands
