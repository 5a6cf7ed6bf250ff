// StoreHarness and the fixture of the contract suite: how a test opens a driver and waits for it.
//
// Included by store_contract.h alone. Threads: single-owner, except where noted.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/store/store.h"

namespace weir::store {

inline constexpr uint32_t kContractShards = 3;

// One place where a driver keeps data, for the length of a test.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;

  // Opens the store of kContractShards shards; again after the earlier one is gone, over what that
  // one left.
  virtual std::unique_ptr<Store> Open() = 0;

  // How many threads complete reads.
  virtual size_t ReadThreads() const { return 1; }
};

using MakeStoreHarness = std::function<std::unique_ptr<StoreHarness>()>;

// Makes a call and waits for its result: Wait<Loads>([&](auto done) { store.Load(keys, done); }).
template <typename T, typename Call>
Result<T> Wait(Call call) {
  std::promise<Result<T>> promise;
  auto future = promise.get_future();
  call(Done<T>([&promise](Result<T> result) { promise.set_value(std::move(result)); }));
  return future.get();
}

inline Result<Applied> ApplyTo(Store& store, Batch batch) {
  return Wait<Applied>([&](auto done) { store.Apply(std::move(batch), std::move(done)); });
}

inline Result<Loads> LoadFrom(Store& store, std::vector<Key> keys) {
  return Wait<Loads>([&](auto done) { store.Load(std::move(keys), std::move(done)); });
}

inline Result<Scanned> ScanOf(Store& store, ScanRange range) {
  return Wait<Scanned>([&](auto done) { store.Scan(range, std::move(done)); });
}

inline Result<Expired> ExpireIn(Store& store, WallTime now, size_t limit) {
  return Wait<Expired>([&](auto done) { store.Expire(now, limit, std::move(done)); });
}

inline Result<CommitNumber> ClearOf(Store& store) {
  return Wait<CommitNumber>([&](auto done) { store.Clear(std::move(done)); });
}

inline Result<CommitNumber> SettleOf(Store& store) {
  return Wait<CommitNumber>([&](auto done) { store.Settle(std::move(done)); });
}

inline Result<Counts> CountOf(Store& store, WallTime now) {
  return Wait<Counts>([&](auto done) { store.Count(now, std::move(done)); });
}

// Of a store that keeps nothing in files, too.
inline Result<Ok> CheckFilesIn(Store& store, const FileRange& range) {
  return Wait<Ok>([&](const auto& done) {
    if (!store.CheckFiles(range, done)) done(Ok{});
  });
}

inline Write PutOf(Key key, std::string value, Version version, WallTime expires_at = kNever) {
  return {.key = std::move(key),
          .record = Record{Bytes::Copy(value), expires_at, version},
          .version = version,
          .known = std::nullopt};
}

inline Write RemovalOf(Key key, Version version) {
  return {.key = std::move(key), .record = std::nullopt, .version = version, .known = std::nullopt};
}

inline std::string ValueOf(const std::optional<Record>& record) {
  return record ? std::string(record->value.view()) : "(absent)";
}

// The whole of one shard, a page of `limit` at a time.
inline std::vector<Scanned::Item> AllOf(Store& store, uint32_t shard, size_t limit = 1000) {
  std::vector<Scanned::Item> items;
  ScanRange range{.shard = shard, .limit = limit, .with_values = true};
  for (;;) {
    auto page = ScanOf(store, range);
    EXPECT_TRUE(page.ok());
    if (!page.ok()) return items;
    for (auto& item : page.value().items) items.push_back(std::move(item));
    if (!page.value().next) return items;
    EXPECT_GT(*page.value().next, range.from);
    range.from = *page.value().next;
  }
}

class StoreContract : public testing::TestWithParam<MakeStoreHarness> {
 protected:
  void SetUp() override {
    harness_ = GetParam()();
    Reopen();
  }

  void Reopen() {
    store_.reset();
    store_ = harness_->Open();
    ASSERT_NE(store_, nullptr);
  }

  // Applies at time 0; the test ends when that fails.
  Applied Apply(std::vector<Write> writes, WallTime now = WallTime{0}) {
    auto applied = ApplyTo(*store_, {now, std::move(writes)});
    EXPECT_TRUE(applied.ok()) << (applied.ok() ? "" : applied.error().message);
    return applied.ok() ? applied.value() : Applied{};
  }

  Loads Load(std::vector<Key> keys) {
    auto loads = LoadFrom(*store_, std::move(keys));
    EXPECT_TRUE(loads.ok()) << (loads.ok() ? "" : loads.error().message);
    return loads.ok() ? loads.value() : Loads{};
  }

  void ExpectCounts(WallTime now, Counts expected) {
    auto counts = CountOf(*store_, now);
    ASSERT_TRUE(counts.ok());
    EXPECT_EQ(counts.value().records, expected.records);
    EXPECT_EQ(counts.value().due, expected.due);
    EXPECT_EQ(counts.value().with_expiry, expected.with_expiry);
  }

  std::unique_ptr<StoreHarness> harness_;
  std::unique_ptr<Store> store_;
};

}  // namespace weir::store
