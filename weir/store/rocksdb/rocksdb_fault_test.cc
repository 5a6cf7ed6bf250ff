// Goal: failing disks make outcomes unknown or calls refused, never wrong, and damage is never
// taken for absence. Method: the driver over SimulatedDisk, which fails, holds, cuts and edits.
#include <chrono>
#include <latch>
#include <set>
#include <thread>

#include "weir/store/rocksdb/rocksdb_open.h"
#include "weir/store/rocksdb/simulated_disk.h"
#include "weir/store/store_contract_harness.h"

namespace weir::store {
namespace {

using Fault = SimulatedDisk::Fault;

const std::vector<Key> kKeys{{0, 1, "a"}, {1, 2, "b"}};

Batch BothKeys(const std::string& value, Version version) {
  return {WallTime{0}, {PutOf(kKeys[0], value, version), PutOf(kKeys[1], value, version)}};
}

class RocksDbFaultTest : public testing::Test {
 protected:
  RocksDbFaultTest() : disk_(std::make_shared<SimulatedDisk>(1)) {}

  Result<std::unique_ptr<RocksDbStore>> TryOpen() {
    RocksDbOptions options{.directory = "/data",
                           .shards = 2,
                           .durability = durability_,
                           .write_buffer_bytes = kWriteBufferBytesMin,
                           .free_space_floor_bytes = 1000,
                           .free_space_every = std::chrono::milliseconds(0)};
    options.free_space = [this] { return Result<uint64_t>(free_bytes_.load()); };
    return OpenRocksDbOn(options, MakeEnv(disk_));
  }

  void Open() {
    store_.reset();
    auto opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }

  // The value of both keys, or what is wrong.
  std::string Value() {
    const auto loads = LoadFrom(*store_, kKeys);
    if (!loads.ok()) return loads.error().message;
    const std::string first = ValueOf(loads.value().records[0]);
    return first == ValueOf(loads.value().records[1]) ? first : "half a batch";
  }

  template <typename T>
  static void ExpectError(const Result<T>& result, ErrorCode code) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, code) << result.error().message;
  }

  void ExpectUnsettled() {
    ExpectError(ApplyTo(*store_, BothKeys("refused", 90)), ErrorCode::kUnavailable);
    ExpectError(LoadFrom(*store_, kKeys), ErrorCode::kUnavailable);
    ExpectError(ScanOf(*store_, {.shard = 0, .limit = 1}), ErrorCode::kUnavailable);
    ExpectError(store_->Metadata("map"), ErrorCode::kUnavailable);
    ExpectError(store_->Health(), ErrorCode::kUnavailable);
  }

  Result<Applied> PutBig(uint64_t position) {
    const std::string value(10'000, 'x');
    const Version version = store_->VersionFloor();
    return ApplyTo(*store_, {WallTime{0}, {PutOf({0, position, "big"}, value, version)}});
  }

  void AwaitHealth() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!store_->Health().ok() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_TRUE(store_->Health().ok()) << store_->Health().error().message;
  }

  void CutPowerAndOpen() {
    disk_->CutPower();
    store_.reset();
    disk_->PowerOn();
    Open();
  }

  const std::shared_ptr<SimulatedDisk> disk_;
  Durability durability_ = Durability::kFsync;
  std::atomic<uint64_t> free_bytes_{1 << 30};
  std::unique_ptr<RocksDbStore> store_;
};

