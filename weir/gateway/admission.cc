#include "weir/gateway/admission.h"

#include <array>
#include <utility>

namespace weir::gateway {

Result<std::unique_ptr<Admission>> Admission::Create(Options options) {
  Result<std::unique_ptr<limit::Limiter>> limiter = limit::Limiter::Create(
      std::move(options.policies), {.bytes = options.bytes, .seed = options.seed});
  if (!limiter.ok()) return limiter.error();
  return std::unique_ptr<Admission>(new Admission(std::move(limiter).value()));
}

std::optional<std::string> Admission::Refusal(View* view, const limit::Request& request,
                                              MonoTime now) {
  const limit::Decision decision = limiter_->Admit(view, request, now);
  if (decision.allowed()) return std::nullopt;
  std::array<char, limit::kThrottledTextMax> text;
  return std::string(limit::FormatThrottled(decision, view->policies(), text));
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
