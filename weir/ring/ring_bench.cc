// Cost of routing: by slot table, from a key to its node, and by ring.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/ring/hash_ring.h"
#include "weir/ring/slot_table.h"

namespace weir::ring {
namespace {

constexpr size_t kSamples = 4096;  // A power of two.

std::unique_ptr<SlotTable> TableOf(int64_t count) {
  NodeSet nodes;
  for (int64_t id = 0; id < count; ++id) (void)nodes.Add({NodeId{static_cast<uint16_t>(id)}}).ok();
  auto table = std::make_unique<SlotTable>();
  table->Place(nodes);
  return table;
}

// Distinct keys of 16 bytes, in random order of slots.
std::vector<std::string> Keys(const char* format) {
  std::vector<std::string> keys(kSamples);
  for (size_t i = 0; i < kSamples; ++i) {
    std::array<char, 32> key{};
    const int size = std::snprintf(key.data(), key.size(), format, static_cast<unsigned>(i));
    keys[i].assign(key.data(), static_cast<size_t>(size));
  }
  return keys;
}

void RouteSlot(benchmark::State& state) {
  const auto table = TableOf(state.range(0));
  std::array<uint32_t, kSamples> slots{};
  Random random(1);
  for (uint32_t& slot : slots) slot = static_cast<uint32_t>(random.Below(kSlotCount));
  size_t i = 0;
  uint64_t sum = 0;
  for (auto _ : state) sum += static_cast<uint64_t>(table->Owner(slots[i++ % kSamples]));
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(RouteSlot)->Arg(1)->Arg(10)->Arg(1000);

// What a request pays: tag, CRC16, hash of the key (for the tables behind) and the owner.
void RouteKey(benchmark::State& state, const char* format) {
  const auto table = TableOf(state.range(0));
  const std::vector<std::string> keys = Keys(format);
  size_t i = 0;
  uint64_t sum = 0;
  for (auto _ : state) {
    const std::string& key = keys[i++ % kSamples];
    sum += SeededHash(key, 7) + static_cast<uint64_t>(table->Owner(TagSlot(KeyTag(key))));
  }
  benchmark::DoNotOptimize(sum);
}
BENCHMARK_CAPTURE(RouteKey, whole_16_bytes, "account:%08u")->Arg(1)->Arg(10)->Arg(1000);
BENCHMARK_CAPTURE(RouteKey, tagged_16_bytes, "{%06u}account")->Arg(10);

void RingOwner(benchmark::State& state) {
  HashRing ring;
  for (int64_t id = 0; id < state.range(0); ++id) {
    (void)ring.Add({NodeId{static_cast<uint16_t>(id)}}).ok();
  }
  Random random(1);
  uint64_t sum = 0;
  for (auto _ : state) sum += static_cast<uint64_t>(ring.Owner(random.Next()));
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(RingOwner)->Arg(1)->Arg(10)->Arg(100)->Arg(1000);

// One node of n leaves and comes back.
void ChangeSlotTable(benchmark::State& state) {
  const auto table = TableOf(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->Remove(NodeId{0}).ok());
    benchmark::DoNotOptimize(table->Add({NodeId{0}}).ok());
  }
}
BENCHMARK(ChangeSlotTable)->Arg(10)->Arg(1000);

}  // namespace
}  // namespace weir::ring
