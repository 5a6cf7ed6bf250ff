// What a load found, as a table for people and as JSON for scripts.
// Threads: pure functions.
#pragma once

#include <string>

#include "cmd/weir/bench/load_thread.h"

namespace weir::cmd {

// `seconds`: how long the outcome was measured.
std::string ReportTable(const LoadPlan& plan, const LoadOutcome& outcome, double seconds);

// One object on one line; docs/bench.md has its fields.
std::string ReportJson(const LoadPlan& plan, const LoadOutcome& outcome, double seconds);

}  // namespace weir::cmd
