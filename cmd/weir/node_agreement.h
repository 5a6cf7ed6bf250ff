// Whether the nodes of a list agree on it, as far as they can be asked.
//
// A node that starts asks each other one once (WEIR.RING DIGEST, which needs no password). Those
// that are away, or do not answer in kPatience, will ask it when they start. So of two nodes that
// disagree the one that started last ends, and nobody that serves is disturbed.
// Threads: blocks, for kPatience or as often that as there are kAtOnce nodes.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/nodes/node_table.h"

namespace weir::cmd {

inline constexpr std::chrono::milliseconds kAgreementPatience{500};
inline constexpr size_t kAgreementAtOnce = 32;

struct Agreement {
  // Of nodes that answered what does not matter to placement, or answered as no node does.
  std::vector<std::string> warnings;
};

// Errors: kInvalid when another node places slots otherwise, or is not who the list says; the
// message names it.
Result<Agreement> AskOtherNodes(const nodes::NodeTable& table);

}  // namespace weir::cmd
