// ShouldRateLimit: the decision of envoy.service.ratelimit.v3, whatever carries it: request and
// response as plain data, the rule of each descriptor, and one decision about all of them.
//
//   Result<RateLimitResponse> response = ShouldRateLimit(request, rules, decide);
//
// Unlike in envoyproxy/ratelimit, all limits of a request decide together: all are charged, or none
// is. But a cost that a descriptor names itself is charged in any case, as there: Envoy names what
// was used, at the end of a stream, and nobody asks again.
// Threads: pure but for the function it calls.
// Errors: kInvalid with what is wrong with the request; those of the function. Nothing is charged.
// Cost: a look through the rules for each descriptor, and one call of the function.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/rls/rules.h"

namespace weir::rls {

// The most limits of one request.
inline constexpr size_t kLimitsMax = 8;

struct Descriptor {
  std::vector<Entry> entries = {};
  // The limit that the request brings along, which holds instead of the rule in a known domain.
  std::optional<Rule> limit = std::nullopt;
  // Instead of the request's. 0: only looks, and is over a limit of which nothing is left.
  std::optional<uint64_t> hits_addend = std::nullopt;
};

struct RateLimitRequest {
  std::string domain = {};
  std::vector<Descriptor> descriptors = {};
  uint32_t hits_addend = 0;  // 0, what a .proto says for nothing, is 1.
};

struct DescriptorStatus {
  bool over_limit = false;
  // The limit that it falls under, but for the names that it replaces.
  std::optional<Rule> current_limit = std::nullopt;
  uint32_t limit_remaining = 0;                  // The most there is for one without end.
  std::chrono::seconds duration_until_reset{0};  // Until all tokens are back, rounded up.
};

struct RateLimitResponse {
  bool over_limit = false;
  std::vector<DescriptorStatus> statuses = {};  // In the order of the descriptors.
};

// One limit that decides, of `count` in every `period`.
struct AskedLimit {
  std::string key;  // Names the bucket.
  uint64_t count = 0;
  std::chrono::seconds period{0};
  uint64_t cost = 1;    // 0: only looks, and is refused when nothing is left.
  bool binding = true;  // false: in shadow, it refuses nothing.
  bool owed = false;    // The cost is taken even when the decision is no, up to one burst of it.
};

struct LimitOutcome {
  bool allowed = true;
  uint64_t remaining = 0;
  std::chrono::nanoseconds until_reset{0};  // Until the bucket is full.
};

// One decision about all of them, of different keys. Returns an outcome for each: whether it
// allowed, and what is left after all that was charged.
using DecideFunction =
    std::function<Result<std::vector<LimitOutcome>>(const std::vector<AskedLimit>& limits)>;

Result<RateLimitResponse> ShouldRateLimit(const RateLimitRequest& request, const Rules& rules,
                                          const DecideFunction& decide);

}  // namespace weir::rls
