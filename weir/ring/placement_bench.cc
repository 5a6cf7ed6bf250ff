// Every placement beside the others: time of a look-up, memory, evenness and movement.
// bench/ring.py runs this and prints one table.
//
// The look-up is measured from a 64-bit hash or, for the slot table, from a slot, and again from a
// key of 16 bytes with all that its placement hashes. Shares and movement are counted over probes
// that cover the space evenly, so that the figures are those of the placement and not of a sample;
// jump hash has no space to cover and is sampled.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/ring/hash_ring.h"
#include "weir/ring/jump_hash.h"
#include "weir/ring/ketama.h"
#include "weir/ring/maglev_table.h"
#include "weir/ring/slot_table.h"

namespace weir::ring {
namespace {

constexpr size_t kSamples = 4096;  // A power of two.
constexpr uint64_t kCircleProbes = uint64_t{1} << 22;

// A node fewer, or one more: the first leaves, or a new one comes last. Of jump hash the last goes.
enum class Change { kNone, kLeave, kJoin };

NodeSet NodesOf(int64_t count, Change change) {
  NodeSet nodes;
  const int64_t first = change == Change::kLeave ? 1 : 0;
  const int64_t end = change == Change::kJoin ? count + 1 : count;
  for (int64_t id = first; id < end; ++id) {
    if (!nodes.Add({NodeId{static_cast<uint16_t>(id)}})) std::abort();
  }
  return nodes;
}

// Each has: a constructor for `count` nodes after a change; the owner of a probe, the i-th of
// kProbes that cover the space, as a number; the owner of a key; its bytes.
class SlotPlacement {
 public:
  static constexpr uint64_t kProbes = kSlotCount;
  SlotPlacement(int64_t count, Change change) : table_(std::make_unique<SlotTable>()) {
    table_->Place(NodesOf(count, Change::kNone));
    table_->Place(NodesOf(count, change));
  }
  static uint64_t Probe(uint64_t i) { return i; }
  uint64_t Owner(uint64_t probe) const {
    return static_cast<uint64_t>(table_->Owner(static_cast<uint32_t>(probe % kSlotCount)));
  }
  uint64_t OwnerOfKey(std::string_view key) const { return Owner(TagSlot(KeyTag(key))); }
  size_t Bytes() const { return kSlotCount * sizeof(NodeId); }

 private:
  std::unique_ptr<SlotTable> table_;
};

class RingPlacement {
 public:
  static constexpr uint64_t kProbes = kCircleProbes;
  RingPlacement(int64_t count, Change change) {
    const NodeSet nodes = NodesOf(count, change);
    for (const Node& node : nodes.nodes()) {
      if (!ring_.Add(node)) std::abort();
    }
  }
  static uint64_t Probe(uint64_t i) { return i * (~uint64_t{0} / kProbes); }
  uint64_t Owner(uint64_t probe) const { return static_cast<uint64_t>(ring_.Owner(probe)); }
  uint64_t OwnerOfKey(std::string_view key) const { return Owner(StableHash(KeyTag(key))); }
  size_t Bytes() const { return ring_.points() * 16; }

 private:
  HashRing ring_;
};

class KetamaPlacement {
 public:
  static constexpr uint64_t kProbes = kCircleProbes;
  KetamaPlacement(int64_t count, Change change) : ring_(Make(count, change)) {}
  static uint64_t Probe(uint64_t i) { return i << 10; }
  uint64_t Owner(uint64_t probe) const {
    return ring_.PointOf(static_cast<uint32_t>(probe)).server + first_;
  }
  uint64_t OwnerOfKey(std::string_view key) const { return ring_.Owner(key) + first_; }
  size_t Bytes() const { return ring_.points().size() * sizeof(KetamaRing::Point); }

 private:
  KetamaRing Make(int64_t count, Change change) {
    std::vector<KetamaServer> servers;
    const NodeSet nodes = NodesOf(count, change);
    first_ = static_cast<uint64_t>(nodes.nodes().front().id);
    for (const Node& node : nodes.nodes()) {
      servers.push_back({.address = "10.0.0." + std::to_string(static_cast<unsigned>(node.id))});
    }
    return KetamaRing::Create(std::move(servers), {}).value();
  }

  uint64_t first_ = 0;
  KetamaRing ring_;
};

class MaglevPlacement {
 public:
  static constexpr uint64_t kProbes = MaglevTable::kEntries;
  MaglevPlacement(int64_t count, Change change) : table_(NodesOf(count, change)) {}
  static uint64_t Probe(uint64_t i) { return i; }
  uint64_t Owner(uint64_t probe) const { return static_cast<uint64_t>(table_.Owner(probe)); }
  uint64_t OwnerOfKey(std::string_view key) const { return Owner(StableHash(KeyTag(key))); }
  size_t Bytes() const { return MaglevTable::kEntries * sizeof(NodeId); }

