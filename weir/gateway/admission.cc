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

class Admission::Locked {
 public:
  Locked(Admission& admission, uint64_t stripes) : admission_(admission), stripes_(stripes) {
    for (uint64_t left = stripes_; left != 0; left &= left - 1) MutexOf(left).lock();
  }
  ~Locked() {
    for (uint64_t left = stripes_; left != 0; left &= left - 1) MutexOf(left).unlock();
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  std::mutex& MutexOf(uint64_t left) {
    return admission_.stripes_[static_cast<size_t>(std::countr_zero(left))].mutex;
  }

  Admission& admission_;
  uint64_t stripes_;
};

std::optional<std::string> Admission::Refusal(const limit::Request& request, MonoTime now) {
  const limit::Plan plan = limiter_.MakePlan(request);
  if (plan.empty()) return std::nullopt;
  limit::Decision decision;
  {
    const Locked locked(*this, plan.stripes());
    decision = limiter_.Admit(plan, now);
  }
  if (decision.allowed()) return std::nullopt;
  std::array<char, limit::kThrottledTextMax> text;
  return std::string(limit::FormatThrottled(decision, limiter_.policies(), text));
}

void Admission::Refund(const limit::Request& request) {
  const limit::Plan plan = limiter_.MakePlan(request);
  const Locked locked(*this, plan.stripes());
  limiter_.Refund(plan);
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
