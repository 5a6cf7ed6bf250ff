// Goal: a decision about several buckets is one moment: all or nothing, to the token, and never
// refused for tokens that another decision only looked at.
// Method: scripted charges; a random history against separate exact buckets; races of threads whose
// totals are known.
#include "weir/limit/decision.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "weir/base/random.h"
#include "weir/limit/table_rig.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1'000'000'000'000};

TEST(DecisionTest, ARefusalChargesNothingAtAll) {
  TableRig rig(MustRule(1, 1h, 2));
  rig.Take(2, kStart, 2);
  const std::array<Charge, 3> charges{rig.Of(1, kStart), rig.Of(2, kStart), rig.Of(3, kStart)};
  std::array<Part, 3> parts;
  EXPECT_EQ(Decide(charges, kStart, {}, parts), Ruling::kRefused);
  EXPECT_EQ(parts[0].verdict, Verdict::kAllowed);
  EXPECT_EQ(parts[1].verdict, Verdict::kLater);
  EXPECT_EQ(parts[1].RetryAfter(charges[1], kStart), 1h);
  EXPECT_EQ(rig.Remaining(1, kStart), 2U);
  EXPECT_EQ(rig.Remaining(3, kStart), 2U);
}

TEST(DecisionTest, WhereEachIsChargedAloneOthersMayRefuse) {
  TableRig rig(MustRule(1, 1h, 2));
  rig.Take(2, kStart, 2);
  const std::array<Charge, 2> charges{rig.Of(1, kStart), rig.Of(2, kStart)};
  std::array<Part, 2> parts;
  EXPECT_EQ(Decide(charges, kStart, {.combine = Combine::kEach}, parts), Ruling::kRefused);
  EXPECT_TRUE(parts[0].charged);
  EXPECT_EQ(rig.Remaining(1, kStart), 1U);
}

TEST(DecisionTest, WhatIsNotBindingRefusesNothing) {
  TableRig rig(MustRule(1, 1h, 2));
  rig.Take(2, kStart, 2);
  std::array<Charge, 2> charges{rig.Of(1, kStart), rig.Of(2, kStart)};
  charges[1].binding = false;
  std::array<Part, 2> parts;
  EXPECT_EQ(Decide(charges, kStart, {}, parts), Ruling::kAllowed);
  EXPECT_EQ(parts[1].verdict, Verdict::kLater);
  EXPECT_EQ(rig.Remaining(1, kStart), 1U);
}

TEST(DecisionTest, EachChargeHasItsOwnCostAndPeekingChargesNone) {
  TableRig rig(MustRule(1, 1h, 10));
  const std::array<Charge, 2> charges{rig.Of(1, kStart, 3), rig.Of(2, kStart, 7)};
  std::array<Part, 2> parts;
  EXPECT_EQ(Decide(charges, kStart, {.peek = true}, parts), Ruling::kAllowed);
  EXPECT_EQ(rig.Remaining(1, kStart), 10U);
  EXPECT_EQ(Decide(charges, kStart, {}, parts), Ruling::kAllowed);
  EXPECT_EQ(rig.Remaining(1, kStart), 7U);
  EXPECT_EQ(rig.Remaining(2, kStart), 3U);
  Refund(charges, kStart);
  EXPECT_EQ(rig.Remaining(1, kStart), 10U);
  EXPECT_EQ(rig.Remaining(2, kStart), 10U);
}

TEST(DecisionTest, AStalePlanDoesNothing) {
  TableRig rig(MustRule(1, 1h, 1));
  rig.Take(1, kStart, 0);
  std::atomic<uint64_t> generation{2};
  const std::array<Charge, 2> charges{rig.Of(1, kStart), rig.Of(2, kStart)};
  std::array<Part, 2> parts;
  const Terms stale{.generation = &generation, .expected = 1};
  EXPECT_EQ(Decide(charges, kStart, stale, parts), Ruling::kStale);
  EXPECT_EQ(Decide(std::span(charges).first(1), kStart, stale, parts), Ruling::kStale);
  EXPECT_EQ(rig.Remaining(1, kStart), 1U);
  EXPECT_EQ(Decide(charges, kStart, {.generation = &generation, .expected = 2}, parts),
            Ruling::kAllowed);
}

TEST(DecisionTest, ForcedChargesGoBelowEmptyButNotWithoutEnd) {
  TableRig rig(MustRule(1, 1s, 2));
  const Charge charge = rig.Of(1, kStart, 2);
  Part part;
  EXPECT_EQ(Decide({&charge, 1}, kStart, {}, {&part, 1}), Ruling::kAllowed);
  for (int i = 0; i < 5; ++i) Force({&charge, 1}, kStart);
  EXPECT_EQ(rig.Take(1, kStart + 2s), Verdict::kLater);
  EXPECT_EQ(rig.Take(1, kStart + 3s), Verdict::kAllowed);
}

