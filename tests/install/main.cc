// What a program outside the project does with the installed mechanisms: one use of each, checked.
// Exits with 1 and the name of the first mechanism that does not do its work.
#include <cstdio>
#include <memory>

#include <weir/base/key_hash.h>
#include <weir/ring/ring.h>
#include <weir/ring/slot_table.h>
#include <weir/shard/position.h>
#include <weir/shard/range_map.h>

namespace {

bool RingServes() {
  weir::ring::Ring ring;
  const auto table = std::make_unique<weir::ring::SlotTable>();
  const weir::ring::NodeId node{3};
  if (!ring.Add({.id = node}) || !table->Add({.id = node})) return false;
  const uint32_t slot = weir::TagSlot(weir::KeyTag("{user}:1"));
  return ring.Owner(weir::StableHash("key")) == node && table->Owner(slot) == node;
}

bool ShardServes() {
  const auto map = weir::shard::RangeMap::Even(4);
  if (!map) return false;
  const auto read = weir::shard::RangeMap::FromText(map.value().ToText());
  const auto position = weir::shard::PositionOf("user:12345");
  return read && read.value().Find(position).Contains(position);
}

}  // namespace

int main() {
  struct Check {
    const char* mechanism;
    bool (*serves)();
  };
  for (const Check& check : {Check{"ring", &RingServes}, Check{"shard", &ShardServes}}) {
    if (check.serves()) continue;
    std::fprintf(stderr, "weir::%s does not do its work\n", check.mechanism);
    return 1;
  }
  std::puts("the installed weir works");
}
