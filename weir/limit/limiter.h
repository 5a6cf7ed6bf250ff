// Limiter: decides whether a request may pass, under all policies that match it, at once.
//
// All matching policies admit the request and each is charged, or one refuses and none is charged.
// So traffic that one policy blocks does not use up the quota of another.
//
// Ownership: holds the policies and one table of buckets for each policy and stripe, which divide
// Options::bytes equally; a policy with a single bucket takes next to nothing.
// Threads: single-owner as a whole, and divisible: each bucket belongs to one of Options::stripes
// stripes. A gateway with many threads keeps one lock a stripe, and calls
//   MakePlan(request)     without any lock: const, hashes everything,
//   Admit(plan, now)      holding the locks of plan.stripes(), taken in rising order,
//   Refund, Counters      holding the locks they name.
// Stripes share nothing that is written. A policy per prefix has one bucket, so one stripe.
// Errors: Create answers kInvalid when the memory is too small for the policies.
// Cost: a load and a branch without policies; with one, a hash of what names the bucket and one
// decision, about 25 ns while the bucket is in a near cache; no allocation.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/limit/bucket_table.h"
#include "weir/limit/policy.h"

namespace weir::limit {

inline constexpr size_t kStripesMax = 64;

// Everything about a request that can be worked out without touching a bucket.
class Plan {
 public:
  bool empty() const { return count_ == 0; }
  // Bit i: Admit and Refund touch stripe i.
  uint64_t stripes() const { return stripes_; }

 private:
  friend class Limiter;
  struct Charge {
    uint64_t hash;
    uint64_t cost;
    uint8_t policy;
    uint8_t stripe;
  };

  std::span<const Charge> charges() const { return {charges_.data(), count_}; }

  size_t count_ = 0;
  uint64_t stripes_ = 0;
  std::array<Charge, kMatchesMax> charges_;
};

struct Decision {
  Verdict verdict = Verdict::kAllowed;
  // When refused: the policy that refused, of several the one that asks for the longest wait, and
  // that wait; nanoseconds::max() for kNever.
  size_t policy = 0;
  std::chrono::nanoseconds retry_after{0};

  bool allowed() const { return verdict == Verdict::kAllowed; }
};

struct PolicyCounters {
  uint64_t allowed = 0;       // Requests that passed and were charged under this policy.
  uint64_t denied = 0;        // Requests refused in the name of this policy.
  uint64_t evicted_live = 0;  // Buckets forgotten before they were full; see bucket_table.h.
  size_t used_slots = 0;
  size_t slots = 0;
};

class Limiter {
 public:
  struct Options {
    size_t bytes = size_t{8} << 20;  // For all buckets.
    size_t stripes = 1;              // A power of two, at most kStripesMax.
  };

  static Result<Limiter> Create(PolicySet policies, Options options);

  Plan MakePlan(const Request& request) const {
    Plan plan;
    if (policies_.Concerns(request.command)) Fill(&plan, request);
    return plan;
  }

  // Asks for the cache lines that Admit will read. Needs no lock.
  void Prefetch(const Plan& plan) const;

  // Requires: `now` as in TokenBucket::Take.
  Decision Admit(const Plan& plan, MonoTime now) {
    if (plan.empty()) return Decision{};
    return Decide(plan, now);
  }
  Decision Admit(const Request& request, MonoTime now) { return Admit(MakePlan(request), now); }

  // Gives back what an allowed Admit of the same plan charged. Requires: at most once for each.
  void Refund(const Plan& plan);

  const PolicySet& policies() const { return policies_; }
  // What happened in one stripe; sum over the stripes for the whole.
  PolicyCounters Counters(size_t policy, size_t stripe) const;

 private:
  // The buckets of one policy in one stripe, on cache lines of their own.
  struct alignas(64) Cell {
    BucketTable table;
    uint64_t allowed = 0;
    uint64_t denied = 0;
  };

  Limiter(PolicySet policies, size_t stripes) : policies_(std::move(policies)), stripes_(stripes) {}

  void Fill(Plan* plan, const Request& request) const;
  Decision Decide(const Plan& plan, MonoTime now);
  size_t CellIndex(size_t policy, size_t stripe) const { return policy * stripes_ + stripe; }
  Cell& CellOf(const Plan::Charge& charge) {
    return cells_[CellIndex(charge.policy, charge.stripe)];
  }

  PolicySet policies_;
  size_t stripes_;
  std::vector<Cell> cells_;
};

inline constexpr size_t kThrottledTextMax = 256;

// Writes the reply to a refused request into `buffer`, without a leading '-' or a line end:
//   THROTTLED retry_after_ms=120 policy=per-client limit=500/1s scope=client reason=quota
// The wait is rounded up to a whole millisecond, so it is never 0. A request that can never pass
// says retry_after_ms=-1 and reason=cost_above_burst. Returns the part of `buffer` that was
// written. Requires: !decision.allowed(). The text is part of weir's protocol: clients parse it.
std::string_view FormatThrottled(const Decision& decision, const PolicySet& policies,
                                 std::span<char, kThrottledTextMax> buffer);

}  // namespace weir::limit
