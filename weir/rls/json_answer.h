// JsonAnswer: what POST /json of envoyproxy/ratelimit answers: a RateLimitRequest and a
// RateLimitResponse of envoy.service.ratelimit.v3, in the JSON of protocol buffers.
//
// Unlike there, all limits of a request decide together: all are charged, or none is.
// Threads: pure but for the function it calls. Errors: are answers, 400 and what is wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/rls/rules.h"

namespace weir::rls {

// The most limits of one request.
inline constexpr size_t kLimitsMax = 8;

// One limit that decides, of `count` in every `period`.
struct AskedLimit {
  std::string key;  // Names the bucket.
  uint64_t count = 0;
  std::chrono::seconds period{0};
  uint64_t cost = 1;
  bool binding = true;  // false: in shadow, it refuses nothing.
};

struct LimitOutcome {
  bool allowed = true;
  uint64_t remaining = 0;
  std::chrono::nanoseconds until_reset{0};  // Until the bucket is full.
};

// One decision about all of them, of different keys. Returns an outcome for each.
using DecideFunction =
    std::function<Result<std::vector<LimitOutcome>>(const std::vector<AskedLimit>& limits)>;

struct JsonReply {
  int status = 200;  // 429: over a limit.
  std::string body = {};
};

JsonReply AnswerJson(std::string_view body, const Rules& rules, const DecideFunction& decide);

}  // namespace weir::rls
