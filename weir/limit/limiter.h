// Limiter: decides whether a request may pass, under all policies that match it, at once.
//
// All matching policies admit the request and each is charged, or one refuses and none is charged.
// So traffic that one policy blocks does not use up the quota of another. Policies may be replaced
// at any time, as one: each request is decided by the old set or by the new one, and buckets keep
// the tokens that were taken from them, also where the rate has changed.
//
// Ownership: holds the policies, and the buckets of all of them in one table.
// Threads: thread-safe, but for SetPolicies, of which there is one at a time. Each thread keeps a
// View of its own, which follows the policies in force.
// Errors: kInvalid for policies that cannot be.
// Cost: a load and a branch without policies; with one, a hash of what names the bucket and one
// decision, about 25 ns while the bucket is in a near cache; no allocation.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/limit/bucket_memory.h"
#include "weir/limit/decision.h"
#include "weir/limit/policy.h"

namespace weir::limit {

// The charges of one request: everything that can be worked out without touching a bucket.
class Plan {
 public:
  bool empty() const { return count_ == 0; }
  std::span<const Charge> charges() const { return {charges_.data(), count_}; }

 private:
  friend class Limiter;

  size_t count_ = 0;
  uint64_t generation_ = 0;
  MonoTime now_;
  std::array<Charge, kMatchesMax> charges_;
  std::array<uint8_t, kMatchesMax> policies_;
};

struct Decision {
  Verdict verdict = Verdict::kAllowed;
  // When refused: the policy that refused, of several the one that asks for the longest wait, and
  // that wait; nanoseconds::max() for kNever.
  size_t policy = 0;
  std::chrono::nanoseconds retry_after{0};
  // Refused, but each policy that refuses lets it wait for as long as it would have to. Such a
  // refusal is not counted: see CountDenied.
  bool may_wait = false;

  bool allowed() const { return verdict == Verdict::kAllowed; }
};

// What happened under one policy since it has been there.
struct PolicyCounters {
  uint64_t allowed = 0;   // Requests that passed and were charged under this policy.
  uint64_t denied = 0;    // Requests refused in the name of this policy.
  uint64_t near = 0;      // Of those allowed, the ones that left less than a fifth of the burst.
  uint64_t shadowed = 0;  // Requests that passed because this policy does not refuse (all).
  uint64_t delayed = 0;   // Of those allowed, the ones that waited, for this policy in the end.
};

// The memory of all buckets; see bucket_table.h.
struct TableCounters {
  uint64_t evicted_live = 0;
  uint64_t crowded_denied = 0;
  uint64_t crowded_allowed = 0;
  size_t used_slots = 0;
  size_t slots = 0;
};

class Limiter {
 public:
  struct Options {
    size_t bytes = size_t{8} << 20;  // For all buckets. At least BucketTable::kBytesMin.
    Crowded crowded = Crowded::kShare;
    uint64_t seed = 0;  // Secret: with it, clients could aim at each other's buckets.
  };

  // The policies that a thread last saw. Threads: single-owner. A default one has seen none.
  class View {
   public:
    // Requires: the limiter has looked at the view since it was made.
    const PolicySet& policies() const { return *policies_; }

   private:
    friend class Limiter;
    uint64_t generation_ = 0;
    std::shared_ptr<const PolicySet> policies_;
  };

  static Result<std::unique_ptr<Limiter>> Create(std::vector<Policy> policies, Options options);

  // Replaces all policies. A bucket stays that of the policy of the same name: what it lacked, it
  // lacks under the new rate, up to the new burst. Nobody waits: buckets are brought over one by
  // one, when they are used or by this call, which takes 10 ms for 10^6 buckets.
  // Requires: one call at a time.
  Result<Ok> SetPolicies(std::vector<Policy> policies, MonoTime now);

  bool unlimited() const { return policy_count_.load(std::memory_order_relaxed) == 0; }

  // Decides about the request and charges it. Requires: `now` as in BucketRule::Take.
  Decision Admit(View* view, const Request& request, MonoTime now);

  // Takes the time that databases worked for an admitted request, there or not, under the policies
  // that count it: see Force of decision.h. Where none does, it takes nothing.
  void Settle(View* view, const Request& request, std::chrono::nanoseconds took, MonoTime now);

