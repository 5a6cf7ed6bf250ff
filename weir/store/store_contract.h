// The contract suite: what every driver of store.h must pass.
//
// Goal: hold a driver to each promise of store.h. Method: named claims, a concurrent reader, and
// random operations against a naive model (store_contract_model.h), all through the public
// interface. A driver's test includes this header and instantiates it with its harness:
//   INSTANTIATE_TEST_SUITE_P(Mine, StoreContract, testing::Values(MakeMyHarness));
#pragma once

#include <atomic>
#include <latch>
#include <mutex>
#include <thread>

#include "weir/store/store_contract_harness.h"

namespace weir::store {

TEST_P(StoreContract, ABatchOverAllShardsIsLoadedBack) {
  const auto applied = Apply(
      {PutOf({0, 1, "a"}, "one", 1), PutOf({1, 2, "b"}, "", 2), PutOf({2, 0, ""}, "three", 3)});
  ASSERT_EQ(applied.priors.size(), 3U);
  for (const Prior& prior : applied.priors) EXPECT_FALSE(prior.existed);

  for (int opened = 0; opened < 2; ++opened) {
    const auto loads = Load({{2, 0, ""}, {0, 1, "a"}, {0, 1, "b"}, {1, 2, "b"}, {0, 1, "a"}});
    ASSERT_EQ(loads.records.size(), 5U);
    EXPECT_EQ(ValueOf(loads.records[0]), "three");
    EXPECT_EQ(ValueOf(loads.records[1]), "one");
    EXPECT_EQ(ValueOf(loads.records[2]), "(absent)");
    EXPECT_EQ(ValueOf(loads.records[3]), "");
    EXPECT_EQ(ValueOf(loads.records[4]), "one");
    EXPECT_EQ(loads.records[1]->version, 1U);
    EXPECT_EQ(loads.records[1]->expires_at, kNever);
    Reopen();
  }
}

TEST_P(StoreContract, PriorsTellWhatWasReplacedDueOrNot) {
  Apply({PutOf({0, 1, "a"}, "x", 1, WallTime{50}), PutOf({0, 2, "b"}, "y", 1)});
  const auto applied = Apply({PutOf({0, 2, "b"}, "y2", 2, WallTime{70}), RemovalOf({0, 1, "a"}, 2),
                              RemovalOf({0, 3, "c"}, 1)},
                             WallTime{60});
  ASSERT_EQ(applied.priors.size(), 3U);
  EXPECT_TRUE(applied.priors[0].existed);
  EXPECT_EQ(applied.priors[0].expires_at, kNever);
  EXPECT_TRUE(applied.priors[1].existed);
  EXPECT_EQ(applied.priors[1].expires_at, WallTime{50});
  EXPECT_FALSE(applied.priors[2].existed);
  EXPECT_EQ(Load({{0, 2, "b"}}).records[0]->expires_at, WallTime{70});
}

TEST_P(StoreContract, WritesWithAKnownPriorCountLikeAnyOther) {
  auto first = PutOf({0, 1, "a"}, "x", 1, WallTime{50});
  first.known = Prior{};
  EXPECT_FALSE(Apply({first}).priors.at(0).existed);
  ExpectCounts(WallTime{50}, {.records = 1, .due = 1, .with_expiry = 1});

  auto second = PutOf({0, 1, "a"}, "y", 2);
  second.known = Prior{true, WallTime{50}};
  EXPECT_TRUE(Apply({second, PutOf({1, 1, "other"}, "z", 3)}).priors.at(0).existed);
  ExpectCounts(WallTime{50}, {.records = 2, .due = 0, .with_expiry = 0});

  auto third = RemovalOf({0, 1, "a"}, 4);
  third.known = Prior{true, kNever};
  Apply({third});
  ExpectCounts(WallTime{50}, {.records = 1, .due = 0, .with_expiry = 0});
}

TEST_P(StoreContract, CountsFollowReplaceRemoveAndChangeOfExpiry) {
  const Key a{0, 1, "a"};
  const Key b{1, 1, "b"};
  ExpectCounts(WallTime{0}, {});
  Apply({PutOf(a, "1", 1), PutOf(b, "1", 1, WallTime{10})});
  ExpectCounts(WallTime{9}, {.records = 2, .due = 0, .with_expiry = 1});
  ExpectCounts(WallTime{10}, {.records = 2, .due = 1, .with_expiry = 1});
  Apply({PutOf(a, "2", 2, WallTime{20}), PutOf(b, "2", 2, WallTime{30})});
  ExpectCounts(WallTime{25}, {.records = 2, .due = 1, .with_expiry = 2});
  Reopen();
  ExpectCounts(WallTime{25}, {.records = 2, .due = 1, .with_expiry = 2});
  Apply({PutOf(b, "3", 3)});
  ExpectCounts(WallTime{99}, {.records = 2, .due = 1, .with_expiry = 1});
  Apply({RemovalOf(a, 4), RemovalOf({2, 2, "never was"}, 4)});
  ExpectCounts(WallTime{99}, {.records = 1, .due = 0, .with_expiry = 0});
}

TEST_P(StoreContract, ScanGoesInPositionOrderAndNeverCutsAPosition) {
  constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();
  Apply({PutOf({0, 5, "b"}, "5b", 1), PutOf({0, 5, "a"}, "5a", 1), PutOf({0, 5, "ab"}, "5ab", 1),
         PutOf({0, 256, "x"}, "256", 1), PutOf({0, kLast, "z"}, "last", 1),
         PutOf({0, 0, ""}, "0", 1), PutOf({1, 6, "other shard"}, "no", 1)});

  auto page = ScanOf(*store_, {.shard = 0, .from = 0, .to = 0, .limit = 2, .with_values = true});
  ASSERT_TRUE(page.ok());
  std::vector<std::string> values;
  for (const auto& item : page.value().items) values.emplace_back(item.record.value.view());
  EXPECT_EQ(values, (std::vector<std::string>{"0", "5a", "5ab", "5b"}));
  ASSERT_EQ(page.value().next, std::optional<uint64_t>(256));

  page = ScanOf(*store_, {.shard = 0, .from = 256, .to = 0, .limit = 2});
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page.value().items.size(), 2U);
  EXPECT_EQ(page.value().items[1].position, kLast);
  EXPECT_EQ(page.value().items[1].key, "z");
  EXPECT_TRUE(page.value().items[1].record.value.empty()) << "no values were asked for";
  EXPECT_EQ(page.value().items[1].record.version, 1U);
  EXPECT_EQ(page.value().next, std::nullopt);
}

