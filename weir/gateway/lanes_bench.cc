// What a look-up of the cache costs under threads, hash, lock and copy of the value included, one
// by one beside an LRU cache of standard parts behind one mutex, and in batches of 16; and what an
// entry takes of resident memory.
//
// WEIR_BENCH_ENTRIES is the number of entries, 100 000 by default. Keys are visited in an order
// that no hardware prefetcher can guess. `./dev bench cache` prints the table.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/resident_bytes.h"
#include "weir/gateway/version_clock.h"

namespace weir::gateway {
namespace {

constexpr WallTime kNow{1'770'000'000'000};
constexpr uint64_t kSeed = 1;
constexpr uint32_t kLanes = 64;
constexpr size_t kKeyBytes = 12;
constexpr size_t kValueBytes = 100;
constexpr size_t kOrder = size_t{1} << 20;  // Look-ups before the order begins anew.
constexpr size_t kBatch = 16;
constexpr double kZipfExponent = 0.99;
constexpr uint64_t kScatter = 1'000'003;  // A prime: the keys asked for most stand anywhere.

uint64_t Entries() {
  const char* set = std::getenv("WEIR_BENCH_ENTRIES");
  return set == nullptr ? 100'000 : std::strtoull(set, nullptr, 10);
}

using Key = std::array<char, kKeyBytes + 1>;

std::string_view View(const Key& key) {
  return {key.data(), kKeyBytes};
}

// "key:" and eight digits.
Key KeyOf(uint64_t n) {
  Key key;
  std::snprintf(key.data(), key.size(), "key:%08u", static_cast<unsigned>(n % 100'000'000));
  return key;
}

class LanesCache {
 public:
  LanesCache(uint64_t entries, size_t value_bytes)
      : lanes_(kLanes, entries * (value_bytes + 128) + (size_t{64} << 20), kSeed) {
    cache::Value value{Bytes::Copy(std::string(value_bytes, 'v')), kNever, 0};
    VersionClock versions(0);
    for (uint64_t n = 0; n < entries; ++n) {
      value.version = versions.Next(kNow);
      const Key key = KeyOf(n);
      const std::string_view text = View(key);
      const uint64_t hash = SeededHash(text, kSeed);
      lanes_.Lock(LaneOf(hash))->Publish(text, hash, value, {}, kNow);
    }
  }

  bool Get(std::string_view key, char* to) { return Get(key, SeededHash(key, kSeed), to); }

  // As the pipeline looks up a burst of reads: the index first, then the entries behind it.
  // Returns how many were found.
  size_t GetBatch(const Key* keys, char* to) {
    std::array<uint64_t, kBatch> hashes;
    for (size_t i = 0; i < kBatch; ++i) {
      hashes[i] = SeededHash(View(keys[i]), kSeed);
      lanes_.Lock(LaneOf(hashes[i]))->PrefetchSlot(View(keys[i]), hashes[i]);
    }
    for (size_t i = 0; i < kBatch; ++i) {
      lanes_.Lock(LaneOf(hashes[i]))->PrefetchEntry(View(keys[i]), hashes[i]);
    }
    size_t found = 0;
    for (size_t i = 0; i < kBatch; ++i) found += Get(View(keys[i]), hashes[i], to) ? 1 : 0;
    return found;
  }

 private:
  bool Get(std::string_view key, uint64_t hash, char* to) {
    const Lanes::Locked lane = lanes_.Lock(LaneOf(hash));
    const auto hit = lane->Find(key, hash, kNow);
    if (!hit.has_value()) return false;
    std::memcpy(to, hit->value.data(), hit->value.size());
    return true;
  }

  static uint32_t LaneOf(uint64_t hash) { return static_cast<uint32_t>(hash >> 58); }

  Lanes lanes_;
};

class StandardLru {
 public:
  StandardLru(uint64_t entries, size_t value_bytes) {
    index_.reserve(entries);
    for (uint64_t n = 0; n < entries; ++n) {
      order_.emplace_front(std::string(KeyOf(n).data(), kKeyBytes), std::string(value_bytes, 'v'));
      index_.emplace(order_.front().first, order_.begin());
    }
  }

  bool Get(std::string_view key, char* to) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return false;
    order_.splice(order_.begin(), order_, found->second);
    std::memcpy(to, found->second->second.data(), found->second->second.size());
    return true;
  }

 private:
  using List = std::list<std::pair<std::string, std::string>>;

