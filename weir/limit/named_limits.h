// NamedLimits: one decision about limits that the caller names, rather than those that match a
// request: policies by name, and limits that the request brings along with its key.
//
// A limit of one's own counts time: a token is the period divided by the count, rounded up to a
// quarter of a nanosecond, so it never admits more than it says, and at kOwnTokensPerSecondMax 0.3
// % less. Its bucket is named by its key alone, so the rate may change from one request to the
// next; several of one key are told apart by their order. The first is that of CL.THROTTLE
// (throttle.h).
//
// Threads: thread-safe, each with a View of its own.
// Errors: kInvalid, with what a client should hear: an unknown policy, a subject that it cannot
// have, a rate out of range, two limits of one bucket, too many rates.
// Cost: a decision (decision.h), a hash for each limit, a look through the policies for each name.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/limit/limiter.h"

namespace weir::limit {

// The most limits of one decision, and the most rates that they have together.
inline constexpr size_t kNamedLimitsMax = kMatchesMax;
inline constexpr size_t kNamedRatesMax = kChargesMax;
inline constexpr uint64_t kOwnTokensPerSecondMax = 10'000'000;

struct NamedLimit {
  std::string_view key;  // What has the bucket; under a policy what PolicySet::SubjectHash says.
  std::string_view policy{};  // Empty: the limit is `rate`.
  Rate rate{};
  size_t window = 0;    // How many limits without a policy this key has before this one.
  uint64_t cost = 1;    // 0: judged, not charged.
  bool binding = true;  // false: it is charged and refuses nothing.
};

enum class Ask : uint8_t {
  kTake,    // All costs are taken, or none.
  kTry,     // As kTake, by one who will try again: a refusal is not counted.
  kPeek,    // What kTake would say.
  kReturn,  // All costs are given back; see Refund of decision.h.
  kExact,   // All costs are taken, there or not; see Force of decision.h.
};

// Of a policy with several rates: the longest wait, the fewest tokens that remain.
struct NamedOutcome : Outcome {
  bool binding = true;  // false: a policy that does not refuse this bucket's requests.
  // For those who wait (waiting_line.h): the bucket, and what is asked of it as its line counts:
  // tokens under a policy, else units of time. Whether others who wait go before.
  uint64_t bucket = 0;
  uint64_t line_cost = 0;
  bool behind = false;
  // Which of its policy's rates has the longest wait; when none has one, the fewest tokens.
  size_t window = 0;
};

struct NamedOutcomes {
  bool allowed = true;
  // When not allowed, the index of the limit that asks for the longest wait.
  size_t decisive = 0;
  size_t count = 0;
  std::array<NamedOutcome, kNamedLimitsMax> each{};

  std::span<const NamedOutcome> all() const { return {each.data(), count}; }
};

// The policies that match the request, as limits of whom they would charge. Views of `policies` and
// of `subjects`, where the texts of what has the buckets come to stand.
using Subjects = std::array<std::string, kMatchesMax>;
std::vector<NamedLimit> LimitsOf(const PolicySet& policies, const Request& request,
                                 Subjects* subjects);

// What those who wait will take from a bucket before the one who asks, as its line counts.
using AheadOf = std::function<uint64_t(uint64_t bucket)>;

// Requires: at most kNamedLimitsMax limits; `now` as in BucketRule::Take.
// kReturn and kExact are always allowed, and each outcome is what stands then. With `ahead`, kTake,
// kTry and kPeek let those who wait go before: what they will take counts as taken.
Result<NamedOutcomes> DecideNamed(Limiter& limiter, Limiter::View* view,
                                  std::span<const NamedLimit> limits, Ask ask, MonoTime now,
                                  const AheadOf* ahead = nullptr);

}  // namespace weir::limit
