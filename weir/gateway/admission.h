// Admission: the limiter in front of everything, shared by all event loops.
//
// All policies that match a request decide together, once. The buckets are divided into stripes,
// each behind a lock that is held for the decision alone.
// Threads: thread-safe. Cost: 1 ns without policies, about 60 ns with one.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "weir/limit/limiter.h"

namespace weir::gateway {

class Admission {
 public:
  static constexpr size_t kStripes = 16;

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

  bool unlimited() const { return limiter_.policies().size() == 0; }
  // Returns nullopt when the request may pass, else the error to reply with.
  std::optional<std::string> Refusal(const limit::Request& request, MonoTime now);

  // Gives back what Refusal charged when it let this request pass, once.
  void Refund(const limit::Request& request);

  std::vector<PolicyView> View();

 private:
  explicit Admission(limit::Limiter limiter) : limiter_(std::move(limiter)) {}

  struct alignas(64) Stripe {
    std::mutex mutex;
  };
  // Holds the stripes of a plan, taken in rising order as by every other thread.
  class Locked;

  limit::Limiter limiter_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace weir::gateway
