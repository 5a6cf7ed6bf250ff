// LIMIT.RESERVE, COMMIT and CANCEL: tokens taken for work whose cost is known afterwards.
// LIMIT.ACQUIRE and RELEASE: places for those who work on something at once.
#include "weir/gateway/limit_holds.h"

#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/limit.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/limit_words.h"
#include "weir/gateway/reply.h"

namespace weir::gateway::commands {
namespace {

using limit::Ask;
using std::chrono::milliseconds;

constexpr size_t kNumberDigits = 16;
constexpr milliseconds kReservationTtl{60'000};

// The number of a lease or a reservation as clients see it.
std::string NumberText(uint64_t number) {
  std::array<char, kNumberDigits> digits;
  const std::to_chars_result end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
  const std::string_view text(digits.data(), static_cast<size_t>(end.ptr - digits.data()));
  return std::string(kNumberDigits - text.size(), '0') + std::string(text);
}

std::optional<uint64_t> ReadNumber(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number, 16);
  if (text.size() != kNumberDigits || error != std::errc() || at != end) return std::nullopt;
  return number;
}

// Reads the milliseconds after TTL. Errors: kInvalid, with the whole reply as message.
Result<milliseconds> ReadTtl(std::string_view text) {
  int64_t ttl = 0;
  if (!ParseInteger(text, &ttl))
    return Error{ErrorCode::kInvalid, std::string(errors::kNotInteger)};
  if (ttl < 1 || ttl > limit::kLeaseTtlMax.count()) {
    return Error{ErrorCode::kInvalid, std::string(errors::kLimitTtl)};
  }
  return milliseconds(ttl);
}

struct ReserveWords {
  NamedLimitWords limits;
  milliseconds ttl = kReservationTtl;
};

Result<ReserveWords> ReadReserve(const LocalCall& call) {
  Result<NamedLimitWords> limits = ReadPermittedLimits(call, 1, Ask::kTake);
  if (!limits.ok()) return limits.error();
  ReserveWords words{.limits = limits.value()};
  Args rest = call.args.subspan(words.limits.end);
  if (!rest.empty()) {
    if (!SameWord(rest[0], "TTL")) {
      return Error{ErrorCode::kInvalid, errors::NoLimitOfKey(rest[0])};
    }
    if (rest.size() != 2) return Error{ErrorCode::kInvalid, std::string(errors::kSyntax)};
    const Result<milliseconds> ttl = ReadTtl(rest[1]);
    if (!ttl.ok()) return ttl.error();
    words.ttl = ttl.value();
  }
  size_t bytes = 0;
  for (const limit::NamedLimit& limit : words.limits.all()) bytes += limit.key.size();
  if (bytes > LimitHolds::kKeyBytesMax) {
    return Error{ErrorCode::kInvalid, std::string(errors::kReservedKeys)};
  }
  return words;
}

// Settles one limit. A policy that is gone meanwhile has nothing to settle.
void Settle(const LocalCall& call, limit::NamedLimit limit, Ask ask, uint64_t tokens) {
  if (tokens == 0) return;
  limit.cost = tokens;
  [[maybe_unused]] const Result<limit::NamedOutcomes> settled =
      call.gateway.admission().DecideNamed(&call.outbox.limits, {&limit, 1}, ask,
                                           call.outbox.now.mono);
}

void GiveBack(const LocalCall& call, const LimitHolds::Reservation& reservation) {
  const std::vector<limit::NamedLimit> limits = reservation.limits();
  for (size_t i = 0; i < limits.size(); ++i) {
    if (reservation.took(i)) Settle(call, limits[i], Ask::kReturn, limits[i].cost);
  }
}

// Takes the reservation out that words 1 and 2 name; `costs`: how many were given for its limits.
// Errors: kInvalid, with the whole reply as message.
Result<LimitHolds::Reservation> TakeOut(const LocalCall& call, size_t costs) {
  const std::optional<uint64_t> number = ReadNumber(call.args[2]);
  if (!number.has_value()) {
    return Error{ErrorCode::kInvalid, std::string(errors::kNoReservation)};
  }
  return call.gateway.admission().holds().Settle(call.args[1], *number, costs,
                                                 call.outbox.now.mono);
}

// Reads what each limit has cost in the end, from word 3 on; as reserved where there are none.
Result<std::vector<uint64_t>> ReadCosts(const LocalCall& call) {
  std::vector<uint64_t> costs;
  for (const std::string_view word : call.args.subspan(3)) {
    int64_t cost = 0;
    if (!ParseInteger(word, &cost)) {
      return Error{ErrorCode::kInvalid, std::string(errors::kNotInteger)};
    }
    if (cost < 0) return Error{ErrorCode::kInvalid, std::string(errors::kNegativeTokens)};
    costs.push_back(static_cast<uint64_t>(cost));
  }
  return costs;
}

}  // namespace

void LimitReserve(const LocalCall& call, resp::Writer& writer) {
  const Result<ReserveWords> words = ReadReserve(call);
  if (!words.ok()) return WriteError(writer, words.error().message);
  const std::span<const limit::NamedLimit> limits = words.value().limits.all();
  Admission& admission = call.gateway.admission();
  const MonoTime now = call.outbox.now.mono;
  const Result<limit::NamedOutcomes> outcomes =
      admission.DecideNamed(&call.outbox.limits, limits, Ask::kTake, now);
  if (!outcomes.ok()) return WriteError(writer, "ERR " + outcomes.error().message);
  std::optional<uint64_t> number;
  if (outcomes.value().allowed) {
    const Result<uint64_t> reserved = admission.holds().Reserve(
        LimitHolds::Reservation(limits, outcomes.value()), now + words.value().ttl, now);
    if (!reserved.ok()) {
      GiveBack(call, LimitHolds::Reservation(limits, outcomes.value()));
      return ErrorReply(reserved.error()).WriteTo(writer);
    }
    number = reserved.value();
  }
  writer.ArrayHeader(kOutcomeFields + 1);
  WriteOutcomeFields(outcomes.value(), writer);
  number.has_value() ? writer.Bulk(NumberText(*number)) : writer.Null();
}

void LimitCommit(const LocalCall& call, resp::Writer& writer) {
  const Result<std::vector<uint64_t>> read = ReadCosts(call);
  if (!read.ok()) return WriteError(writer, read.error().message);
  const std::vector<uint64_t>& costs = read.value();
  const Result<LimitHolds::Reservation> reservation = TakeOut(call, costs.size());
  if (!reservation.ok()) return WriteError(writer, reservation.error().message);
  const std::vector<limit::NamedLimit> limits = reservation.value().limits();
  for (size_t i = 0; i < costs.size(); ++i) {
    if (!reservation.value().took(i)) continue;
    const uint64_t reserved = limits[i].cost;
    if (costs[i] < reserved) Settle(call, limits[i], Ask::kReturn, reserved - costs[i]);
    if (costs[i] > reserved) Settle(call, limits[i], Ask::kExact, costs[i] - reserved);
  }
  writer.SimpleString("OK");
}

void LimitCancel(const LocalCall& call, resp::Writer& writer) {
  const Result<LimitHolds::Reservation> reservation = TakeOut(call, 0);
  if (!reservation.ok()) return WriteError(writer, reservation.error().message);
  GiveBack(call, reservation.value());
  writer.SimpleString("OK");
}

// acquired, in_use, retry_after_ms, lease.
void LimitAcquire(const LocalCall& call, resp::Writer& writer) {
  const Args args = call.args;
  int64_t most = 0;
  if (!SameWord(args[2], "MAX") || !SameWord(args[4], "TTL") || args.size() == 7 ||
      (args.size() == 8 && !SameWord(args[6], "LEASE")) || args.size() > 8) {
    return WriteError(writer, errors::kSyntax);
  }
  if (!ParseInteger(args[3], &most)) return WriteError(writer, errors::kNotInteger);
  if (most < 1 || most > static_cast<int64_t>(limit::kLeasesOfKeyMax)) {
    return WriteError(writer, errors::kLimitMax);
  }
  const Result<milliseconds> ttl = ReadTtl(args[5]);
  if (!ttl.ok()) return WriteError(writer, ttl.error().message);
  LimitHolds& holds = call.gateway.admission().holds();
  const MonoTime now = call.outbox.now.mono;
  limit::Leases::Acquired acquired;
  if (args.size() == 8) {
    const std::optional<uint64_t> given = ReadNumber(args[7]);
    acquired.acquired = given.has_value() && holds.Renew(args[1], *given, ttl.value(), now);
    acquired.in_use = holds.InUse(args[1], now);
    acquired.lease = given.value_or(0);
  } else {
    const Result<limit::Leases::Acquired> made =
        holds.Acquire(args[1], static_cast<uint64_t>(most), ttl.value(), now);
    if (!made.ok()) return ErrorReply(made.error()).WriteTo(writer);
    acquired = made.value();
  }
  writer.ArrayHeader(4);
  writer.Integer(acquired.acquired ? 1 : 0);
  writer.Integer(static_cast<int64_t>(acquired.in_use));
  writer.Integer(std::chrono::ceil<milliseconds>(acquired.retry_after).count());
  acquired.acquired ? writer.Bulk(NumberText(acquired.lease)) : writer.Null();
}

void LimitRelease(const LocalCall& call, resp::Writer& writer) {
  const std::optional<uint64_t> lease = ReadNumber(call.args[2]);
  const bool released = lease.has_value() && call.gateway.admission().holds().Release(
                                                 call.args[1], *lease, call.outbox.now.mono);
  writer.Integer(released ? 1 : 0);
}

}  // namespace weir::gateway::commands
