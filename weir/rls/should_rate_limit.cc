#include "weir/rls/should_rate_limit.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace weir::rls {
namespace {

// A descriptor and what became of it.
struct Judged {
  const Descriptor* descriptor = nullptr;
  const Rule* rule = nullptr;   // nullptr: no limit.
  std::optional<size_t> asked;  // Index of what was asked.
};

Error Wrong(std::string what) {
  return Error{ErrorCode::kInvalid, std::move(what)};
}

// Returns what is wrong with the request, or nothing.
std::string FaultOf(const RateLimitRequest& request) {
  if (request.domain.empty()) return "rate limit domain must not be empty";
  if (request.descriptors.empty()) return "rate limit descriptor list must not be empty";
  for (const Descriptor& descriptor : request.descriptors) {
    for (const Entry& entry : descriptor.entries) {
      if (entry.key.empty()) return "an entry has no key";
    }
    if (descriptor.limit.has_value() && descriptor.limit->unit == Unit::kUnknown) {
      return "a limit's unit is not known";
    }
  }
  return "";
}

// The rule of each descriptor. Rules that another one of the request replaces do not hold.
std::vector<Judged> FindRules(const RateLimitRequest& request, const Rules& rules) {
  const bool known = rules.HasDomain(request.domain);
  std::vector<Judged> all;
  std::set<std::string_view> replaced;
  for (const Descriptor& descriptor : request.descriptors) {
    Judged& judged = all.emplace_back();
    judged.descriptor = &descriptor;
    if (known && descriptor.limit.has_value()) {
      judged.rule = &*descriptor.limit;
      continue;
    }
    judged.rule = rules.Find(request.domain, descriptor.entries);
    if (judged.rule == nullptr) continue;
    replaced.insert(judged.rule->replaces.begin(), judged.rule->replaces.end());
  }
  for (Judged& judged : all) {
    if (judged.rule == nullptr || judged.rule->name.empty()) continue;
    if (replaced.contains(judged.rule->name)) judged.rule = nullptr;
  }
  return all;
}

// Names the bucket. Lengths stand before the texts, so that no two descriptors share a name.
std::string KeyOf(const std::string& domain, const Judged& judged) {
  const auto part = [](const std::string& text) {
    return std::to_string(text.size()) + ":" + text;
  };
  std::string key = "rls:" + part(domain);
  for (const Entry& entry : judged.descriptor->entries) key += part(entry.key) + part(entry.value);
  return key + std::string(UnitName(judged.rule->unit));
}

// A limit of nothing refuses without being asked; one without end is not asked either.
bool IsAsked(const Rule* rule) {
  return rule != nullptr && !rule->unlimited && rule->requests_per_unit > 0;
}

// Whether a limit of nothing refuses the request, so that no other is to be charged.
bool IsRefusedAnyway(const std::vector<Judged>& all) {
  return std::any_of(all.begin(), all.end(), [](const Judged& judged) {
    const Rule* rule = judged.rule;
    return rule != nullptr && !rule->unlimited && !rule->shadow && rule->requests_per_unit == 0;
  });
}

// Two costs of one limit, which no limit has room for where they cannot be counted.
uint64_t SumOf(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

// What is asked; a descriptor that comes twice is one limit with both costs.
Result<std::vector<AskedLimit>> AskedOf(const RateLimitRequest& request, std::vector<Judged>* all) {
  const uint64_t cost_of_all = std::max<uint64_t>(request.hits_addend, 1);
  std::vector<AskedLimit> asked;
  for (Judged& judged : *all) {
    const Rule* rule = judged.rule;
    if (!IsAsked(rule)) continue;
    const std::string key = KeyOf(request.domain, judged);
    const uint64_t cost = judged.descriptor->hits_addend.value_or(cost_of_all);
    auto same = std::find_if(asked.begin(), asked.end(),
                             [&](const AskedLimit& one) { return one.key == key; });
    if (same == asked.end()) {
      if (asked.size() == kLimitsMax) return Wrong("at most 8 limits decide together");
      asked.push_back({key, rule->requests_per_unit, LengthOf(rule->unit), 0, !rule->shadow});
      same = asked.end() - 1;
    }
    same->cost = SumOf(same->cost, cost);
    same->owed |= judged.descriptor->hits_addend.has_value();
    judged.asked = static_cast<size_t>(same - asked.begin());
  }
  return asked;
}

DescriptorStatus StatusOf(const Judged& judged, const std::vector<LimitOutcome>& outcomes) {
  DescriptorStatus status;
  const Rule* rule = judged.rule;
  if (rule != nullptr && rule->unlimited) status.limit_remaining = UINT32_MAX;
  if (rule == nullptr || rule->unlimited) return status;
  const LimitOutcome outcome =
      judged.asked.has_value() ? outcomes[*judged.asked] : LimitOutcome{.allowed = false};
  status.over_limit = !outcome.allowed && !rule->shadow;
  status.current_limit = Rule{.name = rule->name,
                              .requests_per_unit = rule->requests_per_unit,
                              .unit = rule->unit,
                              .shadow = rule->shadow};
  status.limit_remaining = static_cast<uint32_t>(std::min<uint64_t>(outcome.remaining, UINT32_MAX));
  status.duration_until_reset = std::chrono::ceil<std::chrono::seconds>(outcome.until_reset);
  return status;
}

}  // namespace

Result<RateLimitResponse> ShouldRateLimit(const RateLimitRequest& request, const Rules& rules,
                                          const DecideFunction& decide) {
  if (std::string fault = FaultOf(request); !fault.empty()) return Wrong(std::move(fault));
  std::vector<Judged> all = FindRules(request, rules);
  const Result<std::vector<AskedLimit>> asked = AskedOf(request, &all);
  if (!asked.ok()) return asked.error();
  Result<std::vector<LimitOutcome>> outcomes = std::vector<LimitOutcome>(asked.value().size());
  if (!asked.value().empty() && !IsRefusedAnyway(all)) outcomes = decide(asked.value());
  if (!outcomes.ok()) return outcomes.error();
  RateLimitResponse response;
  for (const Judged& judged : all) {
    response.statuses.push_back(StatusOf(judged, outcomes.value()));
    response.over_limit |= response.statuses.back().over_limit;
  }
  return response;
}

}  // namespace weir::rls
