// Goal: a table never admits more than its rule for any key, however crowded, and keeps each bucket
// exactly while it has room.
// Method: tables of a few slots against a map that remembers everything; counts at capacity and one
// past it.
#include "weir/limit/bucket_table.h"

#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "weir/base/random.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1'000'000'000'000};

TokenBucket Rule(uint64_t count, std::chrono::nanoseconds period, uint64_t burst) {
  return TokenBucket::Create({count, period, burst}).value();
}

Verdict Take(BucketTable* table, uint64_t hash, MonoTime now, uint64_t cost = 1) {
  const BucketTable::Place place = table->Find(hash, now);
  BucketState after;
  const Verdict verdict = table->rule().Decide(place.state, now, cost, &after);
  if (verdict == Verdict::kAllowed) table->Store(place, after, now);
  return verdict;
}

// A table of one group, in which all hashes fall.
constexpr size_t kSmallest = BucketTable::kBytesMin;

TEST(BucketTableTest, StaysWithinItsBytes) {
  for (const size_t bytes : {kSmallest, size_t{1000}, size_t{1} << 16, (size_t{1} << 20) + 7}) {
    const BucketTable table(Rule(1, 1s, 1), bytes);
    EXPECT_GE(table.slot_count(), BucketTable::kGroupSlots);
    EXPECT_LE(table.slot_count() * 16, bytes);
    EXPECT_GE((table.slot_count() + 12) * 16 + 8, bytes * 98 / 100);
  }
}

TEST(BucketTableTest, EachKeyHasItsOwnBucket) {
  BucketTable table(Rule(1, 1s, 2), 1 << 16);
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t hash = random.Next();
    EXPECT_EQ(Take(&table, hash, kStart), Verdict::kAllowed);
    EXPECT_EQ(Take(&table, hash, kStart), Verdict::kAllowed);
    EXPECT_EQ(Take(&table, hash, kStart), Verdict::kLater);
  }
  EXPECT_EQ(table.used_slots(), 1000U);
  EXPECT_EQ(table.evicted_live(), 0U);
}

TEST(BucketTableTest, TheZeroHashIsAKeyLikeAnyOther) {
  BucketTable table(Rule(1, 1s, 1), kSmallest);
  EXPECT_EQ(Take(&table, 0, kStart), Verdict::kAllowed);
  EXPECT_EQ(Take(&table, 0, kStart), Verdict::kLater);
  table.Refund(0, 1);
  EXPECT_EQ(Take(&table, 0, kStart), Verdict::kAllowed);
}

TEST(BucketTableTest, AtCapacityNothingIsForgottenAndOnePastItOneIs) {
  BucketTable table(Rule(1, 1s, 1), kSmallest);
  ASSERT_EQ(table.slot_count(), 4U);
  for (uint64_t hash = 1; hash <= 4; ++hash) {
    // Key 1 is nearest to full.
    EXPECT_EQ(Take(&table, hash, kStart + std::chrono::milliseconds(hash)), Verdict::kAllowed);
  }
  EXPECT_EQ(table.evicted_live(), 0U);
  for (uint64_t hash = 1; hash <= 4; ++hash) {
    EXPECT_EQ(Take(&table, hash, kStart + 5ms), Verdict::kLater);
  }
  EXPECT_EQ(Take(&table, 5, kStart + 5ms), Verdict::kAllowed);
  EXPECT_EQ(table.evicted_live(), 1U);
  for (uint64_t hash = 1; hash <= 5; ++hash) {
    // Key 1 was forgotten, and is held to the tick at which it would have been full.
    EXPECT_EQ(Take(&table, hash, kStart + 6ms), Verdict::kLater);
  }
  EXPECT_EQ(Take(&table, 1, kStart + (1001ms - 1ns)), Verdict::kLater);
  EXPECT_EQ(Take(&table, 1, kStart + 1001ms), Verdict::kAllowed);
}

