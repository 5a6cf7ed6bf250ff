// Goal: a table never admits more than its rule for any key, however crowded, and keeps each bucket
// exactly while it has room, also when its rule is replaced.
// Method: tables of a few slots against a map that remembers everything; counts at capacity and one
// past it.
#include "weir/limit/bucket_table.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "weir/base/random.h"
#include "weir/limit/table_rig.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1'000'000'000'000};

// A table of one group, in which all hashes fall.
constexpr size_t kSmallest = BucketTable::kBytesMin;

TEST(BucketTableTest, StaysWithinItsBytes) {
  for (const size_t bytes : {kSmallest, size_t{1024}, size_t{1} << 16, (size_t{1} << 20) + 64}) {
    const BucketMemory memory(bytes);
    const BucketTable table(memory.bytes(), Crowded::kShare);
    EXPECT_GE(table.slot_count(), BucketTable::kGroupSlots);
    EXPECT_LE(table.slot_count() * 16, bytes);
    EXPECT_GE((table.slot_count() + 8) * 16, bytes * 98 / 100);
  }
}

TEST(BucketTableTest, EachKeyHasItsOwnBucket) {
  TableRig rig(MustRule(1, 1s, 2));
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t hash = random.Next();
    EXPECT_EQ(rig.Take(hash, kStart), Verdict::kAllowed);
    EXPECT_EQ(rig.Take(hash, kStart), Verdict::kAllowed);
    EXPECT_EQ(rig.Take(hash, kStart), Verdict::kLater);
  }
  EXPECT_EQ(rig.table().used_slots(), 1000U);
  EXPECT_EQ(rig.table().evicted_live(), 0U);
}

TEST(BucketTableTest, TheZeroHashIsAKeyLikeAnyOther) {
  TableRig rig(MustRule(1, 1s, 1), kSmallest);
  EXPECT_EQ(rig.Take(0, kStart), Verdict::kAllowed);
  EXPECT_EQ(rig.Take(0, kStart), Verdict::kLater);
  rig.Refund(0, kStart);
  EXPECT_EQ(rig.Take(0, kStart), Verdict::kAllowed);
}

TEST(BucketTableTest, AtCapacityNothingIsForgottenAndOnePastItOneIs) {
  TableRig rig(MustRule(1, 1s, 1), kSmallest);
  ASSERT_EQ(rig.table().slot_count(), 4U);
  for (uint64_t hash = 1; hash <= 4; ++hash) {
    // Key 1 is nearest to full.
    EXPECT_EQ(rig.Take(hash, kStart + std::chrono::milliseconds(hash)), Verdict::kAllowed);
  }
  EXPECT_EQ(rig.table().evicted_live(), 0U);
  for (uint64_t hash = 1; hash <= 4; ++hash) {
    EXPECT_EQ(rig.Take(hash, kStart + 5ms), Verdict::kLater);
  }
  EXPECT_EQ(rig.Take(5, kStart + 5ms), Verdict::kAllowed);
  EXPECT_EQ(rig.table().evicted_live(), 1U);
  for (uint64_t hash = 1; hash <= 5; ++hash) {
    // Key 1 was forgotten, and is held to the time at which it would have been full.
    EXPECT_EQ(rig.Take(hash, kStart + 6ms), Verdict::kLater);
  }
  EXPECT_EQ(rig.Take(1, kStart + (1001ms - 1us)), Verdict::kLater);
  EXPECT_EQ(rig.Take(1, kStart + 1001ms), Verdict::kAllowed);
}

TEST(BucketTableTest, BucketsThatAreFullAgainMakeRoomUncounted) {
  TableRig rig(MustRule(1, 1s, 1), kSmallest);
  MonoTime now = kStart;
  for (uint64_t hash = 1; hash <= 4000; ++hash) {
    EXPECT_EQ(rig.Take(hash, now), Verdict::kAllowed);
    if (hash % 4 == 0) now = now + 1s;
  }
  EXPECT_EQ(rig.table().evicted_live(), 0U);
  EXPECT_EQ(rig.table().used_slots(), 4U);
}

// 10 000 keys with a burst of 10 each crowd four slots within one refill: were buckets dropped,
// each would pass 10 times.
TEST(BucketTableTest, ACrowdOfNewKeysIsLimitedAsOne) {
  TableRig rig(MustRule(1, 1s, 10), kSmallest);
  uint64_t admitted = 0;
  for (int round = 0; round < 10; ++round) {
    for (uint64_t hash = 1; hash <= 10'000; ++hash) {
      admitted += rig.Take(hash, kStart) == Verdict::kAllowed ? 1 : 0;
    }
  }
  EXPECT_GE(admitted, 4U * 10);
  EXPECT_LE(admitted, 4U * 10 + 10);
  EXPECT_GT(rig.table().evicted_live(), 0U);
}

