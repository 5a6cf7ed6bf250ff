// TableCopies: the table of nodes as it is stored: twice, so that damage to one copy costs nothing.
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "weir/base/result.h"
#include "weir/nodes/node_table.h"

namespace weir::nodes {

// What is stored in each of the two places; nullopt: nothing ever was.
using TableCopies = std::array<std::optional<std::string>, 2>;

struct StoredTable {
  NodeTable table;
  std::array<bool, 2> whole{};  // Which copies can be read; the others are to be written again.
  std::string damage;           // What is wrong with one that is there; empty: nothing.
};

// Returns the table, or nullopt when nothing is stored.
// Errors: kCorrupt when something is stored and no copy can be read, or the two differ.
Result<std::optional<StoredTable>> ReadTableCopies(const TableCopies& copies);

}  // namespace weir::nodes