TEST_P(StoreContract, ScanRangesAreHalfOpen) {
  for (uint64_t position = 1; position <= 5; ++position) Apply({PutOf({1, position, "k"}, "v", 1)});
  const auto page = ScanOf(*store_, {.shard = 1, .from = 2, .to = 4, .limit = 2});
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page.value().items.size(), 2U);
  EXPECT_EQ(page.value().items[0].position, 2U);
  EXPECT_EQ(page.value().items[1].position, 3U);
  EXPECT_EQ(page.value().next, std::nullopt) << "the range is finished, though not the shard";
  const auto empty = ScanOf(*store_, {.shard = 1, .from = 4, .to = 4, .limit = 2});
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty.value().items.empty());
}

TEST_P(StoreContract, ExpireRemovesEarliestFirstUpToTheLimit) {
  Apply({PutOf({0, 9, "third"}, "", 1, WallTime{30}), PutOf({1, 8, "first"}, "", 1, WallTime{10}),
         PutOf({2, 7, "second"}, "", 1, WallTime{20}), PutOf({0, 6, "later"}, "", 1, WallTime{99}),
         PutOf({0, 5, "never"}, "", 1)});
  auto expired = ExpireIn(*store_, WallTime{30}, 2);
  ASSERT_TRUE(expired.ok());
  EXPECT_EQ(expired.value().removed, 2U);
  EXPECT_EQ(expired.value().keys, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(expired.value().next, WallTime{30});
  const auto loads = Load({{0, 9, "third"}, {1, 8, "first"}, {2, 7, "second"}});
  EXPECT_TRUE(loads.records[0].has_value());
  EXPECT_FALSE(loads.records[1].has_value());
  EXPECT_FALSE(loads.records[2].has_value());
  EXPECT_EQ(loads.commit, expired.value().commit);

  const auto again = ExpireIn(*store_, WallTime{30}, 2);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value().removed, 1U);
  EXPECT_EQ(again.value().next, WallTime{99});
  EXPECT_EQ(again.value().commit, expired.value().commit + 1);

  const auto none = ExpireIn(*store_, WallTime{98}, 2);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none.value().removed, 0U);
  EXPECT_EQ(none.value().commit, again.value().commit) << "nothing due is no batch";
  ExpectCounts(WallTime{99}, {.records = 2, .due = 1, .with_expiry = 1});
}

