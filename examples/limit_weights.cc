// A rate limit with weights: 10 tokens a second, 20 saved up; a read costs 1, a report costs 15.
// Each refusal says when to come back, and what can never pass is told so at once.
#include <cstdio>

#include "weir/limit/token_bucket.h"

namespace {

using weir::limit::BucketRule;
using weir::limit::Outcome;
using weir::limit::TokenBucket;
using weir::limit::Verdict;

void Ask(TokenBucket* bucket, weir::MonoTime now, const char* what, uint64_t cost) {
  const Outcome outcome = bucket->Take(now, cost);
  std::printf("t=%5lld ms  %-8s cost %2llu: ", static_cast<long long>(now.ns / 1'000'000), what,
              static_cast<unsigned long long>(cost));
  switch (outcome.verdict) {
    case Verdict::kAllowed:
      std::printf("passes, %llu tokens left\n", static_cast<unsigned long long>(outcome.remaining));
      break;
    case Verdict::kLater:
      std::printf("refused, retry after %lld ms\n",
                  static_cast<long long>(outcome.retry_after.count() / 1'000'000));
      break;
    case Verdict::kNever:
      std::printf("refused for ever: the cost is above the burst of %llu\n",
                  static_cast<unsigned long long>(bucket->rule().rate().burst));
      break;
  }
}

}  // namespace

int main() {
  const auto rule =
      BucketRule::Create({.count = 10, .period = std::chrono::seconds(1), .burst = 20});
  if (!rule.ok()) {
    std::fprintf(stderr, "%s\n", rule.error().message.c_str());
    return 1;
  }
  TokenBucket bucket(rule.value());
  weir::MonoTime now;
  Ask(&bucket, now, "report", 15);
  for (int i = 0; i < 6; ++i) Ask(&bucket, now, "read", 1);
  Ask(&bucket, now, "report", 15);
  now = now + bucket.TimeUntil(now, 15);
  Ask(&bucket, now, "report", 15);
  Ask(&bucket, now, "export", 21);
}
