#include "weir/limit/limiter.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <utility>

#include <sched.h>

#include "weir/base/key_hash.h"

namespace weir::limit {
namespace {

class TextWriter {
 public:
  explicit TextWriter(std::span<char> buffer) : buffer_(buffer) {}

  TextWriter& operator<<(std::string_view text) {
    assert(text.size() <= buffer_.size() - size_);
    std::memcpy(buffer_.data() + size_, text.data(), text.size());
    size_ += text.size();
    return *this;
  }
  TextWriter& operator<<(int64_t number) {
    char digits[20];
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), number);
    return *this << std::string_view(digits, static_cast<size_t>(end.ptr - digits));
  }
  std::string_view text() const { return {buffer_.data(), size_}; }

 private:
  std::span<char> buffer_;
  size_t size_ = 0;
};

// Fixed words, three 20-digit numbers and the unit names come to less than this.
static_assert(kThrottledTextMax >= kPolicyNameBytesMax + SubjectTemplate::kBytesMax + 160);

}  // namespace

Limiter::Limiter(Options options)
    : seed_(options.seed), memory_(options.bytes), table_(memory_.bytes(), options.crowded) {
  table_.SetTimeRule(kTimeRule);
}

Result<std::unique_ptr<Limiter>> Limiter::Create(std::vector<Policy> policies, Options options) {
  if (options.bytes < BucketTable::kBytesMin || options.bytes > BucketTable::kBytesMax) {
    return Error{ErrorCode::kInvalid, "the limiter's memory must be from 128 bytes to 256 GiB"};
  }
  std::unique_ptr<Limiter> limiter(new Limiter(options));
  const Result<Ok> set = limiter->SetPolicies(std::move(policies), MonoTime{});
  if (!set.ok()) return set.error();
  return limiter;
}

Result<Ok> Limiter::SetPolicies(std::vector<Policy> policies, MonoTime now) {
  const std::shared_ptr<const PolicySet> before = Current();
  Result<PolicySet> created = PolicySet::Create(std::move(policies), seed_, before.get());
  if (!created.ok()) return created.error();
  const auto after = std::make_shared<const PolicySet>(std::move(created).value());

  std::array<RuleId, kRulesMax + 1> successors;
  for (size_t id = 0; id <= kRulesMax; ++id) successors[id] = static_cast<RuleId>(id);
  for (size_t i = 0; before != nullptr && i < before->size(); ++i) {
    successors[before->rule_id(i)] = kNoRule;
  }
  for (size_t i = 0; i < after->size(); ++i) {
    const RuleId id = after->rule_id(i);
    // One that stays is being read.
    const bool stays = std::exchange(successors[id], id) == kNoRule;
    if (after->former_rule_id(i) != kNoRule) successors[after->former_rule_id(i)] = id;
    if (!stays) table_.SetRule(id, after->rule(i));
  }
  // A decision that has its locks while the old generation is in force is seen by Reassign, or by
  // the next decision about its buckets, as that of the old rules. One that gets them later finds
  // the new generation and plans anew.
  std::shared_ptr<const PolicySet> replaced = after;
  Swap(&replaced);
  policy_count_.store(after->size(), std::memory_order_relaxed);
  generation_.fetch_add(1);
  table_.Reassign(successors, now);
  return Ok();
}

void Limiter::Swap(std::shared_ptr<const PolicySet>* policies) {
  while (copying_.test_and_set(std::memory_order_acquire)) ::sched_yield();
  policies_.swap(*policies);
  copying_.clear(std::memory_order_release);
}

std::shared_ptr<const PolicySet> Limiter::Current() const {
  while (copying_.test_and_set(std::memory_order_acquire)) ::sched_yield();
  std::shared_ptr<const PolicySet> current = policies_;
  copying_.clear(std::memory_order_release);
  return current;
}

// The generation is read first: a view that is late by one is told so by the decision.
void Limiter::Renew(View* view) const {
  view->generation_ = generation_.load(std::memory_order_acquire);
  view->policies_ = Current();
}

Plan Limiter::MakePlan(View* view, const Request& request, MonoTime now) {
  Follow(view);
  const PolicySet& policies = view->policies();
  Plan plan;
  plan.generation_ = view->generation_;
  plan.now_ = now;
  if (!policies.Concerns(request.command)) return plan;
  const Matches matches = policies.Match(request);
  for (size_t i = 0; i < matches.count; ++i) {
    const size_t policy = matches.policies[i];
    plan.policies_[i] = static_cast<uint8_t>(policy);
    plan.charges_[i] = PolicyCharge(*view, policy, policies.BucketHash(policy, request),
                                    policies.Cost(policy, request), now);
  }
  plan.count_ = matches.count;
  return plan;
}

Charge Limiter::PolicyCharge(const View& view, size_t policy, uint64_t hash, uint64_t cost,
                             MonoTime now) {
  const PolicySet& policies = view.policies();
  const BucketRule& rule = policies.rule(policy);
  // What will cost time passes if anything is left.
  const bool looks = cost == 0 && policies.policy(policy).unit == Unit::kDatabaseTime;
  return {.table = &table_,
          .clock = &rule.clock(),
          .name = {hash, policies.rule_id(policy), policies.former_rule_id(policy)},
          .flowed = rule.clock().At(now),
          // What is above the burst stays above it.
          .cost = looks ? 1 : rule.Units(std::min(cost, rule.rate().burst + 1)),
          .burst = rule.burst_units(),
          .binding = policies.Binds(policy, hash)};
}

