// Admission: the limiter in front of everything, shared by all event loops.
//
// All policies that match a request decide together, once.
// Threads: thread-safe; each thread has a View of its own. SetPolicies may come from any thread.
// Cost: 1 ns without policies, about 40 ns with one.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/limit/limiter.h"
#include "weir/limit/throttle.h"

namespace weir::gateway {

class Admission {
 public:
  using View = limit::Limiter::View;

  struct Options {
    std::vector<limit::Policy> policies;
    size_t bytes = size_t{8} << 20;  // For all buckets.
    uint64_t seed = 0;               // Secret.
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

  // Gives back what Refusal charged when it let this request pass, once.
  void Refund(View* view, const limit::Request& request, MonoTime now);

  // Replaces all policies at once; see limit::Limiter::SetPolicies.
  // Errors: kInvalid for policies that cannot be; those in force stay.
  Result<Ok> SetPolicies(std::vector<limit::Policy> policies, MonoTime now);

  std::vector<PolicyView> Policies() const;
  limit::TableCounters Table() const;

 private:
  explicit Admission(std::unique_ptr<limit::Limiter> limiter) : limiter_(std::move(limiter)) {}

  const std::unique_ptr<limit::Limiter> limiter_;
  std::mutex setting_;
};

}  // namespace weir::gateway
