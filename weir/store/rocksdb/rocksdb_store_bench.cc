// What a durable write costs: CPU of the whole process (all threads, flush and compaction included)
// and wall time, for batches of 1, 50 and 800 writes of 100 B to 100 000 random keys on 4 shards.
//
// And a load of as many of those keys. Counters: cpu_us = CPU microseconds a write or a key;
// writes/s by wall time.
#include <filesystem>
#include <future>
#include <string>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::store {
namespace {

constexpr uint64_t kKeys = 100'000;
constexpr uint32_t kShards = 4;
constexpr size_t kValueBytes = 100;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = std::filesystem::temp_directory_path() / "weir-bench-XXXXXX";
    if (::mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

double CpuMicros() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

Key KeyOf(uint64_t number) {
  // The top two bits of a position name the shard, as equal ranges do.
  const uint64_t position = Random(number).Next();
  return {static_cast<uint32_t>(position >> 62), position, "key:" + std::to_string(number)};
}

// The writes of one batch to distinct random keys; the version is that of the batch.
Batch MakeBatch(Random* random, size_t writes, Version version, const Bytes& value, bool known) {
  Batch batch{WallTime{0}, {}};
  batch.writes.reserve(writes);
  const uint64_t stride = kKeys / writes;
  for (size_t i = 0; i < writes; ++i) {
    Write& write = batch.writes.emplace_back();
    write.key = KeyOf(i * stride + random->Below(stride));
    write.record = Record{value, kNever, version};
    write.version = version;
    if (known) write.known = Prior{true, kNever};
  }
  return batch;
}

Result<Applied> ApplyAndWait(Store& store, Batch batch) {
  std::promise<Result<Applied>> promise;
  auto applied = promise.get_future();
  store.Apply(std::move(batch),
              [&](Result<Applied> result) { promise.set_value(std::move(result)); });
  return applied.get();
}

void BM_Apply(benchmark::State& state) {
  const auto batch_writes = static_cast<size_t>(state.range(0));
  const bool known = state.range(1) != 0;
  TemporaryDirectory directory;
  auto opened = OpenRocksDb({.directory = directory.path() + "/data", .shards = kShards});
  if (!opened.ok()) return state.SkipWithError(opened.error().message.c_str());
  Store& store = *opened.value();
  const Bytes value = Bytes::Copy(std::string(kValueBytes, 'v'));
  Random random(1);
  Version version = 0;
  for (uint64_t first = 0; first < kKeys; first += 1000) {
    Batch fill{WallTime{0}, {}};
    ++version;
    for (uint64_t i = first; i < first + 1000; ++i) {
      fill.writes.push_back({KeyOf(i), Record{value, kNever, version}, version, Prior{}});
    }
    if (!ApplyAndWait(store, std::move(fill)).ok()) return state.SkipWithError("fill");
  }
  double cpu_us = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Batch batch = MakeBatch(&random, batch_writes, ++version, value, known);
    state.ResumeTiming();
    const double before = CpuMicros();
    const auto applied = ApplyAndWait(store, std::move(batch));
    cpu_us += CpuMicros() - before;
    if (!applied.ok()) return state.SkipWithError(applied.error().message.c_str());
  }
  const auto writes = static_cast<double>(state.iterations() * state.range(0));
  state.counters["cpu_us"] = cpu_us / writes;
  state.counters["writes/s"] = benchmark::Counter(writes, benchmark::Counter::kIsRate);
}

void BM_Load(benchmark::State& state) {
  const auto keys_at_once = static_cast<size_t>(state.range(0));
  TemporaryDirectory directory;
  auto opened = OpenRocksDb({.directory = directory.path() + "/data", .shards = kShards});
  if (!opened.ok()) return state.SkipWithError(opened.error().message.c_str());
  Store& store = *opened.value();
  const Bytes value = Bytes::Copy(std::string(kValueBytes, 'v'));
  Random random(1);
  for (uint64_t first = 0; first < kKeys; first += 1000) {
    Batch fill{WallTime{0}, {}};
    for (uint64_t i = first; i < first + 1000; ++i) {
      const Version version = first + 1;
      fill.writes.push_back({KeyOf(i), Record{value, kNever, version}, version, Prior{}});
    }
    if (!ApplyAndWait(store, std::move(fill)).ok()) return state.SkipWithError("fill");
  }
  double cpu_us = 0;
  for (auto _ : state) {
    std::vector<Key> keys;
    for (size_t i = 0; i < keys_at_once; ++i) keys.push_back(KeyOf(random.Below(kKeys)));
    const double before = CpuMicros();
    std::promise<bool> promise;
    store.Load(std::move(keys),
               [&](const Result<Loads>& loaded) { promise.set_value(loaded.ok()); });
    if (!promise.get_future().get()) return state.SkipWithError("load");
    cpu_us += CpuMicros() - before;
  }
  const auto loads = static_cast<double>(state.iterations() * state.range(0));
  state.counters["cpu_us"] = cpu_us / loads;
}

BENCHMARK(BM_Load)->ArgName("keys")->Arg(1)->Arg(50)->Arg(800)->UseRealTime()->Unit(
    benchmark::kMicrosecond);

BENCHMARK(BM_Apply)
    ->ArgNames({"batch", "known"})
    ->ArgsProduct({{1, 50, 800}, {1, 0}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir::store
