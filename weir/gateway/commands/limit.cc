// LIMIT.CHECK, PEEK, REFUND and EXPLAIN: decisions about limits that clients name.
#include "weir/gateway/commands/limit.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weir/base/key_hash.h"
#include "weir/gateway/access.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/limit_words.h"
#include "weir/limit/ip_address.h"

namespace weir::gateway::commands {
namespace {

using limit::Ask;

// -1: never.
int64_t Milliseconds(std::chrono::nanoseconds wait) {
  if (wait == std::chrono::nanoseconds::max()) return -1;
  return std::chrono::ceil<std::chrono::milliseconds>(wait).count();
}

// The pipeline has seen that the user may touch the first key; the others follow AND.
bool MayTouchAll(const Session& session, std::span<const limit::NamedLimit> limits) {
  if (session.user == nullptr) return true;
  return std::all_of(limits.begin(), limits.end(), [&](const limit::NamedLimit& limit) {
    return session.user->MayTouch(limit.key);
  });
}

// The pipeline has seen that the slot of the first key is this node's.
bool AreOfOneSlot(std::span<const limit::NamedLimit> limits) {
  const uint32_t slot = TagSlot(KeyTag(limits.front().key));
  return std::all_of(limits.begin(), limits.end(), [slot](const limit::NamedLimit& limit) {
    return TagSlot(KeyTag(limit.key)) == slot;
  });
}

bool MayChangeAll(const LocalCall& call, std::span<const limit::NamedLimit> limits) {
  const users::User* user = call.session.user;
  if (user == nullptr || user->May(users::kAdmin)) return true;
  const limit::PolicySet& policies = call.gateway.admission().PoliciesIn(&call.outbox.limits);
  return std::all_of(limits.begin(), limits.end(), [&](const limit::NamedLimit& limit) {
    const std::optional<size_t> policy = policies.Find(limit.policy);
    return !policy.has_value() || policies.policy(*policy).only_named;
  });
}

void Decide(const LocalCall& call, Ask ask, resp::Writer& writer) {
  const Result<NamedLimitWords> words = ReadPermittedLimits(call, 1, ask);
  if (!words.ok()) return WriteError(writer, words.error().message);
  if (const size_t end = words.value().end; end != call.args.size()) {
    return WriteError(writer, errors::NoLimitOfKey(call.args[end]));
  }
  const Result<limit::NamedOutcomes> outcomes = call.gateway.admission().DecideNamed(
      &call.outbox.limits, words.value().all(), ask, call.outbox.now.mono);
  if (!outcomes.ok()) return WriteError(writer, "ERR " + outcomes.error().message);
  writer.ArrayHeader(kOutcomeFields);
  WriteOutcomeFields(outcomes.value(), writer);
}

// Whose request LIMIT.EXPLAIN is to explain, and where its words begin.
struct Explained {
  std::string_view user;
  limit::Address client;
  bool of_others = false;
  size_t begin = 1;
};

Result<Explained> ReadExplained(const LocalCall& call) {
  Explained explained{.user = call.session.user_name(), .client = call.session.client};
  while (call.args.size() > explained.begin + 1) {
    const bool as = SameWord(call.args[explained.begin], "AS");
    if (!as && !SameWord(call.args[explained.begin], "FROM")) break;
    const std::string_view given = call.args[explained.begin + 1];
    explained.of_others = true;
    explained.begin += 2;
    if (as) {
      explained.user = given;
      continue;
    }
    const std::optional<limit::Address> address = limit::ParseAddress(given);
    if (!address.has_value()) {
      return Error{ErrorCode::kInvalid, std::string(errors::kNotAddress)};
    }
    explained.client = *address;
  }
  return explained;
}

std::string_view Action(const limit::NamedOutcome& outcome, const limit::Policy* policy) {
  if (!outcome.binding) return "shadow";
  return policy != nullptr && policy->delay_max.count() > 0 ? "delay" : "reject";
}

void WriteExplained(const limit::NamedLimit& limit, const limit::NamedOutcome& outcome,
                    const limit::PolicySet& policies, resp::Writer& writer) {
  const std::optional<size_t> policy = policies.Find(limit.policy);
  // The policies in force may have come to have more rates since.
  const size_t window =
      policy.has_value() ? std::min(outcome.window, policies.Windows(*policy) - 1) : 0;
  const limit::Rate& rate =
      policy.has_value() ? policies.policy(*policy + window).rate : limit.rate;
  writer.MapHeader(11);
  writer.Bulk("policy");
  policy.has_value() ? writer.Bulk(limit.policy) : writer.Null();
  writer.Bulk("scope");
  writer.Bulk(policy.has_value() ? policies.Scope(*policy) : "key");
  writer.Bulk("key");
  writer.Bulk(limit.key);
  writer.Bulk("action");
  writer.Bulk(Action(outcome, policy.has_value() ? &policies.policy(*policy) : nullptr));
  writer.Bulk("limit");
  writer.Bulk(policy.has_value() ? policies.limit_text(*policy + window)
                                 : limit::RateText(rate, limit::Unit::kRequests));
  const std::pair<std::string_view, int64_t> numbers[] = {
      {"burst", static_cast<int64_t>(rate.burst)},
      {"cost", static_cast<int64_t>(limit.cost)},
      {"allowed", outcome.allowed() ? 1 : 0},
      {"remaining", static_cast<int64_t>(outcome.remaining)},
      {"retry_after_ms", Milliseconds(outcome.retry_after)},
      {"reset_after_ms", Milliseconds(outcome.reset_after)}};
  for (const auto& [name, number] : numbers) {
    writer.Bulk(name);
    writer.Integer(number);
  }
}

// Whether the words of the command are limits, from the first key on.
bool NamesLimits(const CommandSpec& spec) {
  return spec.local == LimitCheck || spec.local == LimitPeek || spec.local == LimitRefund ||
         spec.local == LimitReserve || spec.kind == CommandKind::kWait;
}

// What each of `limits` says now, each by itself.
Result<std::vector<limit::NamedOutcome>> PeekEach(const LocalCall& call,
                                                  std::span<const limit::NamedLimit> limits) {
  std::vector<limit::NamedOutcome> outcomes;
  for (const limit::NamedLimit& limit : limits) {
    const Result<limit::NamedOutcomes> outcome = call.gateway.admission().DecideNamed(
        &call.outbox.limits, {&limit, 1}, Ask::kPeek, call.outbox.now.mono);
    if (!outcome.ok()) {
      return Error{ErrorCode::kInvalid, "ERR " + outcome.error().message};
    }
    outcomes.push_back(outcome.value().each[0]);
  }
  return outcomes;
}

// Why the user of the session may not have this explained, or an empty text.
std::string ExplainDenied(const LocalCall& call, const Explained& explained,
                          const CommandSpec& spec, Args args) {
  const users::User* user = call.session.user;
  if (user == nullptr || call.session.users == nullptr) return "";
  if (explained.of_others && !user->May(users::kAdmin)) return std::string(errors::kExplainOthers);
  switch (Deny(*user, spec, args)) {
    case Denial::kNone:
      return "";
    case Denial::kCommand:
      return errors::NoCommandPermission(spec.name);
    case Denial::kKey:
      return std::string(errors::kNoKeyPermission);
  }
  __builtin_unreachable();
}

}  // namespace

void WriteOutcomeFields(const limit::NamedOutcomes& outcomes, resp::Writer& writer) {
  // Of limits that refuse nothing only where there are no others.
  const auto all = outcomes.all();
  const bool some_bind =
      std::any_of(all.begin(), all.end(), [](const auto& outcome) { return outcome.binding; });
  uint64_t remaining = UINT64_MAX;
  std::chrono::nanoseconds reset_after{0};
  for (const limit::NamedOutcome& outcome : all) {
    if (some_bind && !outcome.binding) continue;
    remaining = std::min(remaining, outcome.remaining);
    reset_after = std::max(reset_after, outcome.reset_after);
  }
  const bool allowed = outcomes.allowed;
  writer.Integer(allowed ? 1 : 0);
  writer.Integer(static_cast<int64_t>(remaining));
  writer.Integer(allowed ? 0 : Milliseconds(outcomes.each[outcomes.decisive].retry_after));
  writer.Integer(Milliseconds(reset_after));
  writer.Integer(allowed ? 0 : static_cast<int64_t>(outcomes.decisive) + 1);
}

Result<NamedLimitWords> ReadPermittedLimits(const LocalCall& call, size_t begin, Ask ask) {
  Result<NamedLimitWords> words = ReadNamedLimits(call.args, begin);
  if (!words.ok()) return words;
  if (!MayTouchAll(call.session, words.value().all())) {
    return Error{ErrorCode::kInvalid, std::string(errors::kNoKeyPermission)};
  }
  if (!call.gateway.ServesAll() && !AreOfOneSlot(words.value().all())) {
    return Error{ErrorCode::kInvalid, std::string(errors::kCrossSlot)};
  }
  if (ask != Ask::kPeek && !MayChangeAll(call, words.value().all())) {
    return Error{ErrorCode::kInvalid, std::string(errors::kEnforcedLimit)};
  }
  return words;
}

void LimitCheck(const LocalCall& call, resp::Writer& writer) {
  Decide(call, Ask::kTake, writer);
}

void LimitPeek(const LocalCall& call, resp::Writer& writer) {
  Decide(call, Ask::kPeek, writer);
}

void LimitRefund(const LocalCall& call, resp::Writer& writer) {
  Decide(call, Ask::kReturn, writer);
}

// policy (null: none), key, refusals, too high by at most.
void LimitOffenders(const LocalCall& call, resp::Writer& writer) {
  const auto top = call.gateway.admission().TopOffenders(call.outbox.now.mono);
  writer.ArrayHeader(top.size());
  for (const limit::Offenders::Entry& entry : top) {
    writer.ArrayHeader(4);
    entry.policy.empty() ? writer.Null() : writer.Bulk(entry.policy);
    writer.Bulk(entry.key);
    writer.Integer(static_cast<int64_t>(entry.count));
    writer.Integer(static_cast<int64_t>(entry.error));
  }
}

void LimitExplain(const LocalCall& call, resp::Writer& writer) {
  const Result<Explained> read = ReadExplained(call);
  if (!read.ok()) return WriteError(writer, read.error().message);
  const Explained& explained = read.value();
  const Args words = call.args.subspan(explained.begin);
  const CommandSpec* spec = words.empty() ? nullptr : ResolveCommand(words);
  if (spec == nullptr) return WriteError(writer, errors::kGetkeysCommand);
  if (!spec->ArityFits(words.size())) return WriteError(writer, errors::WrongArity(spec->name));
  if (const std::string denied = ExplainDenied(call, explained, *spec, words); !denied.empty()) {
    return WriteError(writer, denied);
  }
  limit::Request request = LimitRequest(*spec, words, call.session);
  request.user = explained.user;
  request.client = explained.client;
  // Held by the view, so they stay while other policies come into force.
  Admission::View view;
  const limit::PolicySet& policies = call.gateway.admission().PoliciesIn(&view);
  limit::Subjects subjects;
  std::vector<limit::NamedLimit> limits;
  if ((spec->flags & kFlagUnlimited) == 0) limits = limit::LimitsOf(policies, request, &subjects);
  if (NamesLimits(*spec)) {
    const Result<NamedLimitWords> named = ReadNamedLimits(words, 1);
    if (!named.ok()) return WriteError(writer, named.error().message);
    if (!MayTouchAll(call.session, named.value().all())) {
      return WriteError(writer, errors::kNoKeyPermission);
    }
    limits.insert(limits.end(), named.value().all().begin(), named.value().all().end());
  }
  const Result<std::vector<limit::NamedOutcome>> outcomes = PeekEach(call, limits);
  if (!outcomes.ok()) return WriteError(writer, outcomes.error().message);
  writer.ArrayHeader(limits.size());
  for (size_t i = 0; i < limits.size(); ++i) {
    WriteExplained(limits[i], outcomes.value()[i], policies, writer);
  }
}

}  // namespace weir::gateway::commands
