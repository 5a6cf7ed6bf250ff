// What a decision costs: the arithmetic alone; without policies, on a hot key, on a million keys
// one by one and in batches of 16 with prefetch, with four stacked policies, and when refused.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "weir/base/random.h"
#include "weir/limit/limiter.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr size_t kManyKeys = 1'000'000;
constexpr size_t kBatch = 16;
const Rate kGenerous{.count = 1'000'000'000, .period = 1s, .burst = 1'000'000};

// A refill so slow that every bucket stays in use.
const Rate kSlow{.count = 1000, .period = 1s, .burst = 1'000'000};

Policy Make(Per per, Rate rate) {
  Policy policy;
  policy.name = ScopeName(per);
  policy.per = per;
  policy.rate = rate;
  return policy;
}

Limiter Create(std::vector<Policy> policies) {
  return Limiter::Create(PolicySet::Create(std::move(policies), 42).value(),
                         {.bytes = size_t{64} << 20})
      .value();
}

Address Client(uint64_t index) {
  return Address::FromV4({10, static_cast<uint8_t>(index >> 16), static_cast<uint8_t>(index >> 8),
                          static_cast<uint8_t>(index)});
}

void OneBucket(benchmark::State& state) {
  const TokenBucket rule = TokenBucket::Create(kGenerous).value();
  BucketState bucket;
  MonoTime now{1'000'000'000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(rule.Decide(bucket, now, 1, &bucket));
    now.ns += 100;
  }
}

// Requests by the given number of clients, hashing and matching included.
void Requests(benchmark::State& state, std::vector<Policy> policies, size_t clients) {
  Limiter limiter = Create(std::move(policies));
  Random random(1);
  MonoTime now{1'000'000'000};
  for (uint64_t client = 0; client < clients; ++client) {
    limiter.Admit(Request{.client = Client(client)}, now);
  }
  uint64_t allowed = 0;
  for (auto _ : state) {
    const Request request{
        .user = "default", .client = Client(random.Below(clients)), .key = "key:0000000000012"};
    allowed += limiter.Admit(request, now).allowed() ? 1 : 0;
    now.ns += 100;
  }
  state.counters["allowed"] =
      static_cast<double>(allowed) / static_cast<double>(state.iterations());
}

void NoPolicy(benchmark::State& state) {
  Requests(state, {}, 1);
}
void HotKey(benchmark::State& state) {
  Requests(state, {Make(Per::kClient, kGenerous)}, 1);
}
void ManyKeys(benchmark::State& state) {
  Requests(state, {Make(Per::kClient, kSlow)}, kManyKeys);
}
void FourStacked(benchmark::State& state) {
  Requests(state,
           {Make(Per::kClient, kGenerous), Make(Per::kKey, kGenerous),
            Make(Per::kPrefix, kGenerous), Make(Per::kUser, kGenerous)},
           1000);
}
void Refused(benchmark::State& state) {
  Requests(state, {Make(Per::kClient, {1, 24h, 1})}, 1);
}
void RefusedWithText(benchmark::State& state) {
  Limiter limiter = Create({Make(Per::kClient, {1, 24h, 1})});
  const MonoTime now{1'000'000'000};
  limiter.Admit(Request{}, now);
  std::array<char, kThrottledTextMax> buffer;
  for (auto _ : state) {
    const Decision decision = limiter.Admit(Request{}, now);
    benchmark::DoNotOptimize(FormatThrottled(decision, limiter.policies(), buffer).data());
  }
}

// The table alone: hashes at hand, `batch` of them prefetched together.
void TableDecisions(benchmark::State& state, size_t batch) {
  BucketTable table(TokenBucket::Create(kSlow).value(), size_t{32} << 20);
  const auto hash_of = [](uint64_t key) { return Random(key).Next(); };
  Random random(1);
  MonoTime now{1'000'000'000};
  const auto decide = [&table, &now](uint64_t hash) {
    const BucketTable::Place place = table.Find(hash, now);
    BucketState after;
    const Verdict verdict = table.rule().Decide(place.state, now, 1, &after);
    if (verdict == Verdict::kAllowed) table.Store(place, after, now);
    return verdict;
  };
  for (uint64_t key = 0; key < kManyKeys; ++key) decide(hash_of(key));
  std::vector<uint64_t> chosen(batch);
  uint64_t allowed = 0;
  while (state.KeepRunningBatch(static_cast<int64_t>(batch))) {
    for (uint64_t& hash : chosen) {
      hash = hash_of(random.Below(kManyKeys));
      table.Prefetch(hash);
    }
    for (const uint64_t hash : chosen) allowed += decide(hash) == Verdict::kAllowed ? 1 : 0;
    now.ns += 1000;
  }
  state.counters["allowed"] =
      static_cast<double>(allowed) / static_cast<double>(state.iterations());
  state.counters["evicted_live"] = static_cast<double>(table.evicted_live());
}

void TableOneByOne(benchmark::State& state) {
  TableDecisions(state, 1);
}
void TableBatched(benchmark::State& state) {
  TableDecisions(state, kBatch);
}

BENCHMARK(OneBucket);
BENCHMARK(NoPolicy);
BENCHMARK(HotKey);
BENCHMARK(ManyKeys);
BENCHMARK(FourStacked);
BENCHMARK(Refused);
BENCHMARK(RefusedWithText);
BENCHMARK(TableOneByOne);
BENCHMARK(TableBatched);

}  // namespace
}  // namespace weir::limit