TEST(BucketTableTest, BucketsThatAreFullAgainMakeRoomUncounted) {
  BucketTable table(Rule(1, 1s, 1), kSmallest);
  MonoTime now = kStart;
  for (uint64_t hash = 1; hash <= 4000; ++hash) {
    EXPECT_EQ(Take(&table, hash, now), Verdict::kAllowed);
    if (hash % 4 == 0) now = now + 1s;
  }
  EXPECT_EQ(table.evicted_live(), 0U);
  EXPECT_EQ(table.used_slots(), 4U);
}

TEST(BucketTableTest, ACrowdOfNewKeysIsLimitedAsOne) {
  // 10 000 keys with a burst of 10 each crowd four slots within one refill: were buckets dropped,
  // each would pass 10 times.
  BucketTable table(Rule(1, 1s, 10), kSmallest);
  uint64_t admitted = 0;
  for (int round = 0; round < 10; ++round) {
    for (uint64_t hash = 1; hash <= 10'000; ++hash) {
      admitted += Take(&table, hash, kStart) == Verdict::kAllowed ? 1 : 0;
    }
  }
  EXPECT_GE(admitted, 4U * 10);
  EXPECT_LE(admitted, 4U * 10 + 10);
  EXPECT_GT(table.evicted_live(), 0U);
}

TEST(BucketTableTest, HalfFullAlmostNothingIsForgotten) {
  BucketTable table(Rule(1, 1h, 1), size_t{4} << 20);
  Random random(7);
  const size_t keys = table.slot_count() / 2;
  for (size_t i = 0; i < keys; ++i) Take(&table, random.Next(), kStart);
  EXPECT_LT(table.evicted_live(), keys / 100);
}

TEST(BucketTableTest, RefundOfAForgottenBucketChangesNothing) {
  BucketTable table(Rule(1, 1s, 1), kSmallest);
  for (uint64_t hash = 1; hash <= 4; ++hash) Take(&table, hash, kStart);
  table.Refund(9, 1);
  for (uint64_t hash = 1; hash <= 4; ++hash) EXPECT_EQ(Take(&table, hash, kStart), Verdict::kLater);
}

struct Keyed {
  uint64_t hash;
  BucketState exact;
};

// Every key's bucket is also kept in an exact map, charged with what the table admitted. The table
// may refuse what the map would admit, once it has forgotten something; never the other way round.
RC_GTEST_PROP(BucketTableProperty, NeverAdmitsWhatAnUnboundedTableWouldRefuse, ()) {
  const TokenBucket rule =
      Rule(*rc::gen::inRange<uint64_t>(1, 20), 1ms, *rc::gen::inRange<uint64_t>(1, 6));
  BucketTable table(rule, kSmallest + *rc::gen::inRange<size_t>(0, 40) * BucketTable::kGroupBytes);
  Random random(*rc::gen::arbitrary<uint64_t>());
  std::vector<Keyed> keys(*rc::gen::inRange<size_t>(1, 300));
  for (Keyed& key : keys) key = {random.Next(), {}};
  MonoTime now = kStart;
  for (int i = 0; i < 2000; ++i) {
    now.ns += static_cast<int64_t>(random.Below(50'000));
    Keyed& key = keys[random.Below(keys.size())];
    const uint64_t cost = random.Below(rule.rate().burst + 1);
    const uint64_t evicted_before = table.evicted_live();
    const Verdict verdict = Take(&table, key.hash, now, cost);
    BucketState after;
    const Verdict exact = rule.Decide(key.exact, now, cost, &after);
    if (verdict == Verdict::kAllowed) {
      RC_ASSERT(exact == Verdict::kAllowed);
      key.exact = after;
      if (random.OneIn(8)) {
        table.Refund(key.hash, cost);
        rule.Refund(&key.exact, cost);
      }
    }
    RC_ASSERT(verdict == exact || evicted_before > 0);
  }
}

}  // namespace
}  // namespace weir::limit
