// What a decision costs: the arithmetic alone; the table by itself, on few keys and on a million,
// one by one and in bursts; whole requests, with policies matched and hashed, and when refused;
// what a policy would have refused of the requests of a journal.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/limit/limiter.h"
#include "weir/limit/what_if.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr size_t kManyKeys = 1'000'000;
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

std::unique_ptr<Limiter> Create(std::vector<Policy> policies) {
  return Limiter::Create(std::move(policies), {.bytes = size_t{64} << 20, .seed = 42}).value();
}

Address Client(uint64_t index) {
  return Address::FromV4({10, static_cast<uint8_t>(index >> 16), static_cast<uint8_t>(index >> 8),
                          static_cast<uint8_t>(index)});
}

void OneBucket(benchmark::State& state) {
  const BucketRule rule = BucketRule::Create(kGenerous).value();
  BucketState bucket;
  MonoTime now{1'000'000'000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(rule.Decide(bucket, now, 1, &bucket));
    now.ns += 100;
  }
}

// Requests by the given number of clients, hashing and matching included.
void Requests(benchmark::State& state, std::vector<Policy> policies, size_t clients) {
  const std::unique_ptr<Limiter> limiter = Create(std::move(policies));
  Limiter::View view;
  Random random(1);
  MonoTime now{1'000'000'000};
  for (uint64_t client = 0; client < clients; ++client) {
    limiter->Admit(&view, Request{.client = Client(client)}, now);
  }
  uint64_t allowed = 0;
  for (auto _ : state) {
    const Request request{
        .user = "default", .client = Client(random.Below(clients)), .key = "key:0000000000012"};
    allowed += limiter->Admit(&view, request, now).allowed() ? 1 : 0;
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
  const std::unique_ptr<Limiter> limiter = Create({Make(Per::kClient, {1, 24h, 1})});
  const MonoTime now{1'000'000'000};
  Limiter::View view;
  limiter->Admit(&view, Request{}, now);
  std::array<char, kThrottledTextMax> buffer;
  for (auto _ : state) {
    const Decision decision = limiter->Admit(&view, Request{}, now);
    benchmark::DoNotOptimize(FormatThrottled(decision, view.policies(), buffer).data());
  }
}

// The table alone, decisions about `stacked` buckets each, of `keys` keys, in bursts of `burst`
// whose memory is asked for together. Hashes are at hand, or made from 16-byte keys.
struct Load {
  size_t keys;
  size_t burst;
  size_t stacked = 1;
  bool hashing = false;
  size_t bytes_a_key = 64;
};

class TableLoad {
 public:
  static constexpr size_t kChosen = size_t{1} << 20;

  explicit TableLoad(const Load& load)
      : load_(load),
        memory_(std::max<size_t>(load.keys * load.stacked * load.bytes_a_key, 1 << 16)),
        table_(memory_.bytes(), Crowded::kShare) {
    for (size_t i = 0; i < load.stacked; ++i) table_.SetRule(static_cast<RuleId>(i + 1), rule_);
    charges_.resize(load.burst * load.stacked);
    parts_.resize(charges_.size());
    Random random(1);
    for (size_t i = 0; i < kChosen; ++i) chosen_.push_back(NameOf(random.Below(load.keys)));
    for (uint64_t key = 0; key < load.keys; ++key) Fill(0, NameOf(key)), DecideOne(0);
  }

  // A burst beginning with the given choice. Returns how many passed.
  size_t Burst(size_t at, MonoTime now) {
    now_ = now;
    flowed_ = rule_.clock().At(now);
    for (size_t i = 0; i < load_.burst; ++i) Fill(i, chosen_[(at + i) % kChosen]);
    size_t allowed = 0;
    if (load_.stacked == 1) {
      DecideEach(charges_, now_, {}, parts_);
      for (const Part& part : parts_) allowed += part.verdict == Verdict::kAllowed ? 1 : 0;
      return allowed;
    }
    for (const Charge& charge : charges_) table_.Prefetch(charge.name);
    for (size_t i = 0; i < load_.burst; ++i) allowed += DecideOne(i) == Ruling::kAllowed ? 1 : 0;
    return allowed;
  }
  const BucketTable& table() const { return table_; }
  size_t bytes() const { return memory_.bytes().size(); }

 private:
  using Key = std::array<char, 16>;

  Key NameOf(uint64_t key) const {
    const uint64_t hash = Random(key).Next();
    Key name{};
    std::memcpy(name.data(), &hash, sizeof(hash));
    return name;
  }
  void Fill(size_t i, const Key& key) {
    uint64_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof(hash));
    for (size_t part = 0; part < load_.stacked; ++part) {
      const uint64_t own = load_.hashing ? SeededHash({key.data(), key.size()}, part)
                           : part == 0   ? hash
                                         : hash * (2 * part + 1);
      charges_[i * load_.stacked + part] = {.table = &table_,
                                            .clock = &rule_.clock(),
                                            .name = {own, static_cast<RuleId>(part + 1)},
                                            .flowed = flowed_,
                                            .cost = rule_.Units(1),
                                            .burst = rule_.burst_units()};
    }
  }
  Ruling DecideOne(size_t i) {
    const size_t first = i * load_.stacked;
    return Decide({charges_.data() + first, load_.stacked}, now_, {},
                  {parts_.data() + first, load_.stacked});
  }

  Load load_;
  BucketMemory memory_;
  BucketTable table_;
  BucketRule rule_ = BucketRule::Create({.count = 1000, .period = 1h, .burst = 1'000'000}).value();
  std::vector<Charge> charges_;
  std::vector<Part> parts_;
  std::vector<Key> chosen_;
  MonoTime now_{1'000'000'000};
  uint64_t flowed_ = rule_.clock().At(now_);
};

void Table(benchmark::State& state, const Load& load) {
  TableLoad table(load);
  MonoTime now{2'000'000'000};
  size_t at = 0;
  size_t allowed = 0;
  while (state.KeepRunningBatch(static_cast<int64_t>(load.burst))) {
    allowed += table.Burst(at, now);
    at += load.burst;
    now.ns += 1000;
  }
  state.counters["allowed"] =
      static_cast<double>(allowed) / static_cast<double>(state.iterations());
  state.counters["evicted_live"] = static_cast<double>(table.table().evicted_live());
  state.counters["bytes_a_bucket"] =
      static_cast<double>(table.bytes()) / static_cast<double>(table.table().used_slots());
}

// A full journal of 4 MiB, by a thousand clients; `stood_for`: requests a second that its entries
// stand for, were they one in 2^13, as of 10^8 in the hour.
void WhatIfOfAJournal(benchmark::State& state) {
  constexpr uint8_t kRarity = 13;
  WhatIfSample sample{.name = "requests", .rarity = kRarity, .span = std::chrono::hours(1)};
  Random random(1);
  JournalEntry entry;
  entry.rarity = kRarity;
  const size_t entries = (size_t{4} << 20) / 3 / sizeof(JournalEntry);
  for (size_t i = 0; i < entries; ++i) {
    entry.at.ns += 3'600'000'000'000 / static_cast<int64_t>(entries);
    entry.client = Client(random.Below(1000));
    sample.entries.push_back(entry);
  }
  const std::vector<Policy> policies = {Make(Per::kClient, kSlow)};
  for (auto _ : state) {
    benchmark::DoNotOptimize(WhatIf(policies, sample).value().denied);
  }
  const auto decided = static_cast<double>(state.iterations()) * static_cast<double>(entries);
  state.SetItemsProcessed(static_cast<int64_t>(decided));
  state.counters["stood_for"] =
      benchmark::Counter(decided * (1 << kRarity), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(Table, HotSet, Load{.keys = 1000, .burst = 32});
BENCHMARK_CAPTURE(Table, HotSetStacked4, Load{.keys = 1000, .burst = 8, .stacked = 4});
BENCHMARK_CAPTURE(Table, Million, Load{.keys = kManyKeys, .burst = 32});
BENCHMARK_CAPTURE(Table, MillionOneByOne, Load{.keys = kManyKeys, .burst = 1});
BENCHMARK_CAPTURE(Table, MillionHashing, Load{.keys = kManyKeys, .burst = 32, .hashing = true});
BENCHMARK_CAPTURE(Table, MillionStacked4, Load{.keys = kManyKeys, .burst = 8, .stacked = 4});
BENCHMARK(OneBucket);
BENCHMARK(NoPolicy);
BENCHMARK(HotKey);
BENCHMARK(ManyKeys);
BENCHMARK(FourStacked);
BENCHMARK(Refused);
BENCHMARK(RefusedWithText);
BENCHMARK(WhatIfOfAJournal);

}  // namespace
}  // namespace weir::limit
