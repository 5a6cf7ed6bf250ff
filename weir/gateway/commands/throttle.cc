// Rate limits that clients bring along.
#include "weir/limit/throttle.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {
namespace {

struct Ask {
  limit::ThrottleLimit limit;
  int64_t quantity = 1;
};

// Reads `max_burst count period` after the key. Errors: kInvalid, with the whole reply as message.
Result<Ask> ParseAsk(Args args, std::optional<std::string_view> quantity) {
  std::array<int64_t, 3> numbers{};
  int64_t tokens = 1;
  bool right = !quantity.has_value() || ParseInteger(*quantity, &tokens);
  for (size_t i = 0; i < numbers.size(); ++i) {
    right = right && ParseInteger(args[2 + i], &numbers[i]);
  }
  if (!right) return Error{ErrorCode::kInvalid, std::string(errors::kNotInteger)};
  const Result<limit::ThrottleLimit> limit =
      limit::ThrottleLimit::Create(numbers[0], numbers[1], std::chrono::seconds(numbers[2]));
  if (!limit.ok()) return Error{ErrorCode::kInvalid, "ERR " + limit.error().message};
  return Ask{limit.value(), tokens};
}

limit::Throttled Decide(const LocalCall& call, const Ask& ask) {
  return call.gateway.admission().Throttle(call.args[1], ask.limit, ask.quantity,
                                           call.gateway.clock().Mono());
}

double Seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}
// Decides, and writes what both replies begin with; the times follow, in each one's unit.
limit::Throttled DecideAndBegin(const LocalCall& call, const Ask& ask, resp::Writer& writer) {
  const limit::Throttled answer = Decide(call, ask);
  writer.ArrayHeader(5);
  writer.Integer(answer.verdict == limit::Verdict::kAllowed ? 0 : 1);
  writer.Integer(static_cast<int64_t>(ask.limit.capacity()));
  writer.Integer(static_cast<int64_t>(answer.remaining));
  return answer;
}

}  // namespace

// CL.THROTTLE and RL.THROTTLE.
void ClThrottle(const LocalCall& call, resp::Writer& writer) {
  if (call.args.size() > 6) {
    WriteError(writer, errors::WrongArity(call.args[0]));
    return;
  }
  const Result<Ask> ask =
      ParseAsk(call.args, call.args.size() == 6 ? std::optional(call.args[5]) : std::nullopt);
  if (!ask.ok()) {
    WriteError(writer, ask.error().message);
    return;
  }
  const limit::Throttled answer = DecideAndBegin(call, ask.value(), writer);
  const bool waits = answer.verdict == limit::Verdict::kLater;
  // redis-cell may say 0 here, which sends the client back at once.
  writer.Integer(waits ? std::max<int64_t>(limit::ThrottleSeconds(answer.retry_after), 1) : -1);
  writer.Integer(limit::ThrottleSeconds(answer.reset_after));
}

void Gcra(const LocalCall& call, resp::Writer& writer) {
  std::optional<std::string_view> quantity;
  if (call.args.size() > 5) {
    const bool named = SameWord(call.args[5], "num_requests") || SameWord(call.args[5], "tokens");
    if (!named || call.args.size() != 7) {
      WriteError(writer, errors::kSyntax);
      return;
    }
    quantity = call.args[6];
  }
  const Result<Ask> ask = ParseAsk(call.args, quantity);
  if (!ask.ok()) {
    WriteError(writer, ask.error().message);
    return;
  }
  const limit::Throttled answer = DecideAndBegin(call, ask.value(), writer);
  const bool waits = answer.verdict == limit::Verdict::kLater;
  writer.Double(waits ? Seconds(answer.retry_after) : -1);
  writer.Double(Seconds(answer.reset_after));
}

}  // namespace weir::gateway::commands
