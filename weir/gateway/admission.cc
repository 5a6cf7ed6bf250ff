#include "weir/gateway/admission.h"

#include <array>
#include <utility>

#include "weir/limit/ip_address.h"

namespace weir::gateway {

Result<std::unique_ptr<Admission>> Admission::Create(Options options) {
  Result<std::unique_ptr<limit::Limiter>> limiter = limit::Limiter::Create(
      std::move(options.policies), {.bytes = options.bytes, .seed = options.seed});
  if (!limiter.ok()) return limiter.error();
  return std::unique_ptr<Admission>(new Admission(std::move(limiter).value(), options));
}

std::optional<std::string> Admission::Refusal(View* view, const limit::Request& request,
                                              MonoTime now) {
  const limit::Decision decision = limiter_->Admit(view, request, now);
  if (decision.allowed()) return std::nullopt;
  const limit::Policy& policy = view->policies().policy(decision.policy);
  const std::string address =
      policy.per == limit::Per::kClient ? limit::AddressText(request.client) : "";
  NoteOffender(policy.name, limit::SubjectOf(policy.per, request, address), now);
  std::array<char, limit::kThrottledTextMax> text;
  return std::string(limit::FormatThrottled(decision, view->policies(), text));
}

Result<limit::NamedOutcomes> Admission::DecideNamed(View* view,
                                                    std::span<const limit::NamedLimit> limits,
                                                    limit::Ask ask, MonoTime now) {
  Result<limit::NamedOutcomes> outcomes = limit::DecideNamed(*limiter_, view, limits, ask, now);
  if (ask == limit::Ask::kTake && outcomes.ok() && !outcomes.value().allowed) {
    const limit::NamedLimit& decisive = limits[outcomes.value().decisive];
    NoteOffender(decisive.policy, decisive.key, now);
  }
  return outcomes;
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
  return limiter_->SetPolicies(std::move(policies), now);
}

std::vector<Admission::PolicyView> Admission::Policies() const {
  std::vector<PolicyView> rows;
  View view;
  limiter_->Follow(&view);
  for (size_t policy = 0; policy < view.policies().size(); ++policy) {
    rows.push_back(
        {view.policies().policy(policy).name, limiter_->Counters(view.policies(), policy)});
  }
  return rows;
}

limit::TableCounters Admission::Table() const {
  return limiter_->Table();
}

}  // namespace weir::gateway