TEST_P(StoreContract, AnEarlierExpiryThanThoseRemovedIsFound) {
  Apply({PutOf({0, 1, "a"}, "", 1, WallTime{50})});
  ASSERT_EQ(ExpireIn(*store_, WallTime{60}, 9).value().removed, 1U);
  Apply({PutOf({0, 1, "b"}, "", 2, WallTime{-7}), PutOf({0, 1, "c"}, "", 2, WallTime{40})},
        WallTime{60});
  ExpectCounts(WallTime{60}, {.records = 2, .due = 2, .with_expiry = 2});
  const auto expired = ExpireIn(*store_, WallTime{60}, 1);
  EXPECT_EQ(expired.value().removed, 1U);
  EXPECT_EQ(expired.value().next, WallTime{40});
  EXPECT_FALSE(Load({{0, 1, "b"}}).records[0].has_value());
}

TEST_P(StoreContract, ClearRemovesEverythingOfEveryShardAsOneBatch) {
  const uint64_t last = std::numeric_limits<uint64_t>::max();
  const std::string high(300, '\xff');
  const auto before = Apply({PutOf({0, last, high}, "x", 1), PutOf({1, 0, ""}, "y", 1),
                             PutOf({2, 5, "k"}, "z", 1, WallTime{10})});
  const auto cleared = ClearOf(*store_);
  ASSERT_TRUE(cleared.ok());
  EXPECT_EQ(cleared.value(), before.commit + 1);
  for (int opened = 0; opened < 2; ++opened) {
    for (uint32_t shard = 0; shard < kContractShards; ++shard) {
      EXPECT_TRUE(AllOf(*store_, shard).empty());
    }
    ExpectCounts(WallTime{99}, {});
    EXPECT_EQ(ExpireIn(*store_, WallTime{99}, 9).value().next, kNever);
    Reopen();
  }
  EXPECT_FALSE(Apply({PutOf({2, 5, "k"}, "new", 2)}, WallTime{99}).priors[0].existed);
  EXPECT_EQ(ValueOf(Load({{2, 5, "k"}}).records[0]), "new");
}

TEST_P(StoreContract, ABatchThatClearsLeavesItsWritesAlone) {
  const uint64_t last = std::numeric_limits<uint64_t>::max();
  const auto before = Apply({PutOf({0, last, "high"}, "x", 1), PutOf({1, 0, ""}, "y", 1),
                             PutOf({2, 5, "k"}, "z", 1, WallTime{10})});
  Batch batch{WallTime{0},
              {PutOf({2, 5, "k"}, "new", 2, WallTime{20}), PutOf({0, last, "high"}, "w", 3),
               RemovalOf({1, 0, ""}, 4)},
              true};
  const auto applied = ApplyTo(*store_, std::move(batch));
  ASSERT_TRUE(applied.ok());
  EXPECT_EQ(applied.value().commit, before.commit + 1);
  for (const Prior& prior : applied.value().priors) EXPECT_FALSE(prior.existed);
  for (int opened = 0; opened < 2; ++opened) {
    ExpectCounts(WallTime{0}, {.records = 2, .with_expiry = 1});
    EXPECT_EQ(ValueOf(Load({{2, 5, "k"}}).records[0]), "new");
    EXPECT_EQ(ValueOf(Load({{0, last, "high"}}).records[0]), "w");
    EXPECT_TRUE(AllOf(*store_, 1).empty());
    Reopen();
  }
  const auto expired = ExpireIn(*store_, WallTime{20}, 9);
  ASSERT_TRUE(expired.ok());
  EXPECT_EQ(expired.value().removed, 1u) << "the index has the new expiry alone";
}

