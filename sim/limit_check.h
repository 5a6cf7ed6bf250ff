// LimitCheck: whether the limiter let more pass than rate and burst allow, refused without need, or
// let somebody overtake those who wait.
//
// Each bucket is counted again, in plain arithmetic: tokens that have come since the last request,
// at most `burst`, minus what was charged. A request that passed must have found its cost in every
// bucket that concerns it, and the costs of those who wait there before it; one that was refused
// must have found too little in one.
// Threads: single-owner. Requires: requests in the order in which they were decided.
#pragma once

#include <map>
#include <span>
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
  };
  // What is asked of one bucket.
  struct Charge {
    std::string bucket;
    limit::Rate rate;
    uint64_t cost = 1;
    uint64_t ahead = 0;  // What those who wait there will take first.
  };
  using Charges = std::vector<Charge>;

  explicit LimitCheck(std::vector<limit::Policy> policies) : policies_(std::move(policies)) {}

  // Of the policies that match a request; of one that is asked by name.
  Charges ChargesOf(const Request& request) const;
  Charges ChargesOf(const std::string& policy, const std::string& key, uint64_t cost) const;
  // Whether a request may have to wait for its tokens.
  bool delays() const;

  // Returns what is wrong, or nothing.
  std::string Decided(std::span<const Charge> charges, bool passed, MonoTime now);
  // The costs are given back, up to the burst; or taken whether they are there or not, of each at
  // most a burst, so that at most one is owed.
  void GivenBack(std::span<const Charge> charges, MonoTime now);
  void Forced(std::span<const Charge> charges, MonoTime now);

 private:
  __extension__ using Int128 = __int128;
  // Tokens in units of 1 / period, so that all is exact.
  struct Bucket {
    Int128 tokens = 0;
    Int128 spare = 0;  // That came while it was full, since something was taken.
    MonoTime at;
  };
  static bool Concerns(const limit::Policy& policy, const Request& request);
  static std::string Name(const limit::Policy& policy, const Request& request);
  static Int128 Units(const Charge& charge, uint64_t tokens) {
    return static_cast<Int128>(tokens) * static_cast<Int128>(charge.rate.period.count());
  }
  // The charge's bucket, with what has come by now.
  Bucket& BucketOf(const Charge& charge, MonoTime now);

  std::vector<limit::Policy> policies_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace weir::sim