  // Gives back what an allowed Admit of the same request charged. Requires: at most once for each.
  void Refund(View* view, const Request& request, MonoTime now);

  // A charge of a bucket outside all policies, named by `key`, that counts time itself: its tokens
  // are durations. Requires: burst <= kFillTimeMax.
  Charge TimeCharge(std::string_view key, std::chrono::nanoseconds cost,
                    std::chrono::nanoseconds burst, MonoTime now);

  // What a decision about limits that the caller names is made of; see named_limits.h. The charge
  // of `cost` tokens of the bucket `hash` under a policy of the view; the bucket outside all
  // policies that `hash` names, counting time as TimeCharge does, in BucketTable::kTimeUnitsPerNs a
  // nanosecond; the hash of a key's bucket, of several of one key that of the window-th.
  Charge PolicyCharge(const View& view, size_t policy, uint64_t hash, uint64_t cost, MonoTime now);
  Charge OwnCharge(uint64_t hash, uint64_t cost_units, uint64_t burst_units, MonoTime now);
  uint64_t KeyHash(std::string_view key, size_t window) const;
  // Asks for the memory of the bucket that OwnCharge(KeyHash(key, 0), …) names.
  void PrefetchOwn(std::string_view key) const { table_.Prefetch({KeyHash(key, 0), kTimeRule}); }
  // By which a decision is stale if the policies have been replaced since the view followed them.
  Terms TermsOf(const View& view) const {
    return {.generation = &generation_, .expected = view.generation_};
  }

  // Admit in two steps, for bursts: plan and prefetch all, then decide each.
  Plan MakePlan(View* view, const Request& request, MonoTime now);
  void Prefetch(const Plan& plan) const;
  // nullopt: the policies have been replaced since the plan was made, and nothing was done.
  std::optional<Decision> Admit(const View& view, const Plan& plan);

  // Brings the view up to the policies in force.
  void Follow(View* view) const {
    if (view->generation_ != generation_.load(std::memory_order_acquire)) [[unlikely]]
      Renew(view);
  }

  PolicyCounters Counters(const PolicySet& policies, size_t policy) const;
  // Counts a request that may_wait and does not, as refused by a policy of the view; or one that
  // passed after it had waited for that policy.
  static void CountDenied(const View& view, size_t policy) {
    view.policies().tally(policy, 0).CountDenied();
  }
  static void CountDelayed(const View& view, size_t policy) {
    view.policies().tally(policy, 0).CountDelayed();
  }
  TableCounters Table() const;
  // Of all buckets, for what keeps them over a restart.
  BucketTable& table() { return table_; }

 private:
  static constexpr RuleId kTimeRule = kRulesMax;

  explicit Limiter(Options options);
  void Renew(View* view) const;
  // Exchanges the policies in force for `policies`.
  void Swap(std::shared_ptr<const PolicySet>* policies);
  std::shared_ptr<const PolicySet> Current() const;

  const uint64_t seed_;
  BucketMemory memory_;
  BucketTable table_;
  // A lock bit, for as long as a pointer is copied: libstdc++'s atomic shared_ptr is not free of
  // races before version 13.
  mutable std::atomic_flag copying_;
  std::shared_ptr<const PolicySet> policies_;  // Guarded by copying_.
  std::atomic<uint64_t> generation_{1};
  std::atomic<size_t> policy_count_{0};
};

inline constexpr size_t kThrottledTextMax = 320;

// Writes the reply to a refused request into `buffer`, without a leading '-' or a line end:
//   THROTTLED retry_after_ms=120 policy=per-client limit=500/1s scope=client reason=quota
// The wait is rounded up to a whole millisecond, so it is never 0. A request that can never pass
// says retry_after_ms=-1 and reason=cost_above_burst. Returns the part of `buffer` that was
// written. Requires: !decision.allowed(). The text is part of weir's protocol: clients parse it.
std::string_view FormatThrottled(const Decision& decision, const PolicySet& policies,
                                 std::span<char, kThrottledTextMax> buffer);

}  // namespace weir::limit
