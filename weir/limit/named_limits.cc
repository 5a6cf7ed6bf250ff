#include "weir/limit/named_limits.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <string>

namespace weir::limit {
namespace {

using std::chrono::nanoseconds;

// The charges that the limits make: one each, or one for each rate of a policy.
struct NamedPlan {
  size_t count = 0;
  size_t limits = 0;
  std::array<Charge, kNamedRatesMax> charges;
  std::array<uint64_t, kNamedRatesMax> token_units;
  std::array<std::optional<size_t>, kNamedRatesMax> policies;
  std::array<uint64_t, kNamedRatesMax> ahead;  // In units; of those who wait.
  std::array<uint8_t, kNamedRatesMax> limit;   // Whose charge it is,
  std::array<uint8_t, kNamedRatesMax> window;  // and for which of its rates.

  std::span<const Charge> all() const { return {charges.data(), count}; }
};

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message)};
}

// The units of time that a token of a limit of one's own takes.
Result<uint64_t> OwnTokenUnits(const Rate& rate) {
  // A slower rate than one token in kTokenIntervalMax is well counted here.
  Rate checked = rate;
  if (rate.period > kTokenIntervalMax && rate.count > 0) {
    checked = {rate.count, kTokenIntervalMax, rate.burst};
    if (rate.period > kPeriodMax) checked.period = rate.period;
  }
  if (const Result<Ok> valid = CheckRate(checked); !valid.ok()) return valid.error();
  const auto period = static_cast<uint64_t>(rate.period.count());
  const Uint128 units = Uint128{period} * BucketTable::kTimeUnitsPerNs + rate.count - 1;
  const auto token = static_cast<uint64_t>(units / rate.count);
  if (Uint128{rate.count} * 1'000'000'000 > Uint128{kOwnTokensPerSecondMax} * period) {
    return Invalid("the rate is above 10^7 a second; a [[limit]] counts it exactly");
  }
  // Rounding up can only have taken it above what CheckRate allows by little.
  if (static_cast<Uint128>(token) * rate.burst > kBurstUnitsMax) {
    return Invalid("the burst takes more than 10 years to fill at this rate; lower it");
  }
  return token;
}

bool SameBucket(const Charge& a, const Charge& b) {
  return a.name.hash == b.name.hash && a.name.rule == b.name.rule;
}

// Adds a charge of the limit that is planned now.
Result<Ok> AddCharge(const Charge& charge, uint64_t token_units, std::optional<size_t> policy,
                     NamedPlan* plan) {
  if (plan->count == kNamedRatesMax) return Invalid("at most 16 rates decide together");
  for (const Charge& earlier : plan->all()) {
    if (SameBucket(earlier, charge)) return Invalid("two of these limits have the same bucket");
  }
  const size_t i = plan->count++;
  const bool next = i > 0 && plan->limit[i - 1] == plan->limits;
  plan->charges[i] = charge;
  plan->token_units[i] = token_units;
  plan->policies[i] = policy;
  plan->ahead[i] = 0;
  plan->limit[i] = static_cast<uint8_t>(plan->limits);
  plan->window[i] = next ? static_cast<uint8_t>(plan->window[i - 1] + 1) : 0;
  return Ok();
}

