// Goal: a cache never shows what it must not (over, replaced, erased), counts its bytes exactly and
// stays within its budget.
// Method: random histories against a naive map, under good hashes and under hashes that collide;
// limits at the edge and one past it; the global operator new is counted for the hit path.

#include "weir/cache/cache.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "weir/base/bytes.h"
#include "weir/base/key_hash.h"
#include "weir/cache/allocation_counter.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};
constexpr uint64_t kHashSeed = 1;

using HashFunction = uint64_t (*)(std::string_view);

uint64_t GoodHash(std::string_view key) {
  return SeededHash(key, kHashSeed);
}
uint64_t SameForAll(std::string_view) {
  return 0xfeed'0000'0000'0007U;
}
uint64_t SameTag(std::string_view key) {
  return GoodHash(key) & 0xffff;
}
uint64_t SameSlot(std::string_view key) {
  return GoodHash(key) << 48;
}

Value MakeValue(std::string_view bytes, WallTime expires_at = kNever, uint64_t version = 0) {
  return {Bytes::Copy(bytes), expires_at, version};
}

size_t CostOf(size_t key_bytes, size_t value_bytes, WallTime expires_at = kNever,
              WallTime until = kNever, uint64_t version = 0, bool own_hash = false) {
  const Value value = MakeValue(std::string(value_bytes, 'x'), expires_at, version);
  return Cache::Cost(key_bytes, &value, std::min(until, expires_at), own_hash);
}

std::string KeyOf(size_t n) {
  return "key:" + std::to_string(n);
}

// One step of a history. All fields are drawn for every kind; a kind uses what it needs.
struct Step {
  enum class Kind { kPut, kPutAbsent, kFind, kErase, kPass, kExpire };
  Kind kind = Kind::kFind;
  size_t key = 0;
  size_t value_bytes = 0;
  int64_t record_ms = 0;  // From now on; 0 and less are in the past.
  int64_t cached_ms = 0;
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  constexpr const char* kNames[] = {"Put", "PutAbsent", "Find", "Erase", "Pass", "Expire"};
  return out << kNames[static_cast<size_t>(step.kind)] << " key " << step.key << ", "
             << step.value_bytes << " bytes, " << step.record_ms << " ms, cached " << step.cached_ms
             << " ms";
}

rc::Gen<Step> AnyStep() {
  using Kind = Step::Kind;
  const auto ms = [] {
    return rc::gen::oneOf(rc::gen::inRange<int64_t>(-2, 100), rc::gen::just(int64_t{1} << 40));
  };
  return rc::gen::build<Step>(
      rc::gen::set(&Step::kind, rc::gen::element(Kind::kPut, Kind::kPut, Kind::kPut,
                                                 Kind::kPutAbsent, Kind::kFind, Kind::kFind,
                                                 Kind::kErase, Kind::kPass, Kind::kExpire)),
      rc::gen::set(&Step::key, rc::gen::inRange<size_t>(0, 40)),
      rc::gen::set(&Step::value_bytes,
                   rc::gen::oneOf(rc::gen::inRange<size_t>(0, 200),
                                  rc::gen::inRange<size_t>(Cache::kInlineBytesMax - 1,
                                                           Cache::kInlineBytesMax + 3))),
      rc::gen::set(&Step::record_ms, ms()), rc::gen::set(&Step::cached_ms, ms()));
}

// What a map of the last writes says: the naive twin of Cache, which never evicts.
struct Written {
  std::optional<std::string> value;  // nullopt: known to be absent.
  WallTime expires_at = kNever;
  WallTime until = kNever;
  uint64_t version = 0;
};

class History {
 public:
  History(size_t budget_bytes, HashFunction hash)
      : cache_({.budget_bytes = budget_bytes, .hash_seed = kHashSeed}), hash_(hash) {}

  void Run(const std::vector<Step>& steps, bool roomy) {
    for (const Step& step : steps) {
      Take(step, roomy);
      RC_ASSERT(cache_.bytes() <= cache_.budget_bytes());
      RC_ASSERT(cache_.bytes() == CostOfEntries());
      if (roomy) RC_ASSERT(cache_.bytes() == CostOfAll(written_));
      if (roomy) RC_ASSERT(cache_.entries() == written_.size());
    }
    CheckWhatIsLeft();
  }

