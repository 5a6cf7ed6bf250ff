// What nodes ask each other: WEIR.RING DIGEST, which needs no password.
//
// All are asked at once and within one time for all of it, whoever is away, drips bytes or never
// ends its answer: nobody can hold who asks.
// Threads: pure function of sockets; blocks until all have answered, or for `patience`.
// Memory: at most kAnswerMax for each, while it is asked.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/nodes/node_table.h"
#include "weir/resp/reader.h"

namespace weir::cmd {

// What an answer may be, at most: four texts, or a line that says why there is none.
inline constexpr resp::ReaderLimits kAnswerMax{
    .depth_max = 1, .values_max = 5, .bytes_max = 1024, .line_bytes_max = 1024};

// Returns what each of `nodes` answers, in their order, also errors and nulls.
// Errors: kUnavailable with the reason: it cannot be reached, is silent, or answers no such reply.
std::vector<Result<resp::Value>> AskNodes(std::span<const nodes::Node> nodes,
                                          std::chrono::milliseconds patience, Clock& clock);

}  // namespace weir::cmd
