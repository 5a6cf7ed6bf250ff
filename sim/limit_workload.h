// LimitWorkload: commands about limits that a request names: decisions, waiting for them, what is
// reserved and settled, places that are leased.
//
// Limits of clients' own have keys of their own here, so that nothing else takes from them.
// Threads: single-owner.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "sim/op.h"

#include "weir/base/random.h"
#include "weir/limit/token_bucket.h"

namespace weir::sim {

class LimitWorkload {
 public:
  // The keys of limits that clients bring along begin so.
  static constexpr std::string_view kOwnKey = "k:limit";
  // The policy that concerns those alone who name it.
  static constexpr std::string_view kNamedPolicy = "named";

  // `own`: the rate of those limits; a key's second one has a third of it.
  LimitWorkload(uint64_t seed, const limit::Rate& own) : random_(seed), own_(own) {}

  // `key`: what has a bucket under the policy.
  Words Draw(const std::string& key);
  // Learns the numbers of leases and reservations, for those who use them later.
  void Answered(const Words& words, const resp::Value& reply);

 private:
  using Number = std::pair<std::string, std::string>;  // Its key, and the number.

  std::string Below(uint64_t bound) { return std::to_string(random_.Below(bound)); }
  Words Limits(std::string command, const std::string& key);
  void AddOwn(Words* words, bool slower);
  void AddNamed(Words* words);
  Words Settlement(const std::string& key);
  Words Places(const std::string& key);
  // One that has been heard of, or one that nobody has.
  Number Any(const std::deque<Number>& numbers, const std::string& key);

  Random random_;
  limit::Rate own_;
  std::deque<Number> reservations_;
  std::deque<Number> leases_;
};

}  // namespace weir::sim