// Adds the next limit to the plan.
Result<Ok> AddLimit(Limiter& limiter, const Limiter::View& view, const NamedLimit& limit,
                    MonoTime now, NamedPlan* plan) {
  if (limit.policy.empty()) {
    const Result<uint64_t> token = OwnTokenUnits(limit.rate);
    if (!token.ok()) return token.error();
    const uint64_t cost = std::min(limit.cost, limit.rate.burst + 1);
    Charge charge = limiter.OwnCharge(limiter.KeyHash(limit.key, limit.window),
                                      token.value() * cost, token.value() * limit.rate.burst, now);
    charge.binding = limit.binding;
    const Result<Ok> added = AddCharge(charge, token.value(), std::nullopt, plan);
    ++plan->limits;
    return added;
  }
  const PolicySet& policies = view.policies();
  const std::optional<size_t> first = policies.Find(limit.policy);
  if (!first.has_value()) {
    return Invalid("there is no limit policy '" +
                   std::string(limit.policy.substr(0, kPolicyNameBytesMax)) + "'");
  }
  const Result<uint64_t> hash = policies.SubjectHash(*first, limit.key);
  if (!hash.ok()) return hash.error();
  for (size_t policy = *first; policy < *first + policies.Windows(*first); ++policy) {
    Charge charge = limiter.PolicyCharge(view, policy, hash.value(), limit.cost, now);
    charge.binding = charge.binding && limit.binding;
    const Result<Ok> added = AddCharge(charge, policies.rule(policy).Units(1), policy, plan);
    if (!added.ok()) return added;
  }
  ++plan->limits;
  return Ok();
}

// What the bucket's line counts in; see NamedOutcome::line_cost.
uint64_t LineUnits(const NamedPlan& plan, size_t i) {
  return plan.policies[i].has_value() ? plan.token_units[i] : 1;
}

// Returns whether anybody goes before in one of the buckets.
bool NoteAhead(const AheadOf& ahead, NamedPlan* plan) {
  constexpr uint64_t kMost = kBurstUnitsMax;
  bool any = false;
  for (size_t i = 0; i < plan->count; ++i) {
    const uint64_t units = LineUnits(*plan, i);
    plan->ahead[i] = std::min(ahead(plan->charges[i].name.hash), kMost / units) * units;
    any |= plan->ahead[i] > 0;
  }
  return any;
}

NamedOutcome OutcomeOf(const NamedPlan& plan, size_t i, const Part& part, MonoTime now) {
  const Charge& charge = plan.charges[i];
  NamedOutcome outcome;
  outcome.verdict = part.verdict;
  outcome.remaining = (charge.burst - std::min(part.missing, charge.burst)) / plan.token_units[i];
  outcome.retry_after = part.RetryAfter(charge, now);
  outcome.reset_after = part.ResetAfter(charge, now);
  outcome.binding = charge.binding;
  outcome.bucket = charge.name.hash;
  // What will cost time is taken for one token.
  outcome.line_cost = std::max<uint64_t>(charge.cost / LineUnits(plan, i), charge.cost > 0 ? 1 : 0);
  const uint64_t needed = part.missing + plan.ahead[i] + charge.cost;
  const bool others_first = plan.ahead[i] > 0 && charge.cost > 0 && needed > charge.burst;
  if (!others_first || part.verdict == Verdict::kNever) return outcome;
  outcome.behind = true;
  outcome.verdict = Verdict::kLater;
  outcome.retry_after = charge.clock->Until(needed - charge.burst, now);
  return outcome;
}

// Adds what another rate of the same policy says.
void Merge(const NamedOutcome& other, NamedOutcome* outcome) {
  const bool decides = other.retry_after != outcome->retry_after
                           ? other.retry_after > outcome->retry_after
                           : other.remaining < outcome->remaining;
  NamedOutcome merged = decides ? other : *outcome;
  merged.remaining = std::min(other.remaining, outcome->remaining);
  merged.reset_after = std::max(other.reset_after, outcome->reset_after);
  *outcome = merged;
}

// nullopt: it is stale, and nothing was done.
std::optional<NamedOutcomes> Judge(const NamedPlan& plan, Terms terms, MonoTime now,
                                   std::span<Part, kNamedRatesMax> parts) {
  const Ruling ruling = Decide(plan.all(), now, terms, parts);
  if (ruling == Ruling::kStale) return std::nullopt;
  NamedOutcomes outcomes{.allowed = ruling == Ruling::kAllowed, .count = plan.limits};
  nanoseconds longest{0};
  for (size_t i = 0; i < plan.count; ++i) {
    NamedOutcome outcome = OutcomeOf(plan, i, parts[i], now);
    outcome.window = plan.window[i];
    NamedOutcome& whole = outcomes.each[plan.limit[i]];
    outcome.window == 0 ? void(whole = outcome) : Merge(outcome, &whole);
    if (!plan.charges[i].binding || outcome.retry_after <= longest) continue;
    longest = outcome.retry_after;
    outcomes.decisive = plan.limit[i];
    outcomes.allowed = false;
  }
  return outcomes;
}

