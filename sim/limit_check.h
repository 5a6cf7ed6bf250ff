// LimitCheck: whether the limiter let more pass than rate and burst allow, or refused without need.
//
// Each bucket is counted again, in plain arithmetic: tokens that have come since the last request,
// at most `burst`, minus what was charged. A request that passed must have found its cost in every
// bucket that concerns it; one that was refused must have found too little in one.
// Threads: single-owner. Requires: requests in the order in which they were decided.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "weir/base/time.h"
#include "weir/limit/policy.h"

namespace weir::sim {

class LimitCheck {
 public:
  struct Request {
    std::string user;
    limit::Address client;
    std::string key;  // Empty: none.
    limit::CommandClass command = limit::CommandClass::kRead;
    uint64_t bytes = 0;
    std::string policy = {};  // Not empty: LIMIT.CHECK asks this one alone, for `key`
    uint64_t cost = 1;        // and this cost.
  };

  explicit LimitCheck(std::vector<limit::Policy> policies) : policies_(std::move(policies)) {}

  // Returns what is wrong, or nothing.
  std::string Decided(const Request& request, bool passed, MonoTime now);

 private:
  __extension__ using Int128 = __int128;
  // Tokens in units of 1 / period, so that all is exact.
  struct Bucket {
    Int128 tokens = 0;
    MonoTime at;
  };
  static bool Concerns(const limit::Policy& policy, const Request& request);
  static std::string Name(const limit::Policy& policy, const Request& request);

  std::vector<limit::Policy> policies_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace weir::sim