TEST_F(RocksDbFaultTest, AFailedLogIsUnknownUntilSettledAndThenFinal) {
  for (const Fault fault : {Fault::kLogAppend, Fault::kLogSync}) {
    Open();
    const auto before = ApplyTo(*store_, BothKeys("old", store_->VersionFloor()));
    ASSERT_TRUE(before.ok());
    disk_->FailAfter(fault, 0);
    ExpectError(ApplyTo(*store_, BothKeys("doubtful", store_->VersionFloor())),
                ErrorCode::kUnknown);
    disk_->Repair();
    ExpectUnsettled();
    const auto settled = SettleOf(*store_);
    ASSERT_TRUE(settled.ok()) << settled.error().message;
    EXPECT_EQ(settled.value(), before.value().commit + 1) << "the doubtful one used a number up";
    EXPECT_TRUE(store_->Health().ok());
    const std::string final_value = Value();
    EXPECT_TRUE(final_value == "old" || final_value == "doubtful") << final_value;
    CutPowerAndOpen();
    EXPECT_EQ(Value(), final_value) << "settled, and then it changed";
    EXPECT_TRUE(ApplyTo(*store_, BothKeys("new", store_->VersionFloor())).ok());
    CutPowerAndOpen();
    EXPECT_EQ(Value(), "new");
  }
}

TEST_F(RocksDbFaultTest, SettleFailsWhileTheDiskDoesAndMayBeCalledAgain) {
  Open();
  ASSERT_TRUE(ApplyTo(*store_, BothKeys("old", 1)).ok());
  disk_->FailAfter(Fault::kLogSync, 0);
  ExpectError(ApplyTo(*store_, BothKeys("doubtful", 2)), ErrorCode::kUnknown);
  disk_->FailAfter(Fault::kTableSync, 0);
  ExpectError(SettleOf(*store_), ErrorCode::kUnavailable);
  ExpectError(SettleOf(*store_), ErrorCode::kUnavailable);
  ExpectUnsettled();
  disk_->Repair();
  EXPECT_TRUE(SettleOf(*store_).ok());
  const std::string final_value = Value();
  CutPowerAndOpen();
  EXPECT_EQ(Value(), final_value);
  EXPECT_GT(store_->VersionFloor(), 1U);
}

TEST_F(RocksDbFaultTest, CountsAndVersionsAreRightAfterSettle) {
  Open();
  ASSERT_TRUE(ApplyTo(*store_, BothKeys("old", 1)).ok());
  disk_->FailAfter(Fault::kLogAppend, 0);
  ExpectError(ApplyTo(*store_, {WallTime{0}, {RemovalOf(kKeys[0], 77)}}), ErrorCode::kUnknown);
  disk_->Repair();
  ASSERT_TRUE(SettleOf(*store_).ok());
  const uint64_t stored = AllOf(*store_, 0).size() + AllOf(*store_, 1).size();
  EXPECT_EQ(CountOf(*store_, WallTime{0}).value().records, stored);
  EXPECT_GT(store_->VersionFloor(), 77U) << "an unknown write may have used its version";
}

TEST_F(RocksDbFaultTest, NothingIsReadBeforeItIsDurable) {
  Open();
  ASSERT_TRUE(ApplyTo(*store_, BothKeys("old", 1)).ok());
  disk_->HoldLogSync();
  std::latch applied(1);
  store_->Apply(BothKeys("new", 2), [&](const auto& result) {
    EXPECT_TRUE(result.ok());
    applied.count_down();
  });
  disk_->AwaitHeldSync();
  EXPECT_EQ(Value(), "old") << "its record is in the log but not synced";
  disk_->ReleaseLogSync();
  applied.wait();
  EXPECT_EQ(Value(), "new");
}

// Else a power cut could leave some of the new log and lack the end of the old one.
TEST_F(RocksDbFaultTest, WithDurabilityOsALogIsSyncedBeforeTheNextIsWritten) {
  durability_ = Durability::kOs;
  Open();
  disk_->HoldLogSync();
  std::thread writer([this] {
    for (uint64_t i = 0; i < 200; ++i) EXPECT_TRUE(PutBig(i).ok());
  });
  disk_->AwaitHeldSync();
  EXPECT_EQ(disk_->FilesEndingIn(".log").size(), 1U);
  disk_->ReleaseLogSync();
  writer.join();
}

