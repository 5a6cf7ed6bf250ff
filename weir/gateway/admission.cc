#include "weir/gateway/admission.h"

#include <bit>
#include <memory>
#include <utility>

namespace weir::gateway {

Result<std::unique_ptr<Admission>> Admission::Create(Options options) {
  Result<limit::PolicySet> set =
      limit::PolicySet::Create(std::move(options.policies), options.seed);
  if (!set.ok()) return set.error();
  Result<limit::Limiter> limiter =
      limit::Limiter::Create(std::move(set).value(), {options.bytes, kStripes});
  if (!limiter.ok()) return limiter.error();
  return std::unique_ptr<Admission>(new Admission(std::move(limiter).value()));
}

std::optional<std::string> Admission::Refusal(const limit::Request& request, MonoTime now) {
  const limit::Plan plan = limiter_.MakePlan(request);
  if (plan.empty()) return std::nullopt;
  // In rising order, as every other thread takes them.
  for (uint64_t left = plan.stripes(); left != 0; left &= left - 1) {
    stripes_[static_cast<size_t>(std::countr_zero(left))].mutex.lock();
  }
  const limit::Decision decision = limiter_.Admit(plan, now);
  for (uint64_t left = plan.stripes(); left != 0; left &= left - 1) {
    stripes_[static_cast<size_t>(std::countr_zero(left))].mutex.unlock();
  }
  if (decision.allowed()) return std::nullopt;
  std::array<char, limit::kThrottledTextMax> text;
  return std::string(limit::FormatThrottled(decision, limiter_.policies(), text));
}

std::vector<Admission::PolicyView> Admission::View() {
  std::vector<PolicyView> view;
  for (size_t policy = 0; policy < limiter_.policies().size(); ++policy) {
    PolicyView& row = view.emplace_back();
    row.name = limiter_.policies().policy(policy).name;
    for (size_t stripe = 0; stripe < kStripes; ++stripe) {
      const std::lock_guard lock(stripes_[stripe].mutex);
      const limit::PolicyCounters counters = limiter_.Counters(policy, stripe);
      row.counters.allowed += counters.allowed;
      row.counters.denied += counters.denied;
      row.counters.evicted_live += counters.evicted_live;
      row.counters.used_slots += counters.used_slots;
      row.counters.slots += counters.slots;
    }
  }
  return view;
}

}  // namespace weir::gateway