// Buckets of one part are under different locks, so nothing orders who marks it.
TEST(BucketTableTest, AMarkIsNeverLoweredByWhoReadTheNumberBefore) {
  TableRig rig(MustRule(1, 1s, 1));
  BucketTable& table = rig.table();
  constexpr RuleId kTime = 2;
  table.SetTimeRule(kTime);
  std::vector<std::atomic<uint32_t>> marks(BucketTable::kParts);
  table.UseMarks(marks.data());
  const BucketTable::Name name{.hash = 1, .rule = kTime};
  std::atomic<bool> ends = false;
  std::thread other([&] {
    while (!ends) table.Mark(name);
  });
  bool lowered = false;
  for (uint32_t number = 1; number <= 200'000; ++number) {
    table.SetSave(number);
    table.Mark(name);
    lowered |= marks[BucketTable::PartOf(name.hash)] < number;
  }
  ends = true;
  other.join();
  EXPECT_FALSE(lowered);
  EXPECT_EQ(marks[BucketTable::PartOf(name.hash)], 200'000U);
  table.UseMarks(nullptr);
}

// A save looks at one group after the other, while buckets are taken from, move and are forgotten;
// then the process is killed. Whoever has the save and the marks knows of no key that more is left
// than was.
TEST(BucketTableTest, WhatIsTakenDuringASaveIsInItOrItsPartIsMarked) {
  constexpr uint64_t kBurst = uint64_t{1} << 44;  // An hour and a bit.
  std::vector<std::atomic<uint32_t>> marks(BucketTable::kParts);
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    const size_t bytes = kSmallest + random.Below(40) * BucketTable::kGroupBytes;
    const BucketMemory memory(bytes);
    const BucketMemory later_memory(bytes);
    BucketTable table(memory.bytes(), Crowded::kShare);
    BucketTable later(later_memory.bytes(), Crowded::kShare);
    table.SetTimeRule(1);
    later.SetTimeRule(1);
    for (std::atomic<uint32_t>& mark : marks) mark = 0;
    table.UseMarks(marks.data());
    std::vector<uint64_t> hashes(1 + random.Below(300));
    std::vector<uint64_t> taken(hashes.size());
    for (uint64_t& hash : hashes) hash = random.Next();
    const auto decide = [&](BucketTable& of, size_t key, uint64_t cost, bool peek) {
      const Charge charge{.table = &of,
                          .clock = &of.clock(1),
                          .name = {hashes[key], 1},
                          .flowed = of.clock(1).At(kStart),
                          .cost = cost,
                          .burst = kBurst};
      Part part;
      Decide({&charge, 1}, kStart, {.peek = peek}, {&part, 1});
      return part;
    };
    const auto take = [&](uint64_t count) {
      for (; count > 0; --count) {
        const size_t key = random.Below(hashes.size());
        const uint64_t cost = 1 + random.Below(kBurst / 4);
        if (decide(table, key, cost, false).charged) taken[key] += cost;
      }
    };
    take(200);
    table.SetSave(1);
    std::vector<BucketTable::SavedBucket> buckets;
    for (size_t group = 0; group < table.group_count(); ++group) {
      take(random.Below(4));
      table.Save(group, kStart, &buckets);
    }
    take(random.Below(4));
    const std::vector<BucketTable::SavedRegion> regions = table.SaveRegions(kStart);
    take(random.Below(8));
    table.UseMarks(nullptr);
    std::vector<MonoTime> empty_since(BucketTable::kParts, BucketTable::kNeverEmpty);
    for (size_t i = 0; i < marks.size(); ++i) {
      if (marks[i] >= 1) empty_since[i] = kStart;
    }
    for (const BucketTable::SavedBucket& bucket : buckets) {
      if (marks[BucketTable::PartOf(bucket.hash)] == 0) later.Restore(bucket, kStart);
    }
    for (const BucketTable::SavedRegion& region : regions) ASSERT_TRUE(later.Restore(region));
    later.AssumeEmpty(std::move(empty_since));
    for (size_t key = 0; key < hashes.size(); ++key) {
      ASSERT_GE(decide(later, key, 1, true).missing, taken[key]) << "seed " << seed;
    }
  }
}

