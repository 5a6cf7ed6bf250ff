// CheckAnswer: what a proxy is told that asks over HTTP whether a request may pass, without
// sockets:
//
//   GET|HEAD|POST /v1/check/<policy>[,<policy>...]?key=...&cost=...
//
// 200 lets it pass, 429 (or what `deny` says) does not, and 4xx is a question that makes no sense.
// Headers say what is left: RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers
// (10), or what `headers` asks for; Retry-After; a refusal's body is problem+json.
// Threads: pure but for the function it calls. Cost: parses the head once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/admin/answer.h"
#include "weir/base/result.h"

namespace weir::admin {

inline constexpr size_t kCheckedPoliciesMax = 8;
// Of /v1/check the body is read and not looked at.
inline constexpr size_t kCheckBodyBytesMax = 64 * 1024;

// One limit that is asked about.
struct CheckedPolicy {
  std::string name = {};
  std::string key = {};
  uint64_t cost = 1;
};

// What one limit says.
struct CheckedLimit {
  bool allowed = true;
  bool binding = true;  // false: it is in shadow, and refuses nothing.
  uint64_t quota = 0;   // So many in every `window`.
  std::chrono::nanoseconds window{0};
  uint64_t remaining = 0;
  std::chrono::nanoseconds retry_after{0};  // When not allowed; nanoseconds::max(): never.
};

// One decision about all of them; with `peek` nothing is charged. Returns a limit for each.
// Errors: kInvalid, with what is wrong; an unknown policy among it.
using CheckFunction = std::function<Result<std::vector<CheckedLimit>>(
    const std::vector<CheckedPolicy>& policies, bool peek)>;

struct CheckHandlers {
  CheckFunction check;
  // Answers POST /json, given the body; nullptr: there is no such page.
  std::function<Response(std::string_view body)> json = nullptr;
};

// `token`: as AdminOptions::token.
Answer CheckAnswer(std::string_view head, std::string_view body, const CheckHandlers& handlers,
                   std::string_view token);

}  // namespace weir::admin
