// Four shards that divide the position space exactly, and where user 12345 is. Then the range is
// split at its middle and one half goes to a fifth shard. Exits with 1 if any claim is false.
#include <cinttypes>
#include <cstdio>

#include "weir/shard/position.h"
#include "weir/shard/range_map.h"

using weir::shard::Position;
using weir::shard::PositionOf;
using weir::shard::Range;
using weir::shard::RangeMap;
using weir::shard::ShardId;

namespace {

void Print(const char* what, const Range& range) {
  // A range that ends at 2^64 is stored with the end 0.
  std::printf("%s [%016" PRIx64 ", %s%016" PRIx64 ") shard %u\n", what, range.from.value,
              range.to == Position{0} ? "1" : "", range.to.value,
              static_cast<unsigned>(range.shard));
}

}  // namespace

int main() {
  auto even = RangeMap::Even(4);
  if (!even) return 1;
  RangeMap map = even.value();
  for (size_t i = 0; i < map.size(); ++i) Print("range", map.At(i));

  const Position user = PositionOf("user:12345");
  const Range range = map.Find(user);
  std::printf("user:12345 is at %016" PRIx64 "\n", user.value);
  Print("  in ", range);

  // Distances modulo 2^64 are right for the last range too.
  const Position middle{range.from.value + (range.to.value - range.from.value) / 2};
  if (!map.Split(middle) || !map.Assign(middle, ShardId{4})) return 1;
  Print("now in ", map.Find(user));

  const bool found = range.Contains(user) && map.Find(user).Contains(user);
  const bool moved_half = map.ShardOf(middle) == ShardId{4};
  const bool kept_rest = map.ShardOf(range.from) == range.shard;
  return found && moved_half && kept_rest && map.Validate() ? 0 : 1;
}