TEST(BucketTableTest, WhereNewcomersAreDeniedNoBucketIsForgotten) {
  TableRig rig(MustRule(1, 1s, 2), kSmallest, Crowded::kDeny);
  for (uint64_t hash = 1; hash <= 4; ++hash) {
    EXPECT_EQ(rig.Take(hash, kStart + std::chrono::milliseconds(hash)), Verdict::kAllowed);
  }
  EXPECT_EQ(rig.Take(5, kStart + 10ms), Verdict::kLater);
  EXPECT_EQ(rig.Wait(5, kStart + 10ms), 991ms);  // Then key 1 is full.
  EXPECT_EQ(rig.table().crowded_denied(), 1U);
  // Who only asks is told the same, and not counted.
  const Charge asks = rig.Of(5, kStart + 10ms);
  Part part;
  EXPECT_EQ(Decide({&asks, 1}, kStart + 10ms, {.peek = true}, {&part, 1}), Ruling::kRefused);
  EXPECT_EQ(part.RetryAfter(asks, kStart + 10ms), 991ms);
  EXPECT_EQ(rig.table().crowded_denied(), 1U);
  EXPECT_EQ(rig.table().evicted_live(), 0U);
  EXPECT_EQ(rig.Take(1, kStart + 10ms), Verdict::kAllowed);
  EXPECT_EQ(rig.Take(5, kStart + 10ms + 992ms), Verdict::kAllowed);
}

TEST(BucketTableTest, WhatIsForcedTakesNobodysPlaceWhereThoseAreKept) {
  for (const Crowded crowded : {Crowded::kDeny, Crowded::kAllow}) {
    TableRig rig(MustRule(1, 1h, 2), kSmallest, crowded);
    for (uint64_t hash = 1; hash <= 4; ++hash) {
      EXPECT_EQ(rig.Take(hash, kStart), Verdict::kAllowed);
    }
    const Charge forced = rig.Of(5, kStart);
    Force({&forced, 1}, kStart);
    EXPECT_EQ(rig.table().evicted_live(), 0U);
    for (uint64_t hash = 1; hash <= 4; ++hash) EXPECT_EQ(rig.Remaining(hash, kStart), 1U);
    EXPECT_EQ(rig.Take(6, kStart),
              crowded == Crowded::kAllow ? Verdict::kAllowed : Verdict::kLater);
  }
}

TEST(BucketTableTest, WhereNewcomersAreAllowedTheyAreNotRemembered) {
  TableRig rig(MustRule(1, 1s, 1), kSmallest, Crowded::kAllow);
  for (uint64_t hash = 1; hash <= 4; ++hash) rig.Take(hash, kStart);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rig.Take(5, kStart), Verdict::kAllowed);
  EXPECT_EQ(rig.table().crowded_allowed(), 10U);
  for (uint64_t hash = 1; hash <= 4; ++hash) EXPECT_EQ(rig.Take(hash, kStart), Verdict::kLater);
}

// Buckets go to their other group before one is forgotten.
TEST(BucketTableTest, AtThreeFifthsNothingIsForgotten) {
  TableRig rig(MustRule(1, 1h, 1), size_t{4} << 20);
  Random random(7);
  const size_t keys = rig.table().slot_count() * 3 / 5;
  for (size_t i = 0; i < keys; ++i) ASSERT_EQ(rig.Take(random.Next(), kStart), Verdict::kAllowed);
  EXPECT_EQ(rig.table().evicted_live(), 0U);
  Random again(7);
  for (size_t i = 0; i < keys; ++i) ASSERT_EQ(rig.Take(again.Next(), kStart), Verdict::kLater);
}

// Every region remembers; but what takes days to fill does not hold up what fills within seconds.
TEST(BucketTableTest, AForgottenSlowBucketDoesNotShutOutFastOnes) {
  TableRig rig(MustRule(1, 24h, 100), kSmallest);
  const BucketRule fast = MustRule(1, 1s, 2);
  constexpr RuleId kFast = 2;
  rig.table().SetRule(kFast, fast);
  for (uint64_t hash = 1; hash <= 8; ++hash) rig.Take(hash, kStart, 100);
  EXPECT_GT(rig.table().evicted_live(), 0U);
  const Charge charge{.table = &rig.table(),
                      .clock = &fast.clock(),
                      .name = {99, kFast},
                      .flowed = fast.clock().At(kStart),
                      .cost = fast.Units(1),
                      .burst = fast.burst_units()};
  Part part;
  EXPECT_EQ(Decide({&charge, 1}, kStart, {}, {&part, 1}), Ruling::kAllowed);
}

TEST(BucketTableTest, RefundOfAForgottenBucketChangesNothing) {
  TableRig rig(MustRule(1, 1s, 1), kSmallest);
  for (uint64_t hash = 1; hash <= 4; ++hash) rig.Take(hash, kStart);
  rig.Refund(9, kStart);
  for (uint64_t hash = 1; hash <= 4; ++hash) EXPECT_EQ(rig.Take(hash, kStart), Verdict::kLater);
}

