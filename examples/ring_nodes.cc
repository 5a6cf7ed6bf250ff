// Ten nodes with 150 virtual nodes each: which node serves a key, how evenly keys are shared, and
// what moves when a node leaves. Exits with 1 if a key moves that need not.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "weir/base/key_hash.h"
#include "weir/ring/hash_ring.h"

using weir::ring::HashRing;
using weir::ring::NodeId;

int main() {
  constexpr uint16_t kNodes = 10;
  constexpr int kKeys = 100'000;
  HashRing ring({.points_per_weight = 150});
  for (uint16_t id = 0; id < kNodes; ++id) {
    if (const auto added = ring.Add({.id = NodeId{id}}); !added) {
      std::fprintf(stderr, "%s\n", added.error().message.c_str());
      return 1;
    }
  }
  const auto hash_of = [](int i) { return weir::StableHash("user:" + std::to_string(i)); };
  const NodeId owner = ring.Owner(hash_of(12345));
  std::printf("user:12345 is served by node %d\n", static_cast<int>(owner));

  std::vector<NodeId> before;
  std::vector<int> keys_of(kNodes, 0);
  for (int i = 0; i < kKeys; ++i) {
    before.push_back(ring.Owner(hash_of(i)));
    ++keys_of[static_cast<size_t>(before.back())];
  }
  const double mean = static_cast<double>(kKeys) / kNodes;
  std::printf("peak / mean = %.2f\n", std::ranges::max(keys_of) / mean);

  if (!ring.Remove(owner)) return 1;
  int moved = 0;
  int moved_needlessly = 0;
  for (int i = 0; i < kKeys; ++i) {
    const NodeId previous = before[static_cast<size_t>(i)];
    if (ring.Owner(hash_of(i)) == previous) continue;
    ++moved;
    moved_needlessly += previous == owner ? 0 : 1;
  }
  const int held = keys_of[static_cast<size_t>(owner)];
  std::printf("without node %d, %d of %d keys move: the %d it served, and %d others\n",
              static_cast<int>(owner), moved, kKeys, held, moved_needlessly);
  std::printf("user:12345 is now served by node %d\n",
              static_cast<int>(ring.Owner(hash_of(12345))));
  return moved == held && moved_needlessly == 0 ? 0 : 1;
}