TEST_P(StoreContract, CommitNumbersRiseByOneAndReadsNameTheLast) {
  const auto first = Apply({PutOf({0, 1, "a"}, "1", 1)});
  const auto second = Apply({});
  EXPECT_EQ(second.commit, first.commit + 1);
  EXPECT_EQ(Load({{0, 1, "a"}}).commit, second.commit);
  EXPECT_EQ(ScanOf(*store_, {.shard = 0, .limit = 1}).value().commit, second.commit);
  EXPECT_EQ(CountOf(*store_, WallTime{0}).value().commit, second.commit);
  EXPECT_EQ(SettleOf(*store_).value(), second.commit) << "nothing was unsettled";
}

TEST_P(StoreContract, ReadsNameTheLatestTimeOfTheBatchesTheySaw) {
  const Key key{0, 1, "a"};
  const auto expect_now = [&](WallTime now) {
    EXPECT_EQ(Load({key}).now, now);
    EXPECT_EQ(ScanOf(*store_, {.shard = 0, .limit = 1}).value().now, now);
    EXPECT_EQ(CountOf(*store_, WallTime{0}).value().now, now);
  };
  Apply({PutOf(key, "1", 1, WallTime{55})}, WallTime{50});
  expect_now(WallTime{50});
  Apply({}, WallTime{60});
  expect_now(WallTime{60});
  EXPECT_EQ(CountOf(*store_, WallTime{50}).value().due, 1U) << "the batches were later than asked";
  ASSERT_EQ(ExpireIn(*store_, WallTime{70}, 9).value().removed, 1U);
  expect_now(WallTime{70});
  ASSERT_TRUE(ClearOf(*store_).ok());
  expect_now(WallTime{70});
}

TEST_P(StoreContract, VersionFloorIsAboveAllThatWasAccepted) {
  Apply({PutOf({0, 1, "a"}, "1", 500)});
  EXPECT_GT(store_->VersionFloor(), 500U);
  Apply({RemovalOf({0, 1, "a"}, 900)});
  EXPECT_GT(store_->VersionFloor(), 900U);
  Reopen();
  EXPECT_GT(store_->VersionFloor(), 900U);
  ASSERT_TRUE(ClearOf(*store_).ok());
  Reopen();
  EXPECT_GT(store_->VersionFloor(), 900U);
}

TEST_P(StoreContract, ReadersSeeWholeBatchesUpToTheCommitTheyName) {
  const std::vector<Key> keys{{0, 1, "a"}, {1, 2, "b"}, {2, 3, "c"}};
  const auto write = [&](uint64_t round) {
    std::vector<Write> writes;
    for (const Key& key : keys) writes.push_back(PutOf(key, std::to_string(round), round));
    return Apply(std::move(writes)).commit - round;
  };
  const CommitNumber base = write(1);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop.load()) {
      const auto loads = LoadFrom(*store_, keys);
      if (!loads.ok()) continue;
      const std::string expected = std::to_string(loads.value().commit - base);
      for (const auto& record : loads.value().records) ASSERT_EQ(ValueOf(record), expected);
      const auto page = ScanOf(*store_, {.shard = 1, .limit = 1, .with_values = true});
      if (!page.ok()) continue;
      ASSERT_EQ(page.value().items.at(0).record.value.view(),
                std::to_string(page.value().commit - base));
    }
  });
  for (uint64_t round = 2; round < 300; ++round) EXPECT_EQ(write(round), base);
  stop = true;
  reader.join();
}

