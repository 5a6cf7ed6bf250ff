// What a hit, an insertion and a write group cost. Each figure is for one operation, on one thread.
//
// Keys are visited in an order that no hardware prefetcher can guess; a hit includes the hash of
// its key and a copy of its value.

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/cache/cache.h"
#include "weir/cache/write_groups.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr size_t kEntries = 1'000'000;
constexpr size_t kKeyBytes = 16;
constexpr size_t kValueBytes = 100;
constexpr size_t kBatch = 16;
constexpr uint64_t kSeed = 1;

using Key = std::array<char, kKeyBytes>;

Key KeyOf(uint64_t n) {
  Key key;
  std::string text = std::to_string(n);
  text.insert(0, kKeyBytes - text.size(), '0');
  std::memcpy(key.data(), text.data(), kKeyBytes);
  return key;
}
std::string_view View(const Key& key) {
  return {key.data(), key.size()};
}

// Half full, so that its shadows follow no key.
Cache Filled(size_t curve_bytes) {
  Cache made({.budget_bytes = size_t{1} << 30, .hash_seed = kSeed, .curve_bytes = curve_bytes});
  const Value value{Bytes::Copy(std::string(kValueBytes, 'v')), kNever, 1};
  for (uint64_t n = 0; n < kEntries; ++n) {
    const Key key = KeyOf(n);
    made.Put(View(key), SeededHash(View(key), kSeed), value, kNever, kNow);
  }
  return made;
}

Cache& FilledCache() {
  static Cache cache = Filled(0);
  return cache;
}

const std::vector<Key>& KeysInRandomOrder() {
  static const std::vector<Key> keys = [] {
    Random random(7);
    std::vector<Key> made;
    for (size_t n = 0; n < kEntries; ++n) made.push_back(KeyOf(random.Below(kEntries)));
    return made;
  }();
  return keys;
}

size_t CopyHit(Cache& cache, std::string_view key, uint64_t hash, char* to) {
  const std::optional<Cache::Hit> hit = cache.Find(key, hash, kNow);
  std::memcpy(to, hit->value.data(), hit->value.size());
  return hit->value.size();
}

void Hit(benchmark::State& state, Cache& cache) {
  const std::vector<Key>& keys = KeysInRandomOrder();
  std::array<char, kValueBytes> reply;
  size_t next = 0;
  size_t bytes = 0;
  for (auto _ : state) {
    const std::string_view key = View(keys[next]);
    bytes += CopyHit(cache, key, SeededHash(key, kSeed), reply.data());
    benchmark::DoNotOptimize(reply);
    if (++next == keys.size()) next = 0;
  }
  if (bytes != kValueBytes * static_cast<size_t>(state.iterations())) std::abort();
}

void BM_Hit(benchmark::State& state) {
  Hit(state, FilledCache());
}
BENCHMARK(BM_Hit);

void BM_HitWithAMissRatioCurve(benchmark::State& state) {
  static Cache cache = Filled(size_t{1} << 20);
  Hit(state, cache);
}
BENCHMARK(BM_HitWithAMissRatioCurve);

// A full cache of few entries, where a large part of the keys is in the samples: the differences
// are what the curve costs, and the shadows, which have here what a lane of the server has at
// least.
void BM_HitAmong20000(benchmark::State& state) {
  constexpr size_t kFew = 20'000;
  const Value value{Bytes::Copy(std::string(kValueBytes, 'v')), kNever, 1};
  Cache cache({.budget_bytes = Cache::Cost(kKeyBytes, &value) * kFew,
               .shadow_bytes = static_cast<size_t>(state.range(1)) << 10,
               .history = Cache::History::kBesideBudget,
               .curve_bytes = static_cast<size_t>(state.range(0)) << 20});
  std::vector<Key> keys;
  for (size_t n = 0; n < kFew; ++n) {
    keys.push_back(KeyOf(n * 7919 % kFew));
    cache.Put(View(keys[n]), SeededHash(View(keys[n]), kSeed), value, kNever, kNow);
  }
  std::array<char, kValueBytes> reply;
  size_t next = 0;
  for (auto _ : state) {
    const std::string_view key = View(keys[next]);
    benchmark::DoNotOptimize(CopyHit(cache, key, SeededHash(key, kSeed), reply.data()));
    if (++next == keys.size()) next = 0;
  }
}
BENCHMARK(BM_HitAmong20000)
    ->ArgNames({"curve_mib", "shadow_kib"})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({0, 48});