TEST_F(RocksDbFaultTest,
       WithDurabilityOsALogThatCannotBeSyncedIsSettledLikeOneThatCannotBeWritten) {
  durability_ = Durability::kOs;
  Open();
  disk_->FailAfter(Fault::kLogSync, 0);
  uint64_t stored = 0;
  Result<Applied> applied = PutBig(stored);
  while (applied.ok() && stored < 1000) applied = PutBig(++stored);
  ExpectError(applied, ErrorCode::kUnknown);
  ExpectUnsettled();
  disk_->Repair();
  ASSERT_TRUE(SettleOf(*store_).ok());
  CutPowerAndOpen();
  EXPECT_GE(AllOf(*store_, 0).size(), stored) << "settled, and then it changed";
}

TEST_F(RocksDbFaultTest, AFullDiskRefusesWritesBeforeTheyBeginAndRecoversByItself) {
  Open();
  ASSERT_TRUE(ApplyTo(*store_, BothKeys("old", 1)).ok());
  const Batch batch = BothKeys(std::string(1000, 'x'), 2);
  const uint64_t need = 2 * (1000 + 1 + 128);
  free_bytes_ = 1000 + need - 1;
  const auto refused = ApplyTo(*store_, batch);
  ExpectError(refused, ErrorCode::kUnavailable);
  EXPECT_EQ(refused.error().message.find("disk full: "), 0U) << refused.error().message;
  EXPECT_TRUE(store_->Health().ok()) << "nothing is in doubt";
  EXPECT_EQ(Value(), "old");
  free_bytes_ = 1000 + need;
  EXPECT_TRUE(ApplyTo(*store_, batch).ok());
  free_bytes_ = 999;
  EXPECT_TRUE(ApplyTo(*store_, {WallTime{0}, {RemovalOf(kKeys[0], 3)}}).ok())
      << "what makes room may use half of the reserve";
  free_bytes_ = 499;
  ExpectError(ApplyTo(*store_, {WallTime{0}, {RemovalOf(kKeys[1], 3)}}), ErrorCode::kUnavailable);
  ExpectError(ClearOf(*store_), ErrorCode::kUnavailable);
}

// So that a copy which is too large for its device can be given up, and the first device, where the
// map is, can be relieved.
TEST_F(RocksDbFaultTest, ACopyLeavesRoomForWritesAndMetadataUsesTheReserve) {
  Open();
  const auto put = [&] {
    return Wait<CommitNumber>(
        [&](auto done) { store_->PutMetadata("map", std::string(100, 'x'), std::move(done)); });
  };
  Batch batch = BothKeys(std::string(1000, 'x'), 1);
  const uint64_t need = 2 * (1000 + 1 + 128);
  batch.copies = true;
  free_bytes_ = 2000 + need - 1;
  const auto refused = ApplyTo(*store_, batch);
  ExpectError(refused, ErrorCode::kUnavailable);
  EXPECT_EQ(refused.error().message.find("disk full: "), 0U) << refused.error().message;
  batch.copies = false;
  EXPECT_TRUE(ApplyTo(*store_, batch).ok());
  batch = BothKeys(std::string(1000, 'x'), 2);
  batch.copies = true;
  free_bytes_ = 2000 + need;
  EXPECT_TRUE(ApplyTo(*store_, batch).ok());
  free_bytes_ = 999;
  EXPECT_TRUE(put().ok());
  free_bytes_ = 600;
  ExpectError(put(), ErrorCode::kUnavailable);
}

