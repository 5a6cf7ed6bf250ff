#include "weir/nodes/table_copies.h"

#include <utility>

namespace weir::nodes {

Result<std::optional<StoredTable>> ReadTableCopies(const TableCopies& copies) {
  std::optional<StoredTable> stored;
  std::optional<Error> damage;
  std::array<bool, 2> whole{};
  for (size_t copy = 0; copy < copies.size(); ++copy) {
    if (!copies[copy]) continue;
    Result<NodeTable> table = NodeTable::FromText(*copies[copy]);
    if (!table) {
      damage = table.error();
      continue;
    }
    if (stored && *copies[copy] != stored->table.ToText()) {
      return Error{ErrorCode::kCorrupt, "node table: its two copies differ"};
    }
    whole[copy] = true;
    stored = StoredTable{.table = std::move(table).value(), .whole = {}, .damage = ""};
  }
  if (!stored && damage) return *damage;
  if (!stored) return stored;
  stored->whole = whole;
  if (damage) stored->damage = damage->message;
  return stored;
}

}  // namespace weir::nodes
