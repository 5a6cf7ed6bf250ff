// TableRig: a table with memory of its own and one-line decisions, for tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include "weir/limit/bucket_memory.h"
#include "weir/limit/decision.h"

namespace weir::limit {

inline BucketRule MustRule(uint64_t count, std::chrono::nanoseconds period, uint64_t burst) {
  const Result<BucketRule> rule = BucketRule::Create({count, period, burst});
  EXPECT_TRUE(rule.ok()) << rule.error().message;
  return rule.value();
}

class TableRig {
 public:
  static constexpr RuleId kRule = 1;

  explicit TableRig(const BucketRule& rule, size_t bytes = size_t{1} << 16,
                    Crowded crowded = Crowded::kShare)
      : memory_(bytes), table_(memory_.bytes(), crowded), rule_(rule) {
    table_.SetRule(kRule, rule);
  }

  Charge Of(uint64_t hash, MonoTime now, uint64_t cost = 1) {
    return {.table = &table_,
            .clock = &rule_.clock(),
            .name = {hash, kRule},
            .flowed = rule_.clock().At(now),
            .cost = rule_.Units(cost),
            .burst = rule_.burst_units()};
  }
  Verdict Take(uint64_t hash, MonoTime now, uint64_t cost = 1) {
    const Charge charge = Of(hash, now, cost);
    Decide({&charge, 1}, now, {}, {&part_, 1});
    return part_.verdict;
  }
  // What the last Take said of the wait. Requires: the arguments of that Take.
  std::chrono::nanoseconds Wait(uint64_t hash, MonoTime now, uint64_t cost = 1) {
    return part_.RetryAfter(Of(hash, now, cost), now);
  }
  void Refund(uint64_t hash, MonoTime now, uint64_t cost = 1) {
    const Charge charge = Of(hash, now, cost);
    limit::Refund({&charge, 1}, now);
  }
  uint64_t Remaining(uint64_t hash, MonoTime now) {
    const Charge charge = Of(hash, now, 0);
    Part part;
    Decide({&charge, 1}, now, {.peek = true}, {&part, 1});
    return (rule_.burst_units() - part.missing) >> rule_.fraction_bits();
  }
  BucketTable& table() { return table_; }
  const BucketRule& rule() const { return rule_; }

 private:
  BucketMemory memory_;
  BucketTable table_;
  BucketRule rule_;
  Part part_;
};

}  // namespace weir::limit
