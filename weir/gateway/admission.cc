#include "weir/gateway/admission.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::gateway {

Result<std::unique_ptr<Admission>> Admission::Create(Options options) {
  Result<std::unique_ptr<limit::Limiter>> limiter = limit::Limiter::Create(
      std::move(options.policies),
      {.bytes = options.bytes, .crowded = options.crowded, .seed = options.seed});
  if (!limiter.ok()) return limiter.error();
  return std::unique_ptr<Admission>(new Admission(std::move(limiter).value(), options));
}

Passage Admission::Admit(View* view, const limit::Request& request, Patience patience,
                         MonoTime now) {
  if (waits_.any_at_policies()) [[unlikely]]
    return Try(view, request, {LimitWaits::Seat(), now, patience}, now);
  return AdmitAlone(view, request, patience, now);
}

Passage Admission::AdmitAlone(View* view, const limit::Request& request, Patience patience,
                              MonoTime now) {
  const limit::Decision decision = limiter_->Admit(view, request, now);
  if (decision.allowed()) return {};
  if (decision.may_wait) {
    if (patience == Patience::kWaits) return {.verdict = Passage::Verdict::kWaits};
    limit::Limiter::CountDenied(*view, decision.policy);
  }
  return Refuse(*view, decision, request, now);
}

Passage Admission::Try(View* view, const limit::Request& request, const Waiter& waiter,
                       MonoTime now) {
  View matched;  // Holds what `limits` shows, whatever comes into force meanwhile.
  const limit::PolicySet& policies = PoliciesIn(&matched);
  limit::Subjects subjects;
  const std::vector<limit::NamedLimit> limits = limit::LimitsOf(policies, request, &subjects);
  if (limits.empty()) return {};
  const Result<limit::NamedOutcomes> decided =
      DecideNamed(view, limits, limit::Ask::kTry, now, &waiter.seat);
  // One of these policies is gone meanwhile. Those in force decide, and it does not wait.
  if (!decided.ok()) return AdmitAlone(view, request, Patience::kNone, now);
  const limit::NamedOutcomes& outcomes = decided.value();
  if (outcomes.allowed) {
    for (size_t i = 0; i < limits.size() && waiter.seat.taken(); ++i) {
      if (outcomes.each[i].bucket != waiter.seat.bucket()) continue;
      limit::Limiter::CountDelayed(matched, *policies.Find(limits[i].policy));
    }
    return {};
  }
  const limit::NamedOutcome& decisive = outcomes.each[outcomes.decisive];
  Passage passage{.verdict = Passage::Verdict::kWaits,
                  .wait = {decisive.bucket, decisive.line_cost, decisive.behind,
                           decisive.retry_after, limit::kNowMax}};
  bool may_wait = waiter.patience == Patience::kWaits;
  for (size_t i = 0; i < limits.size(); ++i) {
    const limit::NamedOutcome& outcome = outcomes.each[i];
    if (!outcome.binding || outcome.allowed()) continue;
    const auto delay = policies.policy(*policies.Find(limits[i].policy)).delay_max;
    const MonoTime until = waiter.since + (delay + LateBy(waiter.seat, delay));
    may_wait &= outcome.verdict == limit::Verdict::kLater && now + outcome.retry_after <= until;
    passage.wait.until = std::min(passage.wait.until, until);
  }
  if (may_wait) return passage;
  // Those in force may have come to have more rates since.
  const size_t found = *policies.Find(limits[outcomes.decisive].policy);
  const size_t policy = found + std::min(decisive.window, policies.Windows(found) - 1);
  limit::Limiter::CountDenied(matched, policy);
  return Refuse(matched, {decisive.verdict, policy, decisive.retry_after}, request, now);
}