TEST_F(RocksDbFaultTest, AFailedFlushRefusesWritesServesReadsAndHealsByItself) {
  for (const Fault fault : {Fault::kTableAppend, Fault::kTableSync}) {
    Open();
    uint64_t commit = ApplyTo(*store_, BothKeys("read me", store_->VersionFloor())).value().commit;
    disk_->FailAfter(fault, 0);
    std::set<uint64_t> stored;
    const auto put = [&](uint64_t position) {
      const auto applied = PutBig(position);
      if (!applied.ok()) return std::optional(applied.error());
      EXPECT_EQ(applied.value().commit, ++commit) << "a refused batch uses up no number";
      stored.insert(position);
      return std::optional<Error>();
    };
    std::optional<Error> refusal;
    for (uint64_t i = 100; i < 1000 && !refusal; ++i) refusal = put(i);
    ASSERT_TRUE(refusal.has_value()) << "more than all memtables hold";
    EXPECT_EQ(refusal->code, ErrorCode::kUnavailable) << refusal->message;
    EXPECT_EQ(put(2000)->code, ErrorCode::kUnavailable);
    EXPECT_FALSE(store_->Health().ok());
    EXPECT_EQ(Value(), "read me") << "reads go on";
    EXPECT_EQ(CountOf(*store_, WallTime{0}).value().records, stored.size() + 2);
    disk_->Repair();
    AwaitHealth();
    EXPECT_FALSE(put(3000).has_value());
    CutPowerAndOpen();
    EXPECT_EQ(AllOf(*store_, 0).size(), stored.size() + 1);
    EXPECT_EQ(CountOf(*store_, WallTime{0}).value().records, stored.size() + 2);
    ASSERT_TRUE(ClearOf(*store_).ok());
  }
}

// A write of the log may have to write the manifest too, behind it.
TEST_F(RocksDbFaultTest, AFailedManifestIsNeverTakenForAWriteThatWasNotApplied) {
  Open();
  disk_->FailAfter(Fault::kManifestSync, 0);
  uint64_t stored = 0;
  std::optional<Error> error;
  for (uint64_t i = 0; i < 1000 && !error; ++i) {
    const auto applied = PutBig(i);
    if (!applied.ok()) error = applied.error();
    stored += applied.ok() ? 1 : 0;
  }
  ASSERT_TRUE(error.has_value());
  disk_->Repair();
  if (error->code == ErrorCode::kUnknown) {
    ASSERT_TRUE(SettleOf(*store_).ok());
  } else {
    EXPECT_EQ(error->code, ErrorCode::kUnavailable) << error->message;
    AwaitHealth();
  }
  const uint64_t found = AllOf(*store_, 0).size();
  EXPECT_EQ(CountOf(*store_, WallTime{0}).value().records, found);
  EXPECT_TRUE(found == stored || (found == stored + 1 && error->code == ErrorCode::kUnknown));
  CutPowerAndOpen();
  EXPECT_EQ(AllOf(*store_, 0).size(), found) << "settled, and then it changed";
}

TEST_F(RocksDbFaultTest, NoByteOfTheLogCanBeDamagedWithoutBeingNoticed) {
  Open();
  for (Version version = 1; version <= 4; ++version) {
    ASSERT_TRUE(
        ApplyTo(*store_, BothKeys(std::string(40, 'v') + std::to_string(version), version)).ok());
  }
  const std::string newest = Value();
  store_.reset();
  const auto logs = disk_->FilesEndingIn(".log");
  ASSERT_FALSE(logs.empty());
  const std::string& log = logs.back();
  std::string whole;
  disk_->Edit(log, [&](std::string* content) { whole = *content; });
  ASSERT_GT(whole.size(), 400U);
  for (size_t at = 0; at < whole.size(); ++at) {
    disk_->Edit(log, [&](std::string* content) { (*content)[at] ^= 0x41; });
    const auto opened = TryOpen();
    ASSERT_FALSE(opened.ok()) << "byte " << at << " of " << whole.size();
    ASSERT_EQ(opened.error().code, ErrorCode::kCorrupt) << opened.error().message;
    ASSERT_EQ(disk_->FilesEndingIn(".log").back(), log) << "the evidence is gone, byte " << at;
    disk_->Edit(log, [&](std::string* content) { *content = whole; });
  }
  Open();
  EXPECT_EQ(Value(), newest);
}

