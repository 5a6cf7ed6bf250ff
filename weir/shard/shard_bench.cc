// Cost of finding a key's shard: its position, and the look-up among few and many ranges; and of
// noting requests for the load that placement is told by.
#include <chrono>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "weir/base/random.h"
#include "weir/shard/live_range_map.h"
#include "weir/shard/load_sample.h"
#include "weir/shard/position.h"
#include "weir/shard/range_map.h"

namespace weir::shard {
namespace {

constexpr size_t kSamples = 4096;

// Keys of 16 bytes.
std::vector<std::string> Keys(const std::string& before, const std::string& after) {
  std::vector<std::string> keys(kSamples);
  for (size_t i = 0; i < kSamples; ++i) {
    keys[i].append(before).append(std::to_string(10'000'000 + i)).append(after);
  }
  return keys;
}

void Locate(benchmark::State& state, const std::string& before, const std::string& after) {
  const std::vector<std::string> keys = Keys(before, after);
  size_t i = 0;
  uint64_t sum = 0;
  for (auto _ : state) sum += PositionOf(keys[i++ % kSamples]).value;
  benchmark::DoNotOptimize(sum);
}
BENCHMARK_CAPTURE(Locate, whole_key, "account:", "");
BENCHMARK_CAPTURE(Locate, tagged_key, "{", "}items");

RangeMap MapOf(uint64_t ranges, benchmark::State& state) {
  RangeMap map = RangeMap::Even(1).value();
  for (uint64_t i = 1; i < ranges; ++i) {
    const Position at{~uint64_t{0} / ranges * i / kPositionUnit * kPositionUnit};
    if (!map.Split(at)) state.SkipWithError("the ranges do not divide the space");
    if (!map.Assign(at, ShardId{static_cast<uint32_t>(i)})) state.SkipWithError("no such range");
  }
  return map;
}

void FindShard(benchmark::State& state) {
  const RangeMap map = MapOf(static_cast<uint64_t>(state.range(0)), state);
  Random random(1);
  uint64_t sum = 0;
  for (auto _ : state) sum += static_cast<uint64_t>(map.ShardOf({random.Next()}));
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(FindShard)->Arg(1)->Arg(4)->Arg(16)->Arg(256)->Arg(65536);

void FindShardLive(benchmark::State& state) {
  const LiveRangeMap map(MapOf(static_cast<uint64_t>(state.range(0)), state));
  Random random(1);
  uint64_t sum = 0;
  for (auto _ : state) sum += static_cast<uint64_t>(map.ShardOf({random.Next()}));
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(FindShardLive)->Arg(1)->Arg(4)->Arg(16)->Arg(256)->Arg(65536);

// Requests noted so many at a time, at a rate of 200 000 a second; the time is for one request.
void NoteLoad(benchmark::State& state) {
  const std::vector<std::string> keys = Keys("account:", "");
  const auto at_once = static_cast<size_t>(state.range(0));
  const std::chrono::nanoseconds step{5000 * state.range(0)};
  MonoTime now;
  LoadSample sample(1, now);
  size_t i = 0;
  for (auto _ : state) {
    now = now + step;
    sample.Note(at_once, now, [&](size_t) {
      const std::string& key = keys[i++ % kSamples];
      return LoadSample::Request{PositionOf(key), key};
    });
  }
  benchmark::DoNotOptimize(sample.entries().size());
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["a_request"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(NoteLoad)->Arg(1)->Arg(16)->Arg(256);

void ReadText(benchmark::State& state) {
  const std::string text = RangeMap::Even(static_cast<uint32_t>(state.range(0))).value().ToText();
  for (auto _ : state) benchmark::DoNotOptimize(RangeMap::FromText(text).ok());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(ReadText)->Arg(4)->Arg(16384);

}  // namespace
}  // namespace weir::shard