TEST_P(StoreContract, CallsAtALimitPassAndOnePastAreOverloaded) {
  const Limits limits = store_->limits();
  std::vector<Write> writes;
  std::vector<Key> keys;
  for (size_t i = 0; i < limits.batch_writes_max; ++i) {
    writes.push_back(PutOf({0, i, "k"}, "v", 1));
    writes.back().known = Prior{};
  }
  for (size_t i = 0; i < limits.load_keys_max; ++i) keys.push_back({0, i, "k"});
  Apply(writes);
  EXPECT_EQ(Load(keys).records.size(), limits.load_keys_max);
  EXPECT_TRUE(ScanOf(*store_, {.shard = 0, .limit = limits.scan_items_max}).ok());
  EXPECT_TRUE(ExpireIn(*store_, WallTime{0}, limits.batch_writes_max).ok());
  Apply({PutOf({1, 1, std::string(limits.key_bytes_max, 'k')}, "v", 1)});

  const auto expect_overloaded = [](const auto& result) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kOverloaded);
  };
  writes.push_back(PutOf({0, limits.batch_writes_max, "k"}, "v", 1));
  keys.push_back({0, limits.load_keys_max, "k"});
  expect_overloaded(ApplyTo(*store_, {WallTime{0}, writes}));
  expect_overloaded(LoadFrom(*store_, keys));
  expect_overloaded(ScanOf(*store_, {.shard = 0, .limit = limits.scan_items_max + 1}));
  expect_overloaded(ExpireIn(*store_, WallTime{0}, limits.batch_writes_max + 1));
  const std::string long_key(limits.key_bytes_max + 1, 'k');
  expect_overloaded(ApplyTo(*store_, {WallTime{0}, {PutOf({1, 1, long_key}, "v", 1)}}));

  const Bytes third = Bytes::Copy(std::string(limits.batch_bytes_max / 3, 'x'));
  std::vector<Write> large;
  for (uint64_t i = 0; i < 3; ++i) {
    large.push_back(PutOf({0, i, "large"}, "", 9));
    large.back().record->value = third;
  }
  expect_overloaded(ApplyTo(*store_, {WallTime{0}, large}));
  ExpectCounts(WallTime{0}, {.records = limits.batch_writes_max + 1});
}

TEST_P(StoreContract, ALoadLeavesOutLargeValuesThatDoNotFit) {
  const std::string small(Bytes::kCountedBytesMin - 1, 's');
  const std::string large(Bytes::kCountedBytesMin, 'l');
  const WallTime soon{1'000'000};
  Apply({PutOf({0, 1, "a"}, large, 1), PutOf({0, 2, "b"}, small, 1),
         PutOf({1, 3, "c"}, large, 1, soon), PutOf({0, 4, "d"}, small, 1)});
  const std::vector<Key> keys = {
      {0, 1, "a"}, {0, 2, "b"}, {1, 3, "c"}, {0, 9, "none"}, {0, 4, "d"}};
  const auto load = [&](size_t bytes_max) {
    auto loaded =
        Wait<Loads>([&](auto done) { store_->LoadWithin(keys, bytes_max, std::move(done)); });
    EXPECT_TRUE(loaded.ok());
    return loaded.ok() ? std::move(loaded).value() : Loads{};
  };
  EXPECT_TRUE(load(2 * large.size()).left.empty());
  const Loads part = load(2 * large.size() - 1);
  ASSERT_EQ(part.records.size(), keys.size());
  ASSERT_EQ(part.left.size(), 1U);
  EXPECT_EQ(part.left[0].index, 2U);
  EXPECT_EQ(part.left[0].bytes, large.size());
  EXPECT_EQ(ValueOf(part.records[0]), large);
  EXPECT_EQ(ValueOf(part.records[2]), "");
  EXPECT_EQ(part.records[2]->expires_at, soon);
  const Loads none = load(0);
  EXPECT_EQ(none.left.size(), 2U);
  EXPECT_EQ(ValueOf(none.records[1]), small);
  EXPECT_EQ(ValueOf(none.records[3]), "(absent)");
  EXPECT_EQ(ValueOf(none.records[4]), small);
}

TEST_P(StoreContract, AScanStopsAtItsBytesAndLosesNoPosition) {
  std::vector<Write> writes;
  for (uint64_t i = 0; i < 6; ++i)
    writes.push_back(PutOf({0, i / 2, std::string(10, 'a' + i)}, "v", 1));
  Apply(writes);
  const auto scan = [&](uint64_t from, size_t bytes_max) {
    auto page = ScanOf(*store_, {.shard = 0, .from = from, .limit = 100, .bytes_max = bytes_max});
    EXPECT_TRUE(page.ok());
    return page.ok() ? std::move(page).value() : Scanned{};
  };
  EXPECT_EQ(scan(0, 41).items.size(), 6U);
  const Scanned page = scan(0, 40);  // Reached by the fourth, which ends the second position.
  EXPECT_EQ(page.items.size(), 4U);
  EXPECT_EQ(page.next, std::optional<uint64_t>(2));
  EXPECT_EQ(scan(0, 1).items.size(), 2U);  // One position, at least.
  EXPECT_EQ(scan(2, 1).next, std::nullopt);
}

