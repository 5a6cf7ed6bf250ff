// Pictures of a slot table, as SVG: a square of 128 rows with 128 slots each, coloured by owner.
// Threads: pure functions.
#pragma once

#include <string>

#include "cmd/weir/ring_report.h"

#include "weir/ring/slot_table.h"

namespace weir::cmd {

std::string DrawTable(const ring::SlotTable& table);

// The table after the change; a slot that moves has a stripe in the colour of who gives it, black
// when that node is gone.
std::string DrawChange(const RingChange& change);

}  // namespace weir::cmd