TEST_F(RocksDbFaultTest, ZeroesInTheLogAreDamageUnlessTheyReachItsEnd) {
  Open();
  for (Version version = 1; version <= 200; ++version) {
    ASSERT_TRUE(ApplyTo(*store_, BothKeys(std::string(400, 'v'), version)).ok());
  }
  store_.reset();
  const std::string log = disk_->FilesEndingIn(".log").back();
  std::string whole;
  disk_->Edit(log, [&](std::string* content) { whole = *content; });
  ASSERT_GT(whole.size(), size_t{128} << 10);
  disk_->Edit(log, [&](std::string* content) { content->replace(32768, 32768, 32768, '\0'); });
  ExpectError(TryOpen(), ErrorCode::kCorrupt);
  disk_->Edit(log, [&](std::string* content) { *content = whole + std::string(9000, '\0'); });
  Open();
  EXPECT_EQ(Value(), std::string(400, 'v'));
}

TEST_F(RocksDbFaultTest, AnIncompleteEndOfTheLogIsDroppedAndNothingElse) {
  Open();
  ASSERT_TRUE(ApplyTo(*store_, BothKeys("kept", 1)).ok());
  ASSERT_TRUE(ApplyTo(*store_, BothKeys(std::string(100, 'x'), 2)).ok());
  store_.reset();
  const auto logs = disk_->FilesEndingIn(".log");
  ASSERT_FALSE(logs.empty());
  disk_->Edit(logs.back(), [](std::string* content) { content->resize(content->size() - 20); });
  Open();
  EXPECT_EQ(Value(), "kept");
}

TEST_F(RocksDbFaultTest, ADamagedTableIsAnErrorAndNeverAbsence) {
  Open();
  Batch batch{WallTime{0}, {}};
  for (uint64_t i = 0; i < 500; ++i) {
    batch.writes.push_back(PutOf({0, i, "key"}, std::string(100, 'v'), 1));
  }
  ASSERT_TRUE(ApplyTo(*store_, batch).ok());
  Open();  // Moves the log into tables, what was pending back into the log,
  Open();  // and that into tables.
  store_.reset();
  for (const std::string& table : disk_->FilesEndingIn(".sst")) {
    disk_->Edit(table, [](std::string* content) {
      if (content->size() < 10'000) return;  // The state's table.
      for (size_t at = 2000; at < content->size() / 2; at += 50) (*content)[at] ^= 0x10;
    });
  }
  Open();
  size_t damaged = 0;
  for (uint64_t i = 0; i < 500; ++i) {
    const auto loads = LoadFrom(*store_, {{0, i, "key"}});
    if (loads.ok()) {
      EXPECT_EQ(ValueOf(loads.value().records[0]), std::string(100, 'v')) << i;
    } else {
      EXPECT_EQ(loads.error().code, ErrorCode::kCorrupt) << loads.error().message;
      ++damaged;
    }
  }
  EXPECT_GT(damaged, 50U);
  ExpectError(ScanOf(*store_, {.shard = 0, .limit = 500}), ErrorCode::kCorrupt);
  ExpectError(ApplyTo(*store_, {WallTime{0}, {PutOf({0, 100, "key"}, "new", 2)}}),
              ErrorCode::kCorrupt);
  // No outcome is unknown; but a compaction may have met the damage by now.
  const auto health = store_->Health();
  EXPECT_TRUE(health.ok() || health.error().code == ErrorCode::kCorrupt) << health.error().message;
}

TEST_F(RocksDbFaultTest, ALostTableOrLogRefusesToOpen) {
  Open();
  ASSERT_TRUE(ApplyTo(*store_, BothKeys("v", 1)).ok());
  Open();
  store_.reset();
  const auto tables = disk_->FilesEndingIn(".sst");
  ASSERT_FALSE(tables.empty());
  ASSERT_TRUE(disk_->DeleteFile(tables.front(), rocksdb::IOOptions(), nullptr).ok());
  ExpectError(TryOpen(), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace weir::store