 private:
  void Take(const Step& step, bool roomy) {
    const std::string key = KeyOf(step.key);
    const WallTime expires_at{now_.ms + step.record_ms};
    const WallTime until{now_.ms + step.cached_ms};
    switch (step.kind) {
      case Step::Kind::kPut: {
        const std::string value(step.value_bytes, static_cast<char>('a' + ++version_ % 26));
        cache_.Put(key, hash_(key), MakeValue(value, expires_at, version_), until, now_);
        Write(key, {value, expires_at, std::min(until, expires_at), version_});
        break;
      }
      case Step::Kind::kPutAbsent:
        cache_.PutAbsent(key, hash_(key), until, now_);
        Write(key, {std::nullopt, kNever, until, 0});
        break;
      case Step::Kind::kFind:
        Find(key, roomy);
        break;
      case Step::Kind::kErase:
        cache_.Erase(key, hash_(key));
        written_.erase(key);
        break;
      case Step::Kind::kPass:
        now_.ms += step.record_ms > 0 && step.record_ms < 100 ? step.record_ms : 1;
        break;
      case Step::Kind::kExpire:
        Expire(1 + step.key);
        break;
    }
  }

  void Write(const std::string& key, Written written) {
    written_.erase(key);
    if (written.until > now_) written_[key] = std::move(written);
  }

  // In pieces of `most` steps. Nothing that is over is left, and nothing else is gone.
  void Expire(size_t most) {
    const size_t before = cache_.entries();
    const uint64_t expired = cache_.counters().expired;
    while (cache_.Expire(now_, most) == most) continue;
    RC_ASSERT(cache_.next_end() > now_);
    RC_ASSERT(before - cache_.entries() == cache_.counters().expired - expired);
    std::erase_if(written_, [this](const auto& entry) { return entry.second.until <= now_; });
  }

  // Returns whether there was a hit. An entry that is over goes when it is found to be.
  bool Find(const std::string& key, bool roomy) {
    const std::optional<Cache::Hit> hit = cache_.Find(key, hash_(key), now_);
    const auto found = written_.find(key);
    if (found != written_.end() && found->second.until <= now_) written_.erase(found);
    const auto live = written_.find(key);
    if (roomy) RC_ASSERT(hit.has_value() == (live != written_.end()));
    if (!hit.has_value()) return false;
    RC_ASSERT(live != written_.end());
    const Written& written = live->second;
    RC_ASSERT(hit->absent == !written.value.has_value());
    RC_ASSERT(hit->value == written.value.value_or(""));
    RC_ASSERT(hit->version == written.version);
    RC_ASSERT(hit->expires_at == written.expires_at);
    RC_ASSERT((hit->shared != nullptr) == (hit->value.size() > Cache::kInlineBytesMax));
    return true;
  }

  // Once every key has been looked for, only live entries are left, and they alone make up bytes().
  void CheckWhatIsLeft() {
    std::map<std::string, Written> left;
    for (size_t n = 0; n < 40; ++n) {
      const std::string key = KeyOf(n);
      if (Find(key, false)) left[key] = written_.at(key);
    }
    RC_ASSERT(cache_.entries() == left.size());
    RC_ASSERT(cache_.bytes() == CostOfAll(left));
  }

  size_t CostOfAll(const std::map<std::string, Written>& entries) const {
    const bool own_hash = hash_ == GoodHash;
    size_t bytes = 0;
    for (const auto& [key, written] : entries) {
      bytes += written.value.has_value()
                   ? CostOf(key.size(), written.value->size(), written.expires_at, written.until,
                            written.version, own_hash)
                   : Cache::Cost(key.size(), nullptr, written.until, own_hash);
    }
    return bytes;
  }

  size_t CostOfEntries() const {
    size_t bytes = 0;
    Cache::Cursor at;
    cache_.WalkEntries(&at, [&](const Cache::Entry& entry) {
      const Value value = MakeValue(entry.hit.value, entry.hit.expires_at, entry.hit.version);
      bytes += Cache::Cost(entry.key.size(), entry.hit.absent ? nullptr : &value,
                           {entry.hit.fresh_until, entry.hit.cached_until},
                           Cache::IsUnder(entry, GoodHash(entry.key)));
      return true;
    });
    return bytes;
  }

  Cache cache_;
  HashFunction hash_;
  WallTime now_ = kNow;
  uint64_t version_ = 0;
  std::map<std::string, Written> written_;
};

void CheckHistories(size_t budget_bytes, bool roomy) {
  constexpr std::array<HashFunction, 4> kHashes = {GoodHash, SameForAll, SameTag, SameSlot};
  const HashFunction hash = kHashes[*rc::gen::inRange<size_t>(0, kHashes.size())];
  const size_t steps = *rc::gen::inRange<size_t>(0, 400);
  const auto history = *rc::gen::container<std::vector<Step>>(steps, AnyStep());
  History(budget_bytes, hash).Run(history, roomy);
}

