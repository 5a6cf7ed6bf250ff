// AnswerJson: what POST /json of envoyproxy/ratelimit answers: a RateLimitRequest and a
// RateLimitResponse of envoy.service.ratelimit.v3, in the JSON of protocol buffers, around
// ShouldRateLimit.
//
// Threads: pure but for the function it calls. Errors: are answers, 400 and what is wrong.
#pragma once

#include <string>
#include <string_view>

#include "weir/rls/rules.h"
#include "weir/rls/should_rate_limit.h"

namespace weir::rls {

struct JsonReply {
  int status = 200;  // 429: over a limit.
  std::string body = {};
};

JsonReply AnswerJson(std::string_view body, const Rules& rules, const DecideFunction& decide);

}  // namespace weir::rls
