// What the cache takes of resident memory beside its budget, when sizes change and when much of it
// ends at once.
//
// WEIR_BENCH_BUDGET is the budget in MiB, 64 by default. Each step puts new keys of twice the
// budget: of sizes from 100 B to 1 MB, as many of each doubling; of 100 B; of 1 MB; again as the
// first; and small ones and mixed ones of which three quarters then end at one moment. `most` is
// the largest share of the budget at any time, fragmentation what is resident for each byte that
// is counted then. `./dev bench cache --memory` prints them.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/resident_bytes.h"

namespace weir::gateway {
namespace {

constexpr uint64_t kSeed = 1;
constexpr uint32_t kLanes = 64;
constexpr size_t kValueMin = 100;
constexpr size_t kValueMax = 1'000'000;
constexpr size_t kPutsBetweenLooks = 1000;
constexpr uint64_t kPartThatStays = 4;  // One in so many.
constexpr WallTime kNow{1'770'000'000'000};
constexpr WallTime kEnd{kNow.ms + 60'000};

size_t Budget() {
  const char* set = std::getenv("WEIR_BENCH_BUDGET");
  return (set == nullptr ? size_t{64} : std::strtoull(set, nullptr, 10)) << 20;
}

class Filled {
 public:
  explicit Filled(size_t budget)
      : text_(kValueMax, 'v'),
        before_(ResidentBytes()),
        budget_(budget),
        lanes_(kLanes, budget, kSeed) {}

  // Puts new keys until their values are twice the budget; one of `parts` stays for ever.
  template <class SizeOf>
  void Put(const SizeOf& size_of, uint64_t parts = 1) {
    for (size_t put = 0; put < 2 * budget_;) {
      const std::string key = "key:" + std::to_string(1'000'000'000 + ++keys_);
      const uint64_t hash = SeededHash(key, kSeed);
      const size_t size = size_of(random_);
      put += size + key.size();
      const WallTime end = keys_ % parts == 0 ? kNever : kEnd;
      const cache::Value value{Bytes::Copy(std::string_view(text_).substr(0, size)), end, keys_};
      lanes_.Lock(static_cast<uint32_t>(hash >> 58))->Publish(key, hash, value, {}, kNow);
      if (keys_ % kPutsBetweenLooks == 0) Growth();
    }
  }
  void ExpireAll() {
    WallTime next;
    while (!lanes_.Expire(kEnd, size_t{1} << 16, &next)) continue;
  }
  size_t Growth() {
    const size_t growth = ResidentBytes() - std::min(before_, ResidentBytes());
    most_ = std::max(most_, growth);
    return growth;
  }
  double Share() { return static_cast<double>(Growth()) / static_cast<double>(budget_); }
  double most() const { return static_cast<double>(most_) / static_cast<double>(budget_); }
  // Of what is counted for entries, for what is remembered of others, and for the shadows.
  double Fragmentation() {
    const Lanes::Totals totals = lanes_.Sum();
    const size_t counted = totals.bytes + totals.history_bytes + budget_ - totals.budget_bytes;
    return static_cast<double>(Growth()) / static_cast<double>(counted);
  }

 private:
  const std::string text_;
  const size_t before_;
  const size_t budget_;
  Random random_{11};
  uint64_t keys_ = 0;
  size_t most_ = 0;
  Lanes lanes_;
};

size_t Small(Random&) {
  return kValueMin;
}
size_t Large(Random& random) {
  return kValueMax - random.Below(kValueMax / 10);
}
// As many of each doubling.
size_t Mixed(Random& random) {
  const double share = static_cast<double>(random.Next() >> 11) * 0x1p-53;
  return static_cast<size_t>(kValueMin *
                             std::pow(static_cast<double>(kValueMax) / kValueMin, share));
}

// Each step is a counter: the share of the budget that resident memory has grown by.
void BM_LanesMemory(benchmark::State& state) {
  for (auto _ : state) {
    Filled cache(Budget());
    const auto note = [&](const char* name, double number) { state.counters[name] = number; };
    cache.Put(Mixed);
    note("mixed", cache.Share());
    cache.Put(Small);
    note("small", cache.Share());
    cache.Put(Large);
    note("large", cache.Share());
    cache.Put(Mixed);
    note("mixed_again", cache.Share());
    cache.Put(Small, kPartThatStays);
    cache.ExpireAll();
    note("small_left", cache.Share());
    note("small_fragmentation", cache.Fragmentation());
    cache.Put(Mixed, kPartThatStays);
    cache.ExpireAll();
    note("mixed_left", cache.Share());
    note("mixed_fragmentation", cache.Fragmentation());
    note("most", cache.most());
  }
}
BENCHMARK(BM_LanesMemory)->Iterations(1);

}  // namespace
}  // namespace weir::gateway