RC_GTEST_PROP(Cache, WithRoomEqualsAMapOfTheLastWrites, ()) {
  CheckHistories(size_t{1} << 20, true);
}

RC_GTEST_PROP(Cache, WithoutRoomShowsNothingButTheLastWrites, ()) {
  CheckHistories(2000, false);
}

RC_GTEST_PROP(Cache, WithRoomForSomeBigValuesShowsNothingButTheLastWrites, ()) {
  CheckHistories(40'000, false);
}

TEST(Cache, ReplacingCountsTheBytesOfTheNewValueAlone) {
  Cache cache(Cache::Options{1 << 20});
  for (const size_t size : {100, 9000, 0, 4096, 4097, 100}) {
    cache.Put("k", 1, MakeValue(std::string(size, 'x')), kNever, kNow);
    EXPECT_EQ(cache.bytes(), CostOf(1, size));
    EXPECT_EQ(cache.entries(), 1U);
  }
}

TEST(Cache, AValueOfTheSameSizeTakesThePlaceOfTheOneBeforeWithoutAnAllocation) {
  Cache cache(Cache::Options{1 << 20});
  for (const size_t size : {0, 100, 9000}) {
    const Value before = MakeValue(std::string(size, 'x'), {5000}, 1);
    const Value after = MakeValue(std::string(size, 'y'), {6000}, 2);
    cache.Put("k", 1, before, WallTime{3000}, kNow);
    const size_t allocated = allocations;
    cache.Put("k", 1, after, WallTime{4000}, kNow);
    EXPECT_EQ(allocations, allocated);
    const auto hit = cache.Find("k", 1, {3000});
    ASSERT_TRUE(hit.has_value());
    EXPECT_EQ(hit->value, after.bytes.view());
    EXPECT_EQ(hit->expires_at, WallTime{6000});
    EXPECT_EQ(hit->version, 2U);
    EXPECT_FALSE(cache.Find("k", 1, {4000}).has_value());
  }
}

TEST(Cache, AnEmptyValueIsNotAnAbsentOne) {
  Cache cache(Cache::Options{1 << 20});
  cache.Put("", 1, MakeValue(""), kNever, kNow);
  ASSERT_TRUE(cache.Find("", 1, kNow).has_value());
  EXPECT_FALSE(cache.Find("", 1, kNow)->absent);
  cache.PutAbsent("", 1, kNever, kNow);
  EXPECT_TRUE(cache.Find("", 1, kNow)->absent);
}

TEST(Cache, ValuesAboveTheInlineLimitAreSharedNotCopied) {
  Cache cache(Cache::Options{1 << 20});
  const Value at_limit = MakeValue(std::string(Cache::kInlineBytesMax, 'x'));
  const Value past_limit = MakeValue(std::string(Cache::kInlineBytesMax + 1, 'y'));
  cache.Put("a", 1, at_limit, kNever, kNow);
  cache.Put("b", 2, past_limit, kNever, kNow);

  const auto inline_hit = cache.Find("a", 1, kNow);
  EXPECT_EQ(inline_hit->shared, nullptr);
  EXPECT_NE(inline_hit->value.data(), at_limit.bytes.view().data());
  const auto shared_hit = cache.Find("b", 2, kNow);
  ASSERT_NE(shared_hit->shared, nullptr);
  EXPECT_EQ(shared_hit->value.data(), past_limit.bytes.view().data());
  const Bytes kept = *shared_hit->shared;
  cache.Erase("b", 2);
  EXPECT_EQ(kept.view(), past_limit.bytes.view());
}

TEST(Cache, KeepsAnEntryOfAnEighthOfTheBudgetAndNotOneByteMore) {
  for (const size_t value_bytes : {1000, 10'000}) {  // Inline and shared.
    // Costs are rounded up, so `at` is the largest value of its cost.
    size_t at = value_bytes;
    while (CostOf(1, at + 1) == CostOf(1, value_bytes)) ++at;
    Cache cache({CostOf(1, at) * 8});
    cache.Put("k", 1, MakeValue(std::string(at, 'x')), kNever, kNow);
    EXPECT_TRUE(cache.Find("k", 1, kNow).has_value());
    EXPECT_EQ(cache.counters().rejected, 0U);
    cache.Put("k", 1, MakeValue(std::string(at + 1, 'x')), kNever, kNow);
    EXPECT_FALSE(cache.Find("k", 1, kNow).has_value()) << "the value before it must go too";
    EXPECT_EQ(cache.counters().rejected, 1U);
    EXPECT_EQ(cache.bytes(), 0U);
  }
}

TEST(Cache, FillsItsBudgetToTheByteBeforeItEvicts) {
  const size_t cost = CostOf(1, 10);
  Cache cache({.budget_bytes = cost * 8, .history = Cache::History::kBesideBudget});
  for (uint64_t n = 0; n < 8; ++n) {
    cache.Put(std::string(1, static_cast<char>('a' + n)), n, MakeValue("0123456789"), kNever, kNow);
  }
  EXPECT_EQ(cache.bytes(), cache.budget_bytes());
  EXPECT_EQ(cache.counters().evicted, 0U);
  cache.Put("z", 99, MakeValue("0123456789"), kNever, kNow);
  EXPECT_EQ(cache.bytes(), cache.budget_bytes());
  EXPECT_EQ(cache.counters().evicted, 1U);
  EXPECT_FALSE(cache.Find("a", 0, kNow).has_value()) << "the oldest goes first";
}

TEST(Cache, ChoosesNoPolicyBeforeItIsMoreThanHalfFull) {
  const size_t cost = CostOf(KeyOf(1000).size(), 100);
  Cache cache({.budget_bytes = cost * 200});
  const auto put = [&](size_t n) {
    cache.Put(KeyOf(n), GoodHash(KeyOf(n)), MakeValue(std::string(100, 'x')), kNever, kNow);
  };
  for (size_t n = 1000; n < 1101; ++n) put(n);
  EXPECT_EQ(cache.bytes(), cost * 101);
  EXPECT_EQ(cache.shadows().sample_rate, 0.0);
  put(1101);
  EXPECT_EQ(cache.shadows().sample_rate, 1.0);
}

TEST(Cache, WhatIsRememberedOfEntriesThatAreGoneIsInTheBudget) {
  for (const size_t budget : {size_t{2000}, size_t{100'000}, size_t{8} << 20}) {
    Cache cache({budget});
    const size_t cost = CostOf(8, 10);
    size_t most = 0;
    for (size_t n = 0; n < 4 * budget / cost; ++n) {
      const std::string key = std::to_string(10'000'000 + n);
      cache.Put(key, GoodHash(key), MakeValue("0123456789"), kNever, kNow);
      ASSERT_LE(cache.bytes(), budget);
      // It grows by a third at a time, which is then worked off.
      if (n > 2 * budget / cost) most = std::max(most, cache.bytes() + cache.history_bytes());
    }
    EXPECT_GT(cache.history_bytes(), 0U);
    EXPECT_LE(most, budget);
    EXPECT_GT(most, budget * 9 / 10);
  }
}

TEST(Cache, WithoutABudgetKeepsNothing) {
  Cache cache({0});
  cache.Put("k", 1, MakeValue("v"), kNever, kNow);
  cache.PutAbsent("k", 1, kNever, kNow);
  EXPECT_EQ(cache.entries(), 0U);
}

// Fills a cache with `count` entries of one cost, so that the next insertion evicts one.
Cache FullCache(size_t count) {
  Cache cache({.budget_bytes = CostOf(8, 10) * count, .history = Cache::History::kBesideBudget});
  for (size_t n = 0; n < count; ++n) {
    const std::string key = std::to_string(10'000'000 + n);
    cache.Put(key, GoodHash(key), MakeValue("0123456789"), kNever, kNow);
  }
  EXPECT_EQ(cache.entries(), count);
  EXPECT_EQ(cache.counters().evicted, 0U);
  return cache;
}

bool Has(Cache& cache, size_t n) {
  const std::string key = std::to_string(10'000'000 + n);
  return cache.Find(key, GoodHash(key), kNow).has_value();
}

void PutOneMore(Cache& cache, size_t n) {
  const std::string key = std::to_string(20'000'000 + n);
  cache.Put(key, GoodHash(key), MakeValue("0123456789"), kNever, kNow);
}

TEST(Cache, WhatIsUsedOutlivesWhatIsNot) {
  Cache cache = FullCache(60);
  for (size_t n = 0; n < 120; n += 3) ASSERT_TRUE(Has(cache, n % 60));
  for (size_t n = 0; n < 40; ++n) PutOneMore(cache, n);
  EXPECT_EQ(cache.counters().evicted, 40U);
  for (size_t n = 0; n < 60; ++n) EXPECT_EQ(Has(cache, n), n % 3 == 0) << n;
}

TEST(Cache, WhatIsPeekedAtIsShownAndNotUsed) {
  Cache cache = FullCache(60);
  for (size_t n = 0; n < 120; n += 3) {
    const std::string key = std::to_string(10'000'000 + n % 60);
    ASSERT_TRUE(cache.Peek(key, GoodHash(key), kNow).has_value());
  }
  EXPECT_EQ(cache.counters().lookups, 0U);
  for (size_t n = 0; n < 40; ++n) PutOneMore(cache, n);
  for (size_t n = 0; n < 60; ++n) EXPECT_EQ(Has(cache, n), n >= 40) << n;
}

TEST(Cache, GrowsAndShrinksUnderAHundredThousandEntriesAndLosesNone) {
  constexpr size_t kEntries = 100'000;
  Cache cache({size_t{1} << 30});
  std::vector<std::string> keys;
  for (size_t n = 0; n < kEntries; ++n) keys.push_back(KeyOf(n));
  const auto put = [&](size_t n) {
    cache.Put(keys[n], GoodHash(keys[n]), MakeValue(keys[n]), kNever, kNow);
  };
  const auto has = [&](size_t n) {
    const auto hit = cache.Find(keys[n], GoodHash(keys[n]), kNow);
    return hit.has_value() && hit->value == keys[n];
  };
  // While it grows, what was put before is there, and what was not is not.
  for (size_t n = 0; n < kEntries; ++n) {
    put(n);
    ASSERT_TRUE(has(n / 2));
    ASSERT_FALSE(n + 1 < kEntries && has(n + 1));
  }
  // A window of a hundred entries moves over the keys many times: removed slots are purged.
  for (size_t n = 0; n + 100 < kEntries; ++n) cache.Erase(keys[n], GoodHash(keys[n]));
  EXPECT_EQ(cache.entries(), 100U);
  for (size_t step = 0; step < 5 * kEntries; ++step) {
    const size_t first = (kEntries - 100 + step) % kEntries;
    cache.Erase(keys[first], GoodHash(keys[first]));
    put((first + 100) % kEntries);
    ASSERT_TRUE(has((first + 1 + step % 100) % kEntries));
    ASSERT_FALSE(has(first));
  }
  EXPECT_EQ(cache.entries(), 100U);
}

TEST(Cache, NoEntryIsOutOfSightWhileTheIndexMoves) {
  Cache cache({size_t{1} << 24});
  std::vector<std::string> keys;
  for (size_t n = 0; n < 2000; ++n) {
    keys.push_back(KeyOf(n));
    cache.Put(keys[n], GoodHash(keys[n]), MakeValue("v"), kNever, kNow);
    for (const std::string& key : keys) {
      ASSERT_TRUE(cache.Find(key, GoodHash(key), kNow).has_value()) << key << " after " << n;
    }
  }
}

TEST(Cache, AHitAllocatesNothing) {
  Cache cache({size_t{1} << 24});
  const std::string big(10'000, 'x');
  cache.Put("small", 1, MakeValue("v"), kNever, kNow);
  cache.Put("big", 2, MakeValue(big), kNever, kNow);
  cache.PutAbsent("absent", 3, kNever, kNow);
  size_t found = 0;
  const size_t before = allocations;
  for (size_t n = 0; n < 1000; ++n) {
    found += cache.Find("small", 1, kNow)->value.size();
    found += cache.Find("big", 2, kNow)->value.size();
    found += cache.Find("absent", 3, kNow)->absent ? 1 : 0;
    found += cache.Find("nothing", 4, kNow).has_value() ? 1 : 0;
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(found, 1000 * 10'002U);
  const auto counted = std::make_unique<int>(1);
  EXPECT_EQ(allocations, before + 1) << "the count must work";
}

TEST(Cache, MovingTakesTheEntriesAndLeavesAnEmptyUsableCache) {
  Cache from = FullCache(10);
  Cache to({1});
  to = std::move(from);
  EXPECT_EQ(to.entries(), 10U);
  EXPECT_TRUE(Has(to, 3));
  EXPECT_EQ(from.entries(), 0U);
  EXPECT_EQ(from.bytes(), 0U);
  EXPECT_FALSE(Has(from, 3));
  Cache again(std::move(to));
  EXPECT_TRUE(Has(again, 3));
  EXPECT_EQ(to.entries(), 0U);
  PutOneMore(to, 1);
  EXPECT_EQ(to.entries(), 1U);
}

TEST(Cache, TakingTheEntriesLeavesBudgetAndCounters) {
  Cache cache = FullCache(10);
  PutOneMore(cache, 0);
  const Cache taken = cache.TakeEntries();
  EXPECT_EQ(taken.entries(), 10U);
  EXPECT_EQ(taken.counters().evicted, 0U);
  EXPECT_EQ(cache.entries(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
  EXPECT_EQ(cache.counters().evicted, 1U);
  PutOneMore(cache, 1);
  EXPECT_EQ(cache.entries(), 1U);
}

}  // namespace
}  // namespace weir::cache