TEST_P(StoreContract, OneReadOverTheOutstandingLimitIsRefused) {
  const size_t threads = harness_->ReadThreads();
  std::latch held(static_cast<ptrdiff_t>(threads));
  std::latch release(1);
  for (size_t i = 0; i < threads; ++i) {
    store_->Load({}, [&](const auto&) {
      held.count_down();
      release.wait();
    });
  }
  held.wait();  // Every read thread is now inside a `done`; what follows stays outstanding.
  std::atomic<size_t> loaded{0};
  std::atomic<size_t> refused{0};
  const size_t reads = store_->limits().outstanding_reads_max + 1;
  std::latch finished(static_cast<ptrdiff_t>(reads));
  for (size_t i = 0; i < reads; ++i) {
    store_->Load({}, [&](const Result<Loads>& result) {
      if (result.ok()) {
        ++loaded;
      } else if (result.error().code == ErrorCode::kOverloaded) {
        ++refused;
      }
      finished.count_down();
    });
  }
  release.count_down();
  finished.wait();
  store_.reset();  // A thread that is slow to wake looks at `release` until it is joined.
  EXPECT_EQ(loaded.load(), reads - 1);
  EXPECT_EQ(refused.load(), 1U);
}

TEST_P(StoreContract, DoneNeverRunsInsideTheCall) {
  const auto caller = std::this_thread::get_id();
  const auto check = [&](auto call) {
    std::promise<std::thread::id> ran_on;
    call([&ran_on](const auto&) { ran_on.set_value(std::this_thread::get_id()); });
    EXPECT_NE(ran_on.get_future().get(), caller);
  };
  const ScanRange too_wide{.shard = 0, .limit = store_->limits().scan_items_max + 1};
  check([&](auto done) { store_->Load({}, done); });
  check([&](auto done) { store_->Scan({.shard = 0, .limit = 1}, done); });
  check([&](auto done) { store_->Scan(too_wide, done); });
  check([&](auto done) { store_->Apply({}, done); });
  check([&](auto done) { store_->Expire(WallTime{0}, 1u << 30, done); });
  check([&](auto done) { store_->Clear(done); });
  check([&](auto done) { store_->Settle(done); });
  check([&](auto done) { store_->Count(WallTime{0}, done); });
}

TEST_P(StoreContract, ADoneMayMakeTheNextCall) {
  std::promise<Result<Applied>> promise;
  store_->Apply({WallTime{0}, {PutOf({0, 1, "a"}, "1", 1)}}, [&](const auto&) {
    store_->Apply({WallTime{0}, {PutOf({0, 1, "a"}, "2", 2)}},
                  [&](Result<Applied> second) { promise.set_value(std::move(second)); });
  });
  EXPECT_TRUE(promise.get_future().get().ok());
  EXPECT_EQ(ValueOf(Load({{0, 1, "a"}}).records[0]), "2");
}

TEST_P(StoreContract, FilesAreCheckedWhileWritesGoOn) {
  std::atomic<size_t> checked{0};
  size_t begun = 0;
  const auto count = [&checked](const Result<Ok>& sound) {
    EXPECT_TRUE(sound.ok()) << (sound.ok() ? "" : sound.error().message);
    ++checked;
  };
  for (uint64_t i = 0; i < 200; ++i) {
    Apply({PutOf({1, i, "k"}, std::string(1000, 'v'), i + 1)});
    if (i % 20 == 0)
      begun += store_->CheckFiles({.shard = 1, .tables = i % 40 == 0}, count) ? 1 : 0;
  }
  EXPECT_TRUE(CheckFilesIn(*store_, {.shard = 1, .from = 5, .to = 100}).ok());
  EXPECT_EQ(AllOf(*store_, 1).size(), 200U);
  store_.reset();
  EXPECT_EQ(checked, begun);
}

TEST_P(StoreContract, DestructionCompletesOutstandingCallsFirst) {
  std::atomic<size_t> completed{0};
  store_->Apply({WallTime{0}, {PutOf({0, 1, "a"}, "1", 1)}}, [&](const auto&) { ++completed; });
  for (int i = 0; i < 100; ++i) store_->Load({{0, 1, "a"}}, [&](const auto&) { ++completed; });
  store_.reset();
  EXPECT_EQ(completed.load(), 101U);
  Reopen();
  EXPECT_EQ(ValueOf(Load({{0, 1, "a"}}).records[0]), "1");
}

}  // namespace weir::store

#include "weir/store/store_contract_model.h"