void Count(const NamedPlan& plan, const NamedOutcomes& outcomes, std::span<const Part> parts,
           const PolicySet& policies) {
  for (size_t i = 0; i < plan.count; ++i) {
    if (!plan.policies[i].has_value()) continue;
    PolicyTally::Shard& tally = policies.tally(*plan.policies[i], plan.charges[i].name.hash);
    const size_t limit = plan.limit[i];
    if (outcomes.allowed) {
      tally.CountPassed(plan.charges[i], parts[i]);
    } else if (limit == outcomes.decisive && plan.window[i] == outcomes.each[limit].window) {
      tally.CountDenied();
    }
  }
}

Result<NamedPlan> PlanOf(Limiter& limiter, Limiter::View* view, std::span<const NamedLimit> limits,
                         MonoTime now) {
  limiter.Follow(view);
  NamedPlan plan;
  for (const NamedLimit& limit : limits) {
    if (const Result<Ok> added = AddLimit(limiter, *view, limit, now, &plan); !added.ok()) {
      return added.error();
    }
  }
  return plan;
}

}  // namespace

std::vector<NamedLimit> LimitsOf(const PolicySet& policies, const Request& request,
                                 Subjects* subjects) {
  std::vector<NamedLimit> limits;
  const Matches matches = policies.Match(request);
  for (size_t i = 0; i < matches.count; ++i) {
    const Policy& policy = policies.policy(matches.policies[i]);
    if (policy.window > 0) continue;  // Its name stands for all its rates.
    std::string& subject = (*subjects)[limits.size()];
    subject = policies.Subject(matches.policies[i], request);
    limits.push_back({.key = subject,
                      .policy = policy.name,
                      .cost = policies.Cost(matches.policies[i], request)});
  }
  return limits;
}

Result<NamedOutcomes> DecideNamed(Limiter& limiter, Limiter::View* view,
                                  std::span<const NamedLimit> limits, Ask ask, MonoTime now,
                                  const AheadOf* ahead) {
  assert(limits.size() <= kNamedLimitsMax);
  const bool settles = ask == Ask::kReturn || ask == Ask::kExact;
  bool settled = false;
  for (;;) {
    Result<NamedPlan> made = PlanOf(limiter, view, limits, now);
    if (!made.ok()) return made.error();
    NamedPlan& plan = made.value();
    Terms terms = limiter.TermsOf(*view);
    if (settles && !settled) {
      settled =
          ask == Ask::kReturn ? Refund(plan.all(), now, terms) : Force(plan.all(), now, terms);
      if (!settled) continue;
    }
    if (settles) {
      for (size_t i = 0; i < plan.count; ++i) plan.charges[i].cost = 0;
    }
    const bool takes = ask == Ask::kTake || ask == Ask::kTry;
    // Others go before: is there enough for them too?
    const bool looks = ahead != nullptr && !settles && NoteAhead(*ahead, &plan);
    terms.peek = !takes || looks;
    std::array<Part, kNamedRatesMax> parts;
    std::optional<NamedOutcomes> outcomes = Judge(plan, terms, now, parts);
    if (takes && looks && outcomes.has_value() && outcomes->allowed) {
      plan.ahead.fill(0);
      terms.peek = false;
      outcomes = Judge(plan, terms, now, parts);
    }
    if (!outcomes.has_value()) continue;
    if (ask == Ask::kTake || (ask == Ask::kTry && outcomes->allowed)) {
      Count(plan, *outcomes, parts, view->policies());
    }
    return *outcomes;
  }
}

}  // namespace weir::limit
