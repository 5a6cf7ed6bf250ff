// WhatIf: what a policy would have done to the requests of a journal.
//
// The entries are decided again, in their order, by the policy alone, with buckets that are full at
// the first. An entry of the sample of all requests stands for many like it at that moment, of
// which as many pass as there are tokens for; one of the other samples is itself, and its bucket
// stands for as many buckets like it. When not to use: for what nobody would send again if it were
// refused, or would send at once.
//
// Threads: a pure function. Errors: kInvalid, with what a client should hear.
// Cost: 0.1 µs an entry, and a place in a map for each bucket.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/limit/journal.h"
#include "weir/limit/policy.h"

namespace weir::limit {

// Estimates, but for `buckets` and the span.
struct WhatIfReport {
  static constexpr size_t kTop = 10;
  struct Denied {
    std::string key;  // Of a long one the front.
    uint64_t count = 0;
  };

  uint64_t requests = 0;  // That the policy concerns.
  uint64_t denied = 0;    // Of these, if all its buckets refuse and none waits.
  uint64_t buckets = 0;   // Seen in the sample.
  std::vector<Denied> top{};
  std::string_view sample{};  // "requests", "clients" or "keys".
  uint64_t one_in = 1;        // Of which the sample has so many now.
  std::chrono::nanoseconds span{0};
};

// What a policy is asked of: a copy, so that the journal can go on.
struct WhatIfSample {
  std::string_view name{};
  std::vector<JournalEntry> entries{};
  uint8_t rarity = 0;
  std::chrono::nanoseconds span{0};
};

// The sample that shows best what the policy would do. `journal` is not held by the result.
WhatIfSample SampleFor(const Policy& policy, const Journal& journal, MonoTime now);

// `policy`: all its rates, the first window first.
Result<WhatIfReport> WhatIf(const std::vector<Policy>& policy, const WhatIfSample& sample);

}  // namespace weir::limit
