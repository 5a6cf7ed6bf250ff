// The part of the contract suite on copies that are prepared; included by store_contract.h alone.
#pragma once

#include <atomic>
#include <thread>

#include "weir/store/store_contract_harness.h"

namespace weir::store {

TEST_P(StoreContract, PreparedCopiesAreABatchLikeAnyOther) {
  const Applied before = Apply({PutOf({1, 5, "b"}, "old", 7), PutOf({0, 9, "z"}, "stays", 8)});
  Batch batch = CopiesOf(0, 1, 3, "new", 100, WallTime{50});
  ASSERT_TRUE(PrepareIn(*store_, &batch).ok());
  EXPECT_EQ(ValueOf(Load({{0, 1, "copy"}}).records[0]), "(absent)");
  ExpectCounts(WallTime{0}, {.records = 2});
  // Others may come before it.
  EXPECT_EQ(Apply({PutOf({1, 5, "b"}, "newer", 9)}).commit, before.commit + 1);
  const auto applied = ApplyTo(*store_, std::move(batch));
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  EXPECT_EQ(applied.value().commit, before.commit + 2);
  ASSERT_EQ(applied.value().priors.size(), 3U);
  EXPECT_FALSE(applied.value().priors[2].existed);
  for (int opened = 0; opened < 2; ++opened) {
    ExpectCounts(WallTime{50}, {.records = 5, .due = 3, .with_expiry = 3});
    const Loads loads = Load({{0, 2, "copy"}, {1, 5, "b"}, {0, 9, "z"}});
    EXPECT_EQ(ValueOf(loads.records[0]), "new");
    EXPECT_EQ(loads.records[0]->version, 101U);
    EXPECT_EQ(loads.records[0]->expires_at, WallTime{50});
    EXPECT_EQ(ValueOf(loads.records[1]), "newer");
    EXPECT_EQ(ValueOf(loads.records[2]), "stays");
    EXPECT_GT(store_->VersionFloor(), 102U);
    Reopen();
  }
  EXPECT_EQ(ExpireIn(*store_, WallTime{50}, 10).value().removed, 3U);
  ExpectCounts(WallTime{50}, {.records = 2});
  // And anew in the place of what was removed.
  Batch again = CopiesOf(0, 1, 3, "again", 200, kNever);
  ASSERT_TRUE(PrepareIn(*store_, &again).ok());
  again.now = WallTime{50};
  ASSERT_TRUE(ApplyTo(*store_, std::move(again)).ok());
  EXPECT_EQ(ValueOf(Load({{0, 3, "copy"}}).records[0]), "again");
  ExpectCounts(WallTime{50}, {.records = 5});
}

TEST_P(StoreContract, PreparedCopiesThatAreNotAppliedLeaveNothing) {
  {
    Batch batch = CopiesOf(0, 1, 3, "never", 1, WallTime{50});
    ASSERT_TRUE(PrepareIn(*store_, &batch).ok());
  }
  Batch cleared = CopiesOf(0, 1, 3, "cleared", 1, kNever);
  ASSERT_TRUE(PrepareIn(*store_, &cleared).ok());
  ASSERT_TRUE(ApplyTo(*store_, std::move(cleared)).ok());
  ASSERT_TRUE(ClearOf(*store_).ok());
  for (int opened = 0; opened < 2; ++opened) {
    ExpectCounts(WallTime{50}, {});
    EXPECT_EQ(ValueOf(Load({{0, 1, "copy"}}).records[0]), "(absent)");
    Reopen();
  }
}

TEST_P(StoreContract, ReadersSeePreparedCopiesWholeAndInTheCommitTheyName) {
  constexpr uint64_t kKeys = 5;
  constexpr uint64_t kRounds = 40;
  const CommitNumber base = Apply({}).commit;
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop.load()) {
      const auto page = ScanOf(*store_, {.shard = 1, .limit = kKeys * (kRounds + 1)});
      if (!page.ok()) continue;
      ASSERT_EQ(page.value().items.size(), kKeys * (page.value().commit - base));
    }
  });
  for (uint64_t round = 0; round < kRounds; ++round) {
    Batch batch = CopiesOf(1, round * kKeys, kKeys, "v", round + 1, kNever);
    EXPECT_TRUE(PrepareIn(*store_, &batch).ok());
    EXPECT_TRUE(ApplyTo(*store_, std::move(batch)).ok());
  }
  stop = true;
  reader.join();
}

}  // namespace weir::store