  std::mutex mutex_;
  List order_;
  std::unordered_map<std::string_view, List::iterator> index_;
};

template <class Cache>
void Look(benchmark::State& state, bool hits) {
  static std::unique_ptr<Cache> cache;
  if (state.thread_index() == 0) cache = std::make_unique<Cache>(Entries(), kValueBytes);
  Random random(static_cast<uint64_t>(state.thread_index()) + 7);
  std::vector<Key> keys;
  for (size_t n = 0; n < std::min<uint64_t>(kOrder, 4 * Entries()); ++n) {
    keys.push_back(KeyOf(random.Below(Entries()) + (hits ? 0 : Entries())));
  }
  std::array<char, kValueBytes> reply;
  size_t next = 0;
  for (auto _ : state) {
    if (cache->Get(View(keys[next]), reply.data()) != hits) std::abort();
    benchmark::DoNotOptimize(reply);
    if (++next == keys.size()) next = 0;
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  if (state.thread_index() == 0) cache.reset();
}

void BM_LanesHit(benchmark::State& state) {
  Look<LanesCache>(state, true);
}
void BM_LanesMiss(benchmark::State& state) {
  Look<LanesCache>(state, false);
}
void BM_StandardLruHit(benchmark::State& state) {
  Look<StandardLru>(state, true);
}
void BM_StandardLruMiss(benchmark::State& state) {
  Look<StandardLru>(state, false);
}
BENCHMARK(BM_LanesHit)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(BM_LanesMiss)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(BM_StandardLruHit)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(BM_StandardLruMiss)->Threads(1)->Threads(2)->UseRealTime();

// Of the look-ups of one thread. Among many entries no two calls of a benchmark need others.
std::vector<Key> BatchKeys(bool zipf, int thread) {
  Random random(static_cast<uint64_t>(thread) + 7);
  std::vector<double> sums;
  for (uint64_t n = 0; zipf && n < Entries(); ++n) {
    sums.push_back((n == 0 ? 0 : sums.back()) +
                   std::pow(static_cast<double>(n + 1), -kZipfExponent));
  }
  std::vector<Key> keys;
  for (size_t n = 0; n < kOrder; ++n) {
    uint64_t rank = random.Below(Entries());
    if (zipf) {
      const double at = static_cast<double>(random.Next() >> 11) * 0x1p-53 * sums.back();
      const auto above = std::upper_bound(sums.begin(), sums.end(), at);
      rank = static_cast<uint64_t>(std::min(above, sums.end() - 1) - sums.begin());
    }
    keys.push_back(KeyOf(rank * kScatter % Entries()));
  }
  return keys;
}

// One hit, of batches.
void Batches(benchmark::State& state, bool zipf) {
  static LanesCache cache(Entries(), kValueBytes);
  static const std::array<std::array<std::vector<Key>, 2>, 2> orders = {
      {{BatchKeys(false, 0), BatchKeys(false, 1)}, {BatchKeys(true, 0), BatchKeys(true, 1)}}};
  const std::vector<Key>& keys =
      orders.at(zipf ? 1 : 0).at(static_cast<size_t>(state.thread_index()));
  std::array<char, kValueBytes> reply;
  size_t next = 0;
  size_t found = 0;
  while (state.KeepRunningBatch(kBatch)) {
    found += cache.GetBatch(&keys[next], reply.data());
    benchmark::DoNotOptimize(reply);
    next = (next + kBatch) % keys.size();
  }
  if (found != static_cast<size_t>(state.iterations())) std::abort();
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}

void BM_BatchesUniform(benchmark::State& state) {
  Batches(state, false);
}
void BM_BatchesZipf(benchmark::State& state) {
  Batches(state, true);
}
BENCHMARK(BM_BatchesUniform)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(BM_BatchesZipf)->Threads(1)->Threads(2)->UseRealTime();

// What filling it adds to resident memory, for each entry.
template <class Cache>
void Fill(benchmark::State& state) {
  const auto value_bytes = static_cast<size_t>(state.range(0));
  size_t grown = 0;
  for (auto _ : state) {
    malloc_trim(0);
    const size_t before = ResidentBytes();
    const Cache cache(Entries(), value_bytes);
    grown = ResidentBytes() - std::min(before, ResidentBytes());
  }
  state.counters["bytes_of_entry"] = static_cast<double>(grown) / static_cast<double>(Entries());
}

void BM_LanesFill(benchmark::State& state) {
  Fill<LanesCache>(state);
}
void BM_StandardLruFill(benchmark::State& state) {
  Fill<StandardLru>(state);
}
BENCHMARK(BM_LanesFill)->Arg(12)->Arg(100)->Iterations(1);
BENCHMARK(BM_StandardLruFill)->Arg(12)->Arg(100)->Iterations(1);

}  // namespace
}  // namespace weir::gateway
