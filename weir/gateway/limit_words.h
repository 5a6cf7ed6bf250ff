// The words of LIMIT.*: which limits a request names, and what a request is to the policies.
// Threads: pure functions. Cost: one pass over the words, no allocation unless they are wrong.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "weir/base/result.h"
#include "weir/gateway/command.h"
#include "weir/gateway/session.h"
#include "weir/limit/limiter.h"
#include "weir/limit/named_limits.h"

namespace weir::gateway {

// The limits named by
//   key limit [limit ...] [AND key limit [limit ...] ...]
//   limit: RATE count/period [BURST tokens] [COST tokens] | POLICY name [COST tokens]
// Views into the words.
struct NamedLimitWords {
  size_t count = 0;
  std::array<limit::NamedLimit, limit::kNamedLimitsMax> limits;
  size_t end = 0;  // The first word that belongs to none of them, which its reader may know.

  std::span<const limit::NamedLimit> all() const { return {limits.data(), count}; }
};

// Reads them from the word at `begin`, the first key, on.
// Errors: kInvalid, with the whole reply as message.
Result<NamedLimitWords> ReadNamedLimits(Args args, size_t begin);

// Reads "100/s", "5000/15m": a number of tokens and a period in ms, s, m, h or d.
std::optional<limit::Rate> ReadRate(std::string_view text);

// What the policies see of a request, as borrowed views. Requires: the arity is right.
limit::Request LimitRequest(const CommandSpec& spec, Args args, const Session& session);

}  // namespace weir::gateway