void Limiter::Prefetch(const Plan& plan) const {
  for (const Charge& charge : plan.charges()) table_.Prefetch(charge.name);
}

Decision Limiter::Admit(View* view, const Request& request, MonoTime now) {
  for (;;) {
    const Plan plan = MakePlan(view, request, now);
    if (plan.empty()) return Decision{};
    if (const std::optional<Decision> decision = Admit(*view, plan)) return *decision;
  }
}

std::optional<Decision> Limiter::Admit(const View& view, const Plan& plan) {
  const std::span<const Charge> charges = plan.charges();
  std::array<Part, kMatchesMax> parts;
  const Terms terms{.generation = &generation_, .expected = plan.generation_};
  const Ruling ruling = Decide(charges, plan.now_, terms, parts);
  if (ruling == Ruling::kStale) return std::nullopt;
  Decision decision;
  if (ruling == Ruling::kAllowed) {
    for (size_t i = 0; i < charges.size(); ++i) {
      view.policies()
          .tally(plan.policies_[i], charges[i].name.hash)
          .CountPassed(charges[i], parts[i]);
    }
    return decision;
  }
  bool may_wait = true;
  for (size_t i = 0; i < charges.size(); ++i) {
    if (parts[i].verdict == Verdict::kAllowed || !charges[i].binding) continue;
    const std::chrono::nanoseconds wait = parts[i].RetryAfter(charges[i], plan.now_);
    may_wait &= wait <= view.policies().policy(plan.policies_[i]).delay_max;
    if (wait > decision.retry_after) decision = {parts[i].verdict, plan.policies_[i], wait};
  }
  decision.may_wait = may_wait;
  if (!may_wait) view.policies().tally(decision.policy, charges[0].name.hash).CountDenied();
  return decision;
}

void Limiter::Settle(View* view, const Request& request, std::chrono::nanoseconds took,
                     MonoTime now) {
  for (;;) {
    const Plan plan = MakePlan(view, request, now);
    const PolicySet& policies = view->policies();
    std::array<Charge, kMatchesMax> charges;
    size_t count = 0;
    for (size_t i = 0; i < plan.count_; ++i) {
      const size_t policy = plan.policies_[i];
      if (policies.policy(policy).unit != Unit::kDatabaseTime) continue;
      charges[count] = plan.charges_[i];
      charges[count++].cost = policies.rule(policy).MillisecondUnits(took);
    }
    const Terms terms{.generation = &generation_, .expected = plan.generation_};
    if (Force({charges.data(), count}, now, terms)) return;
  }
}

void Limiter::Refund(View* view, const Request& request, MonoTime now) {
  for (;;) {
    const Plan plan = MakePlan(view, request, now);
    const Terms terms{.generation = &generation_, .expected = plan.generation_};
    if (limit::Refund(plan.charges(), now, terms)) return;
  }
}

Charge Limiter::TimeCharge(std::string_view key, std::chrono::nanoseconds cost,
                           std::chrono::nanoseconds burst, MonoTime now) {
  assert(burst <= kFillTimeMax);
  const auto units = [](std::chrono::nanoseconds duration) {
    return static_cast<uint64_t>(duration.count()) * BucketTable::kTimeUnitsPerNs;
  };
  return OwnCharge(KeyHash(key, 0), units(cost), units(burst), now);
}

Charge Limiter::OwnCharge(uint64_t hash, uint64_t cost_units, uint64_t burst_units, MonoTime now) {
  const UnitClock& clock = table_.clock(kTimeRule);
  return {.table = &table_,
          .clock = &clock,
          .name = {hash, kTimeRule},
          .flowed = clock.At(now),
          .cost = cost_units,
          .burst = burst_units};
}

uint64_t Limiter::KeyHash(std::string_view key, size_t window) const {
  return SeededHash(key, seed_ + window);
}

PolicyCounters Limiter::Counters(const PolicySet& policies, size_t policy) const {
  PolicyCounters counters;
  for (uint64_t shard = 0; shard < PolicyTally::kShards; ++shard) {
    const PolicyTally::Shard& part = policies.tally(policy, shard);
    counters.allowed += part.allowed.load(std::memory_order_relaxed);
    counters.denied += part.denied.load(std::memory_order_relaxed);
    counters.near += part.near.load(std::memory_order_relaxed);
    counters.shadowed += part.shadowed.load(std::memory_order_relaxed);
    counters.delayed += part.delayed.load(std::memory_order_relaxed);
  }
  return counters;
}

TableCounters Limiter::Table() const {
  return {.evicted_live = table_.evicted_live(),
          .crowded_denied = table_.crowded_denied(),
          .crowded_allowed = table_.crowded_allowed(),
          .used_slots = table_.used_slots(),
          .slots = table_.slot_count()};
}

std::string_view FormatThrottled(const Decision& decision, const PolicySet& policies,
                                 std::span<char, kThrottledTextMax> buffer) {
  assert(!decision.allowed());
  const bool never = decision.verdict == Verdict::kNever;
  const int64_t wait_ms =
      never ? -1 : std::chrono::ceil<std::chrono::milliseconds>(decision.retry_after).count();
  const Policy& policy = policies.policy(decision.policy);
  TextWriter writer(buffer);
  writer << "THROTTLED retry_after_ms=" << wait_ms << " policy=" << policy.name
         << " limit=" << policies.limit_text(decision.policy)
         << " scope=" << policies.Scope(decision.policy)
         << " reason=" << (never ? "cost_above_burst" : "quota");
  return writer.text();
}

}  // namespace weir::limit
