// The [[limit]] sections as the policies of weir/limit.
// Threads: pure functions.
#pragma once

#include <vector>

#include "cmd/weir/config.h"

#include "weir/limit/policy.h"

namespace weir::cmd {

// Returns one policy for each limit, in order.
// Requires: `limits` came from LoadConfig.
std::vector<limit::Policy> PoliciesOf(const std::vector<LimitConfig>& limits);

}  // namespace weir::cmd