TEST(BucketTableTest, WhatADeadProcessLeftIsTakenOverWithItsLocks) {
  const BucketMemory memory(kSmallest);
  const BucketRule rule = MustRule(1, 1s, 1);
  const Charge charge{.table = nullptr,
                      .clock = &rule.clock(),
                      .name = {7, 1},
                      .flowed = rule.clock().At(kStart),
                      .cost = rule.Units(1),
                      .burst = rule.burst_units()};
  const auto take = [&](BucketTable* table) {
    Charge own = charge;
    own.table = table;
    Part part;
    return Decide({&own, 1}, kStart, {}, {&part, 1});
  };
  {
    BucketTable table(memory.bytes(), Crowded::kShare);
    table.SetRule(1, rule);
    EXPECT_EQ(take(&table), Ruling::kAllowed);
    table.First(charge.name).Lock();
  }
  BucketTable table(memory.bytes(), Crowded::kShare);
  table.SetRule(1, rule);
  table.Adopt();
  EXPECT_EQ(take(&table), Ruling::kRefused);
  EXPECT_EQ(table.used_slots(), 1U);
}

struct Keyed {
  uint64_t hash;
  BucketState exact;
};

// Every key's bucket is also kept in an exact map, charged with what the table admitted. The table
// may refuse what the map would admit, once it has forgotten something; never the other way round.
RC_GTEST_PROP(BucketTableProperty, NeverAdmitsWhatAnUnboundedTableWouldRefuse, ()) {
  const BucketRule rule =
      MustRule(*rc::gen::inRange<uint64_t>(1, 20), 1ms, *rc::gen::inRange<uint64_t>(1, 6));
  TableRig rig(rule, kSmallest + *rc::gen::inRange<size_t>(0, 40) * BucketTable::kGroupBytes);
  Random random(*rc::gen::arbitrary<uint64_t>());
  std::vector<Keyed> keys(*rc::gen::inRange<size_t>(1, 300));
  for (Keyed& key : keys) key = {random.Next(), {}};
  MonoTime now = kStart;
  for (int i = 0; i < 2000; ++i) {
    now.ns += static_cast<int64_t>(random.Below(50'000));
    Keyed& key = keys[random.Below(keys.size())];
    const uint64_t cost = random.Below(rule.rate().burst + 1);
    const uint64_t evicted_before = rig.table().evicted_live();
    const Verdict verdict = rig.Take(key.hash, now, cost);
    BucketState after;
    const Verdict exact = rule.Decide(key.exact, now, cost, &after);
    if (verdict == Verdict::kAllowed) {
      RC_ASSERT(exact == Verdict::kAllowed);
      key.exact = after;
      if (random.OneIn(8)) {
        rig.Refund(key.hash, now, cost);
        rule.Refund(&key.exact, now, cost);
      }
    }
    RC_ASSERT(verdict == exact || evicted_before > 0);
  }
}

// A rule is replaced again and again, the buckets are found by their former rule or by Reassign; in
// the end each lacks what was taken from it, but never more than a burst.
RC_GTEST_PROP(BucketTableProperty, BucketsKeepWhatTheyLackUnderANewRule, ()) {
  BucketRule rule = MustRule(1, 24h, 50);
  TableRig rig(rule);
  RuleId id = TableRig::kRule;
  Random random(*rc::gen::arbitrary<uint64_t>());
  std::vector<uint64_t> hashes(20);
  std::vector<uint64_t> missing(hashes.size());
  for (uint64_t& hash : hashes) hash = random.Next();
  const auto take = [&](size_t key, RuleId former, uint64_t cost) {
    const Charge charge{.table = &rig.table(),
                        .clock = &rule.clock(),
                        .name = {hashes[key], id, former},
                        .flowed = rule.clock().At(kStart),
                        .cost = rule.Units(cost),
                        .burst = rule.burst_units()};
    Part part;
    Decide({&charge, 1}, kStart, {}, {&part, 1});
    if (part.charged) missing[key] += cost;
    RC_ASSERT(part.missing == rule.Units(missing[key]));
  };
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 30; ++i) take(random.Below(hashes.size()), kNoRule, random.Below(4));
    const RuleId former = std::exchange(id, id == 1 ? RuleId{2} : RuleId{1});
    const uint64_t burst = 1 + random.Below(60);
    rule = MustRule(1, std::chrono::seconds(1 + random.Below(86'400)), burst);
    rig.table().SetRule(id, rule);
    for (uint64_t& lacks : missing) lacks = std::min(lacks, burst);
    // Some are used before the sweep comes to them.
    for (size_t key = 0; key < hashes.size() / 2; ++key) take(key, former, 0);
    std::vector<RuleId> successors(kRulesMax + 1);
    for (size_t i = 0; i < successors.size(); ++i) successors[i] = static_cast<RuleId>(i);
    successors[former] = id;
    rig.table().Reassign(successors, kStart);
  }
}

}  // namespace
}  // namespace weir::limit