// Random decisions about some of 12 buckets in a table of 9 groups, where many newcomers of one
// decision meet, against one exact state for each. It may be stricter once a bucket was forgotten,
// or a newcomer found all its places taken by others of its decision.
RC_GTEST_PROP(DecisionProperty, DecidesAsSeparateBucketsThatAgree, ()) {
  TableRig rig(MustRule(7, 1s, *rc::gen::inRange<uint64_t>(1, 9)), 10 * BucketTable::kGroupBytes);
  Random random(*rc::gen::arbitrary<uint64_t>());
  std::array<uint64_t, 12> hashes;
  for (uint64_t& hash : hashes) hash = random.Next();
  std::array<BucketState, 12> exact;
  MonoTime now = kStart;
  for (int i = 0; i < 400; ++i) {
    now = now + std::chrono::microseconds(random.Below(100'000));
    const uint64_t chosen = random.Below(1 << hashes.size());
    std::vector<Charge> charges;
    bool passes = true;
    for (size_t key = 0; key < hashes.size(); ++key) {
      if ((chosen >> key & 1) == 0) continue;
      const uint64_t cost = random.Below(rig.rule().rate().burst + 2);
      charges.push_back(rig.Of(hashes[key], now, cost));
      passes = passes && rig.rule().Peek(exact[key], now, cost).allowed();
    }
    std::array<Part, kChargesMax> parts;
    const bool allowed = Decide(charges, now, {}, parts) == Ruling::kAllowed;
    const bool exactly = rig.table().evicted_live() + rig.table().crowded_denied() == 0;
    RC_ASSERT(allowed == passes || (!exactly && !allowed));
    size_t at = 0;
    for (size_t key = 0; key < hashes.size(); ++key) {
      if ((chosen >> key & 1) == 0) continue;
      const Charge& charge = charges[at];
      const uint64_t cost = charge.cost >> rig.rule().fraction_bits();
      if (allowed) rig.rule().Take(&exact[key], now, cost);
      const uint64_t missing = Missing(exact[key], charge.flowed);
      RC_ASSERT(parts[at].missing >= missing);
      RC_ASSERT(parts[at].missing == missing || !exactly);
      ++at;
    }
  }
}

// One thread asks for {A, B} although B is empty, the other for {A} alone, which has one token each
// time: it must always pass. A decision that took from A first and gave back would be seen.
TEST(DecisionTest, NothingIsRefusedForWhatAnotherCouldNotTake) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kRounds = 300'000;  // Each takes many times longer.
#else
  constexpr int kRounds = 10'000'000;
#endif
  TableRig rig(MustRule(1, 24h, 1));
  constexpr uint64_t kA = 0x1111'0000'0000'0001;
  constexpr uint64_t kB = 0xeeee'0000'0000'0002;
  rig.Take(kA, kStart, 0);
  ASSERT_EQ(rig.Take(kB, kStart), Verdict::kAllowed);
  std::atomic<bool> stop{false};
  uint64_t both_passed = 0;
  std::thread both([&] {
    const std::array<Charge, 2> charges{rig.Of(kA, kStart), rig.Of(kB, kStart)};
    std::array<Part, 2> parts;
    while (!stop.load(std::memory_order_relaxed)) {
      both_passed += Decide(charges, kStart, {}, parts) == Ruling::kAllowed ? 1 : 0;
    }
  });
  int refused = 0;
  for (int i = 0; i < kRounds; ++i) {
    if (rig.Take(kA, kStart) == Verdict::kAllowed) {
      rig.Refund(kA, kStart);
    } else {
      ++refused;
    }
  }
  stop = true;
  both.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(both_passed, 0U);
}

// Four threads ask for one bucket or several of 64, in a table so small that buckets move between
// their groups meanwhile. Of each bucket the burst is taken, to the token.
TEST(DecisionTest, ThreadsTogetherAreAdmittedToTheToken) {
  constexpr uint64_t kBurst = 200;
  constexpr size_t kKeys = 64;
  TableRig rig(MustRule(1, 24h, kBurst), 26 * BucketTable::kGroupBytes);
  std::array<std::atomic<uint64_t>, kKeys> admitted{};
  std::vector<uint64_t> hashes;
  Random seeds(3);
  for (size_t i = 0; i < kKeys; ++i) hashes.push_back(seeds.Next());
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      Random random(thread);
      std::array<Part, kChargesMax> parts;
      for (int i = 0; i < 20'000; ++i) {
        std::vector<Charge> charges;
        std::vector<size_t> keys;
        const size_t first = random.Below(kKeys);
        const size_t step = 1 + random.Below(7);
        for (size_t n = 1 + random.Below(4); n > 0; --n) {
          keys.push_back((first + n * step) % kKeys);
          charges.push_back(rig.Of(hashes[keys.back()], kStart));
        }
        if (Decide(charges, kStart, {}, parts) != Ruling::kAllowed) continue;
        if (random.OneIn(4)) {
          Refund(charges, kStart);
        } else {
          for (const size_t key : keys) ++admitted[key];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(rig.table().evicted_live(), 0U);
  for (size_t key = 0; key < kKeys; ++key) {
    uint64_t total = admitted[key];
    EXPECT_EQ(rig.Remaining(hashes[key], kStart), kBurst - total);
    while (rig.Take(hashes[key], kStart) == Verdict::kAllowed) ++total;
    EXPECT_EQ(total, kBurst);
  }
}

}  // namespace
}  // namespace weir::limit
