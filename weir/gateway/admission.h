// Admission: the limiter in front of everything, shared by all event loops.
//
// All policies that match a request decide together, once.
// Threads: thread-safe; each thread has a View of its own. SetPolicies may come from any thread.
// Cost: 1 ns without policies, about 40 ns with one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/gateway/limit_holds.h"
#include "weir/gateway/limit_waits.h"
#include "weir/gateway/secret_numbers.h"
#include "weir/limit/journal.h"
#include "weir/limit/limiter.h"
#include "weir/limit/named_limits.h"
#include "weir/limit/offenders.h"
#include "weir/limit/throttle.h"
#include "weir/limit/what_if.h"

namespace weir::gateway {

// What becomes of a request at the policies.
struct Passage {
  enum class Verdict : uint8_t {
    kPasses,   // It has been charged.
    kWaits,    // It may wait for its tokens: see Admission::Try.
    kRefused,  // `refusal` is the reply.
  };
  // Where it waits, and for how long.
  struct Wait {
    uint64_t bucket = 0;
    uint64_t cost = 0;    // As the bucket's line counts.
    bool behind = false;  // Others there go before.
    std::chrono::nanoseconds retry_after{0};
    MonoTime until;         // No longer than so.
    bool of_policy = true;  // The bucket; or of a limit that the request names.
  };
  Verdict verdict = Verdict::kPasses;
  std::string refusal{};
  Wait wait{};
};

// Whether a request may wait for its tokens, where the policies let it.
enum class Patience : uint8_t { kNone, kWaits };

// How much longer than `most` one may wait that has a place in a line: it was given the place
// because its tokens would come in time, and each who is woken a little late, when the bucket is
// full, loses what would have come meanwhile.
inline std::chrono::nanoseconds LateBy(const LimitWaits::Seat& seat,
                                       std::chrono::nanoseconds most) {
  return seat.taken() ? std::chrono::milliseconds(10) + most / 16 : std::chrono::nanoseconds(0);
}

// One that asks again, having waited since then.
struct Waiter {
  const LimitWaits::Seat& seat;
  MonoTime since;
  Patience patience;
};

class Admission {
 public:
  using View = limit::Limiter::View;

  struct Options {
    std::vector<limit::Policy> policies;
    size_t bytes = size_t{8} << 20;  // For all buckets.
    limit::Crowded crowded = limit::Crowded::kShare;
    size_t journal_bytes = size_t{256} << 10;  // For what WhatIf is asked of.
    uint64_t seed = 0;                         // Secret.
    SecretNumbers::Key key{};                  // Secret, for the numbers of what clients hold.
  };
  struct PolicyView {
    std::string name;
    limit::PolicyCounters counters;
  };

  static Result<std::unique_ptr<Admission>> Create(Options options);

  bool unlimited() const { return limiter_->unlimited(); }
  // Charges the request, if it may pass. One that waits asks by Try from then on, at once too.
  Passage Admit(View* view, const limit::Request& request, Patience patience, MonoTime now);
  // As Admit, of one that waits; with `wait`, when it is to go on waiting.
  Passage Try(View* view, const limit::Request& request, const Waiter& waiter, MonoTime now);

  // Decides about a limit that the request brings along; see limit::Throttle.
  limit::Throttled Throttle(std::string_view key, const limit::ThrottleLimit& limit,
                            int64_t quantity, MonoTime now) {
    return limit::Throttle(*limiter_, key, limit, quantity, now);
  }

  // Decides about limits that the request names; see limit::DecideNamed. Those who wait go before,
  // but for `seat`, which is of the one who asks.
  Result<limit::NamedOutcomes> DecideNamed(View* view, std::span<const limit::NamedLimit> limits,
                                           limit::Ask ask, MonoTime now,
                                           const LimitWaits::Seat* seat = nullptr);

  // Brings the bucket of a key's own limit into the CPU's cache.
  void PrefetchBucket(std::string_view key) const { limiter_->PrefetchOwn(key); }

  // Who is refused most of late, most first.
  std::vector<limit::Offenders::Entry> TopOffenders(MonoTime now);

  // Notes a request, whatever becomes of it, for WhatIf. One call in many takes a lock, and none
  // waits for it.
  void NoteInJournal(const limit::Journal::Draws& draws, const limit::Request& request,
                     MonoTime now);
  bool JournalTakes(const limit::Journal::Draws& draws) const { return journal_.Takes(draws); }
  // See limit::WhatIf. Not for a loop: it takes milliseconds.
  Result<limit::WhatIfReport> WhatIf(const std::vector<limit::Policy>& policy, MonoTime now);
  // A client's draw in the journal.
  uint64_t ClientDraw(const limit::Address& client) const {
    return limit::ClientHash(client, seed_);
  }

  // What clients hold of limits until they say otherwise.
  LimitHolds& holds() { return holds_; }
  // And those of them who wait.
  LimitWaits& waits() { return waits_; }
  const LimitWaits& waits() const { return waits_; }

  // The policies in force, as the view knows them then.
  const limit::PolicySet& PoliciesIn(View* view) const {
    limiter_->Follow(view);
    return view->policies();
  }

  // Takes what databases worked for a request that passed; see limit::Limiter::Settle.
  void Settle(View* view, const limit::Request& request, std::chrono::nanoseconds took,
              MonoTime now) {
    limiter_->Settle(view, request, took, now);
  }

  // Gives back what Admit charged when it let this request pass, once.
  void Refund(View* view, const limit::Request& request, MonoTime now);

  // Replaces all policies at once; see limit::Limiter::SetPolicies.
  // Errors: kInvalid for policies that cannot be; those in force stay.
  Result<Ok> SetPolicies(std::vector<limit::Policy> policies, MonoTime now);

  std::vector<PolicyView> Policies() const;
  limit::TableCounters Table() const;
  // See limit::Limiter::table.
  limit::BucketTable& buckets() { return limiter_->table(); }
  // As in Options.
  uint64_t seed() const { return seed_; }

 private:
  Admission(std::unique_ptr<limit::Limiter> limiter, const Options& options)
      : seed_(options.seed),
        limiter_(std::move(limiter)),
        holds_(options.seed, options.key),
        journal_(options.journal_bytes) {}

  // As Admit, as if nobody waited.
  Passage AdmitAlone(View* view, const limit::Request& request, Patience patience, MonoTime now);
  Passage Refuse(const View& view, const limit::Decision& decision, const limit::Request& request,
                 MonoTime now);
  // Notes a refusal, unless another thread is at it: a sketch need not see all of them.
  void NoteOffender(std::string_view policy, std::string_view key, MonoTime now);

  const uint64_t seed_;
  const std::unique_ptr<limit::Limiter> limiter_;
  LimitHolds holds_;
  LimitWaits waits_;
  std::mutex noting_;
  limit::Offenders offenders_;  // Guarded by noting_.
  std::mutex journaling_;
  limit::Journal journal_;  // But for Takes, guarded by journaling_.
  std::mutex setting_;
};

}  // namespace weir::gateway