void BM_HitInBatchesOf16(benchmark::State& state) {
  Cache& cache = FilledCache();
  const std::vector<Key>& keys = KeysInRandomOrder();
  std::array<char, kValueBytes> reply;
  std::array<uint64_t, kBatch> hashes;
  size_t next = 0;
  size_t bytes = 0;
  while (state.KeepRunningBatch(kBatch)) {
    for (size_t i = 0; i < kBatch; ++i) {
      hashes[i] = SeededHash(View(keys[next + i]), kSeed);
      cache.PrefetchSlot(hashes[i]);
    }
    for (size_t i = 0; i < kBatch; ++i) cache.PrefetchEntry(hashes[i]);
    for (size_t i = 0; i < kBatch; ++i) {
      bytes += CopyHit(cache, View(keys[next + i]), hashes[i], reply.data());
      benchmark::DoNotOptimize(reply);
    }
    next = (next + kBatch) % keys.size();
  }
  if (bytes != kValueBytes * static_cast<size_t>(state.iterations())) std::abort();
}
BENCHMARK(BM_HitInBatchesOf16);

// Every insertion evicts: the cache holds a tenth of the keys.
void BM_PutIntoAFullCache(benchmark::State& state) {
  const Value value{Bytes::Copy(std::string(kValueBytes, 'v')), kNever, 1};
  Cache cache({.budget_bytes = Cache::Cost(kKeyBytes, &value) * kEntries / 10, .hash_seed = kSeed});
  const std::vector<Key>& keys = KeysInRandomOrder();
  size_t next = 0;
  for (auto _ : state) {
    const std::string_view key = View(keys[next]);
    cache.Put(key, SeededHash(key, kSeed), value, kNever, kNow);
    if (++next == keys.size()) next = 0;
  }
  state.counters["entries"] = static_cast<double>(cache.entries());
}
BENCHMARK(BM_PutIntoAFullCache);

// One entry that is over, of many that end at the same moment, in slices as the server takes them.
void BM_ExpireInSlicesOf256(benchmark::State& state) {
  constexpr size_t kTimed = 200'000;
  const Value value{Bytes::Copy(std::string(kValueBytes, 'v')), kNever, 1};
  size_t left = 0;
  while (state.KeepRunningBatch(kTimed)) {
    state.PauseTiming();
    Cache cache({.budget_bytes = size_t{1} << 30, .hash_seed = kSeed});
    for (uint64_t n = 0; n < kTimed; ++n) {
      const Key key = KeyOf(n);
      cache.Put(View(key), SeededHash(View(key), kSeed), value, WallTime{90'000}, kNow);
    }
    state.ResumeTiming();
    while (cache.Expire({90'000}, 256) == 256) continue;
    left += cache.entries();
  }
  if (left != 0) std::abort();
}
BENCHMARK(BM_ExpireInSlicesOf256);

void BM_ReplaceAmongAMillion(benchmark::State& state) {
  Cache& cache = FilledCache();
  const std::vector<Key>& keys = KeysInRandomOrder();
  const Value value{Bytes::Copy(std::string(kValueBytes, 'v')), kNever, 1};
  size_t next = 0;
  for (auto _ : state) {
    const std::string_view key = View(keys[next]);
    cache.Put(key, SeededHash(key, kSeed), value, kNever, kNow);
    if (++next == keys.size()) next = 0;
  }
}
BENCHMARK(BM_ReplaceAmongAMillion);

// One SET: the group of its key and the value it leaves, Clear included. The hash is the router's.
void BM_WriteGroupInBatchesOf800(benchmark::State& state) {
  constexpr size_t kWrites = 800;
  const std::vector<Key>& keys = KeysInRandomOrder();
  const Bytes bytes = Bytes::Copy(std::string(kValueBytes, 'v'));
  std::vector<uint64_t> hashes;
  for (const Key& key : keys) hashes.push_back(SeededHash(View(key), kSeed));
  WriteGroups groups;
  size_t next = 0;
  size_t made = 0;
  while (state.KeepRunningBatch(kWrites)) {
    for (size_t i = next; i < next + kWrites; ++i) {
      groups.At(View(keys[i]), hashes[i]).Put(Value{bytes, kNever, 0});
    }
    made += groups.size();
    groups.Clear();
    next += kWrites;
    if (next + kWrites > keys.size()) next = 0;
  }
  if (made == 0) std::abort();
}
BENCHMARK(BM_WriteGroupInBatchesOf800);

}  // namespace
}  // namespace weir::cache