 private:
  MaglevTable table_;
};

class JumpPlacement {
 public:
  static constexpr uint64_t kProbes = kCircleProbes;
  JumpPlacement(int64_t count, Change change)
      : buckets_(static_cast<uint32_t>(NodesOf(count, change).nodes().size())) {}
  static uint64_t Probe(uint64_t i) { return Random(i).Next(); }
  uint64_t Owner(uint64_t probe) const { return JumpHash(probe, buckets_); }
  uint64_t OwnerOfKey(std::string_view key) const { return Owner(StableHash(KeyTag(key))); }
  size_t Bytes() const { return 0; }

 private:
  uint32_t buckets_;
};

// The greatest share over the mean.
template <typename Placement>
double PeakToMean(const Placement& placement, int64_t count) {
  std::vector<uint64_t> held(static_cast<size_t>(count), 0);
  for (uint64_t i = 0; i < Placement::kProbes; ++i) {
    ++held[placement.Owner(Placement::Probe(i))];
  }
  return static_cast<double>(*std::ranges::max_element(held)) * static_cast<double>(count) /
         static_cast<double>(Placement::kProbes);
}

// What a change moves, over what it must: the share of who leaves, or a whole share for who comes.
template <typename Placement>
double MovedToNeeded(const Placement& before, int64_t count, Change change) {
  const Placement after(count, change);
  uint64_t moved = 0;
  uint64_t leaving = 0;
  for (uint64_t i = 0; i < Placement::kProbes; ++i) {
    const uint64_t owner = before.Owner(Placement::Probe(i));
    moved += owner == after.Owner(Placement::Probe(i)) ? 0 : 1;
    leaving += owner == 0 ? 1 : 0;
  }
  const uint64_t joining = Placement::kProbes / (static_cast<uint64_t>(count) + 1);
  return static_cast<double>(moved) /
         static_cast<double>(change == Change::kLeave ? leaving : joining);
}

template <typename Placement>
void LookUp(benchmark::State& state) {
  const Placement placement(state.range(0), Change::kNone);
  std::vector<uint64_t> probes(kSamples);
  Random random(1);
  for (uint64_t& probe : probes) probe = Placement::Probe(random.Below(Placement::kProbes));
  size_t i = 0;
  uint64_t sum = 0;
  for (auto _ : state) sum += placement.Owner(probes[i++ % kSamples]);
  benchmark::DoNotOptimize(sum);
}

template <typename Placement>
void LookUpKey(benchmark::State& state) {
  const Placement placement(state.range(0), Change::kNone);
  std::vector<std::string> keys(kSamples);
  for (size_t i = 0; i < kSamples; ++i) keys[i] = "account:" + std::to_string(10'000'000 + i);
  size_t i = 0;
  uint64_t sum = 0;
  for (auto _ : state) sum += placement.OwnerOfKey(keys[i++ % kSamples]);
  benchmark::DoNotOptimize(sum);
}

// Timed once: building it. What is counted follows.
template <typename Placement>
void Build(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Placement(state.range(0), Change::kNone).Bytes());
  const Placement placement(state.range(0), Change::kNone);
  state.counters["bytes"] = static_cast<double>(placement.Bytes());
  state.counters["peak_to_mean"] = PeakToMean(placement, state.range(0));
  state.counters["leave"] = MovedToNeeded(placement, state.range(0), Change::kLeave);
  state.counters["join"] = MovedToNeeded(placement, state.range(0), Change::kJoin);
}

#define WEIR_PLACEMENT_BENCH(Placement)                                   \
  BENCHMARK_TEMPLATE(LookUp, Placement)->Arg(10)->Arg(100)->Arg(1000);    \
  BENCHMARK_TEMPLATE(LookUpKey, Placement)->Arg(10)->Arg(100)->Arg(1000); \
  BENCHMARK_TEMPLATE(Build, Placement)->Arg(10)->Arg(100)->Arg(1000)->Iterations(1)
WEIR_PLACEMENT_BENCH(SlotPlacement);
WEIR_PLACEMENT_BENCH(RingPlacement);
WEIR_PLACEMENT_BENCH(KetamaPlacement);
WEIR_PLACEMENT_BENCH(MaglevPlacement);
WEIR_PLACEMENT_BENCH(JumpPlacement);

}  // namespace
}  // namespace weir::ring