Passage Admission::Refuse(const View& view, const limit::Decision& decision,
                          const limit::Request& request, MonoTime now) {
  const limit::PolicySet& policies = view.policies();
  NoteOffender(policies.policy(decision.policy).name, policies.Subject(decision.policy, request),
               now);
  std::array<char, limit::kThrottledTextMax> text;
  return {.verdict = Passage::Verdict::kRefused,
          .refusal = std::string(limit::FormatThrottled(decision, policies, text))};
}

Result<limit::NamedOutcomes> Admission::DecideNamed(View* view,
                                                    std::span<const limit::NamedLimit> limits,
                                                    limit::Ask ask, MonoTime now,
                                                    const LimitWaits::Seat* seat) {
  const bool waits = waits_.any();
  limit::AheadOf ahead;
  if (waits) [[unlikely]]
    ahead = [this, seat](uint64_t bucket) { return waits_.Ahead(bucket, seat); };
  Result<limit::NamedOutcomes> outcomes =
      limit::DecideNamed(*limiter_, view, limits, ask, now, waits ? &ahead : nullptr);
  if (!outcomes.ok()) return outcomes;
  if (ask == limit::Ask::kTake && !outcomes.value().allowed) {
    const limit::NamedLimit& decisive = limits[outcomes.value().decisive];
    NoteOffender(decisive.policy, decisive.key, now);
  }
  if (ask == limit::Ask::kReturn && waits) {
    for (const limit::NamedOutcome& outcome : outcomes.value().all()) waits_.Tell(outcome.bucket);
  }
  return outcomes;
}

// One that finds the journal being read is not noted: a sample need not have all.
void Admission::NoteInJournal(const limit::Journal::Draws& draws, const limit::Request& request,
                              MonoTime now) {
  const std::unique_lock lock(journaling_, std::try_to_lock);
  if (lock.owns_lock()) journal_.Note(draws, request, now);
}

Result<limit::WhatIfReport> Admission::WhatIf(const std::vector<limit::Policy>& policy,
                                              MonoTime now) {
  limit::WhatIfSample sample;
  {
    const std::lock_guard lock(journaling_);
    sample = limit::SampleFor(policy.front(), journal_, now);
  }
  return limit::WhatIf(policy, sample);
}

void Admission::NoteOffender(std::string_view policy, std::string_view key, MonoTime now) {
  const std::unique_lock lock(noting_, std::try_to_lock);
  if (lock.owns_lock()) offenders_.Note(policy, key, now);
}

std::vector<limit::Offenders::Entry> Admission::TopOffenders(MonoTime now) {
  const std::lock_guard lock(noting_);
  return offenders_.Top(now);
}

void Admission::Refund(View* view, const limit::Request& request, MonoTime now) {
  limiter_->Refund(view, request, now);
}

Result<Ok> Admission::SetPolicies(std::vector<limit::Policy> policies, MonoTime now) {
  const std::lock_guard lock(setting_);
  Result<Ok> set = limiter_->SetPolicies(std::move(policies), now);
  if (set.ok()) waits_.TellAll();
  return set;
}

std::vector<Admission::PolicyView> Admission::Policies() const {
  std::vector<PolicyView> rows;
  View view;
  limiter_->Follow(&view);
  for (size_t policy = 0; policy < view.policies().size(); ++policy) {
    const limit::PolicyCounters counters = limiter_->Counters(view.policies(), policy);
    const limit::Policy& row = view.policies().policy(policy);
    if (row.window == 0) {
      rows.push_back({row.name, counters});
      continue;
    }
    // Each of its rates lets the same requests pass, and one of them refuses.
    limit::PolicyCounters& all = rows.back().counters;
    all.denied += counters.denied;
    all.near = std::max(all.near, counters.near);
    all.allowed = std::max(all.allowed, counters.allowed);
    all.shadowed = std::max(all.shadowed, counters.shadowed);
    all.delayed += counters.delayed;
  }
  return rows;
}

limit::TableCounters Admission::Table() const {
  return limiter_->Table();
}

}  // namespace weir::gateway
