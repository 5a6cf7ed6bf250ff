#include "weir/shard/map_copies.h"

#include <utility>

namespace weir::shard {

Result<std::optional<StoredMap>> ReadMapCopies(const MapCopies& copies) {
  std::optional<StoredMap> newest;
  std::optional<Error> damage;
  for (size_t copy = 0; copy < copies.size(); ++copy) {
    if (!copies[copy]) continue;
    Result<RangeMap> map = RangeMap::FromText(*copies[copy]);
    if (!map) {
      damage = map.error();
      continue;
    }
    if (newest && newest->map.epoch() == map.value().epoch() && newest->map != map.value()) {
      return Error{ErrorCode::kCorrupt, "range map: two different maps are of epoch " +
                                            std::to_string(map.value().epoch())};
    }
    if (newest && newest->map.epoch() >= map.value().epoch()) continue;
    newest = StoredMap{.map = std::move(map).value(), .newer = copy, .damage = ""};
  }
  if (!newest && damage) return *damage;
  if (newest && damage) newest->damage = damage->message;
  return newest;
}

}  // namespace weir::shard
