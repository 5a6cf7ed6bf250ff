// Admission: the limiter in front of everything, shared by all event loops.
//
// All policies that match a request decide together, once.
// Threads: thread-safe; each thread has a View of its own. SetPolicies may come from any thread.
// Cost: 1 ns without policies, about 40 ns with one.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/gateway/limit_holds.h"
#include "weir/gateway/secret_numbers.h"
#include "weir/limit/limiter.h"
#include "weir/limit/named_limits.h"
#include "weir/limit/offenders.h"
#include "weir/limit/throttle.h"

namespace weir::gateway {

class Admission {
 public:
  using View = limit::Limiter::View;

  struct Options {
    std::vector<limit::Policy> policies;
    size_t bytes = size_t{8} << 20;  // For all buckets.
    uint64_t seed = 0;               // Secret.
    SecretNumbers::Key key{};        // Secret, for the numbers of what clients hold.
  };
  struct PolicyView {
    std::string name;
    limit::PolicyCounters counters;
  };

  static Result<std::unique_ptr<Admission>> Create(Options options);

  bool unlimited() const { return limiter_->unlimited(); }
  // Returns nullopt when the request may pass, else the error to reply with.
  std::optional<std::string> Refusal(View* view, const limit::Request& request, MonoTime now);

  // Decides about a limit that the request brings along; see limit::Throttle.
  limit::Throttled Throttle(std::string_view key, const limit::ThrottleLimit& limit,
                            int64_t quantity, MonoTime now) {
    return limit::Throttle(*limiter_, key, limit, quantity, now);
  }

  // Decides about limits that the request names; see limit::DecideNamed.
  Result<limit::NamedOutcomes> DecideNamed(View* view, std::span<const limit::NamedLimit> limits,
                                           limit::Ask ask, MonoTime now);

  // Who is refused most of late, most first.
  std::vector<limit::Offenders::Entry> TopOffenders(MonoTime now);

  // What clients hold of limits until they say otherwise.
  LimitHolds& holds() { return holds_; }

  // The policies in force, as the view knows them then.
  const limit::PolicySet& PoliciesIn(View* view) const {
    limiter_->Follow(view);
    return view->policies();
  }

  // Gives back what Refusal charged when it let this request pass, once.
  void Refund(View* view, const limit::Request& request, MonoTime now);

  // Replaces all policies at once; see limit::Limiter::SetPolicies.
  // Errors: kInvalid for policies that cannot be; those in force stay.
  Result<Ok> SetPolicies(std::vector<limit::Policy> policies, MonoTime now);

  std::vector<PolicyView> Policies() const;
  limit::TableCounters Table() const;

 private:
  Admission(std::unique_ptr<limit::Limiter> limiter, const Options& options)
      : limiter_(std::move(limiter)), holds_(options.seed, options.key) {}

  // Notes a refusal, unless another thread is at it: a sketch need not see all of them.
  void NoteOffender(std::string_view policy, std::string_view key, MonoTime now);

  const std::unique_ptr<limit::Limiter> limiter_;
  LimitHolds holds_;
  std::mutex noting_;
  limit::Offenders offenders_;  // Guarded by noting_.
  std::mutex setting_;
};

}  // namespace weir::gateway
