// What a look-up of the cache costs under threads, hash, lock and copy of the value included,
// beside an LRU cache of standard parts behind one mutex; and what an entry takes of resident
// memory.
//
// WEIR_BENCH_ENTRIES is the number of entries, 100 000 by default. Keys are visited in an order
// that no hardware prefetcher can guess. `./dev bench cache` prints the table.

#include <array>
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
#include <unistd.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/gateway/lanes.h"

namespace weir::gateway {
namespace {

constexpr WallTime kNow{1000};
constexpr uint64_t kSeed = 1;
constexpr uint32_t kLanes = 64;
constexpr size_t kKeyBytes = 12;
constexpr size_t kValueBytes = 100;
constexpr size_t kOrder = size_t{1} << 20;  // Look-ups before the order begins anew.

uint64_t Entries() {
  const char* set = std::getenv("WEIR_BENCH_ENTRIES");
  return set == nullptr ? 100'000 : std::strtoull(set, nullptr, 10);
}

// "key:" and eight digits.
std::array<char, kKeyBytes + 1> KeyOf(uint64_t n) {
  std::array<char, kKeyBytes + 1> key;
  std::snprintf(key.data(), key.size(), "key:%08u", static_cast<unsigned>(n % 100'000'000));
  return key;
}

class LanesCache {
 public:
  LanesCache(uint64_t entries, size_t value_bytes)
      : lanes_(kLanes, entries * (value_bytes + 128) + (size_t{64} << 20), kSeed) {
    cache::Value value{Bytes::Copy(std::string(value_bytes, 'v')), kNever, 0};
    for (uint64_t n = 0; n < entries; ++n) {
      ++value.version;
      const auto key = KeyOf(n);
      const std::string_view text(key.data(), kKeyBytes);
      const uint64_t hash = SeededHash(text, kSeed);
      lanes_.Lock(LaneOf(hash))->Publish(text, hash, value, {}, kNow);
    }
  }

  bool Get(std::string_view key, char* to) {
    const uint64_t hash = SeededHash(key, kSeed);
    const Lanes::Locked lane = lanes_.Lock(LaneOf(hash));
    const auto hit = lane->Find(key, hash, kNow);
    if (!hit.has_value()) return false;
    std::memcpy(to, hit->value.data(), hit->value.size());
    return true;
  }

 private:
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
  std::vector<std::array<char, kKeyBytes + 1>> keys;
  for (size_t n = 0; n < std::min<uint64_t>(kOrder, 4 * Entries()); ++n) {
    keys.push_back(KeyOf(random.Below(Entries()) + (hits ? 0 : Entries())));
  }
  std::array<char, kValueBytes> reply;
  size_t next = 0;
  for (auto _ : state) {
    const std::string_view key(keys[next].data(), kKeyBytes);
    if (cache->Get(key, reply.data()) != hits) std::abort();
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

size_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long all = 0;
  unsigned long resident = 0;
  if (file == nullptr || std::fscanf(file, "%lu %lu", &all, &resident) != 2) std::abort();
  std::fclose(file);
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

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
