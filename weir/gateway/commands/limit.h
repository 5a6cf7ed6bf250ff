// What the commands LIMIT.* share: reading the limits of a request, writing what became of them.
#pragma once

#include <chrono>
#include <cstddef>

#include "weir/base/result.h"
#include "weir/gateway/command.h"
#include "weir/gateway/limit_words.h"
#include "weir/limit/named_limits.h"
#include "weir/resp/writer.h"

namespace weir::gateway::commands {

// Reads the limits that begin at word `begin`, and sees that the user may name their keys. Of the
// buckets that weir charges of its own accord everybody may be told; to change them takes `admin`,
// or else who is refused by one would fill it again, or empty another's. Where there are several
// nodes all keys must be of one slot, since each has its bucket on its own node: the pipeline has
// looked at the first.
// Errors: kInvalid, with the whole reply as message.
Result<NamedLimitWords> ReadPermittedLimits(const LocalCall& call, size_t begin, limit::Ask ask);

// The words of LIMIT.WAIT: its limits, and for how long it may wait at most.
struct WaitWords {
  static constexpr std::chrono::milliseconds kMost = std::chrono::hours(1);

  NamedLimitWords limits;
  std::chrono::milliseconds most{0};
};
// As ReadPermittedLimits.
Result<WaitWords> ReadWait(const LocalCall& call);

// Writes allowed, remaining, retry_after_ms, reset_after_ms, limit, after their array's header.
inline constexpr size_t kOutcomeFields = 5;
void WriteOutcomeFields(const limit::NamedOutcomes& outcomes, resp::Writer& writer);

}  // namespace weir::gateway::commands
