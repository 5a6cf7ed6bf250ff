// Decide: several limits, one decision, at one moment.
//
// Charges name buckets, in one table or in several. All of them are looked at and changed while the
// locks of all are held, so a decision is atomic with every other: none sees a part of it, and none
// is refused for tokens that another took only to give them back.
// When not to use: for one bucket that has a place of its own; see TokenBucket.
//
// Threads: thread-safe. Cost: about 10 ns for each charge whose bucket is in a near cache; no
// allocation. Prefetch the charges of a burst, then decide them in turn.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "weir/base/time.h"
#include "weir/limit/bucket_table.h"

namespace weir::limit {

// The most charges of one decision.
inline constexpr size_t kChargesMax = 16;

// What one limit asks of one bucket. The parts are borrowed.
struct Charge {
  BucketTable* table;
  const UnitClock* clock;
  BucketTable::Name name;
  uint64_t flowed;      // clock->At(now), which a burst of charges under one rule can share.
  uint64_t cost;        // In units, as is the burst.
  uint64_t burst;       // At most kBurstUnitsMax.
  bool binding = true;  // false: it is judged and charged like the others but refuses nothing.
};

// What became of one charge. Units are those of its rule.
struct Part {
  Verdict verdict = Verdict::kAllowed;
  bool charged = false;
  bool crowded = false;  // There was no room for the bucket.
  uint64_t missing = 0;  // Of the bucket, after the decision.

  // As in Outcome.
  std::chrono::nanoseconds RetryAfter(const Charge& charge, MonoTime now) const;
  std::chrono::nanoseconds ResetAfter(const Charge& charge, MonoTime now) const;
};

enum class Combine : uint8_t {
  kAll,   // Every charge is made, or none.
  kEach,  // Every charge that its own bucket allows is made, whatever the others say.
};

enum class Ruling : uint8_t {
  kAllowed,
  kRefused,  // By a binding charge.
  kStale,    // Nothing was done, because `*generation` is not `expected`: plan anew.
};

struct Terms {
  Combine combine = Combine::kAll;
  bool peek = false;  // Nothing is charged.
  // Compared while the locks are held, if given.
  const std::atomic<uint64_t>* generation = nullptr;
  uint64_t expected = 0;
};

// Fills parts[i] for charges[i]. Requires: `now` is that of the charges; at most kChargesMax
// charges, as many parts, and no two charges of one bucket.
Ruling Decide(std::span<const Charge> charges, MonoTime now, const Terms& terms,
              std::span<Part> parts);

// A decision about each charge alone, one after another; their memory is waited for together. Best
// with 16 to 32 at a time, of one `now`. Requires: as many parts as charges; no generation.
void DecideEach(std::span<const Charge> charges, MonoTime now, const Terms& terms,
                std::span<Part> parts);

// Gives back `cost` units of each charge that an earlier decision made; a bucket that is full
// again, or was forgotten, gets none. Requires: at most once for each.
// Returns false if it is stale by `terms`, of which the rest is not looked at.
bool Refund(std::span<const Charge> charges, MonoTime now, const Terms& terms = {});

// Takes the cost of each charge whether it is there or not: a bucket may come to lack up to
// twice its burst. For work that was done before its cost was known. Returns as Refund does.
bool Force(std::span<const Charge> charges, MonoTime now, const Terms& terms = {});

}  // namespace weir::limit
