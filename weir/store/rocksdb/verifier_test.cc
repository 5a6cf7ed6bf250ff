// Goal: every kind of damage is found, named, and nothing else is reported.
// Method: a directory that the store has written; one thing in it is changed through RocksDB or on
// disk; the verifier must say exactly that.
#include "weir/store/rocksdb/verifier.h"

#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <rocksdb/file_system.h>
#include <stdlib.h>

#include "weir/store/rocksdb/database.h"
#include "weir/store/rocksdb/record_format.h"
#include "weir/store/rocksdb/restore_target.h"
#include "weir/store/store_contract_harness.h"

namespace weir::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint32_t kShards = 2;
constexpr uint64_t kRecords = 300;  // Of each shard.
const WallTime kSomeTime{5'000};

std::string StoredKey(uint64_t position, const std::string& key) {
  std::string stored(kPositionBytes, '\0');
  EncodePosition(position, stored.data());
  return stored + key;
}

std::string StoredRecord(uint64_t position, const std::string& key, const Record& record) {
  std::string stored(kRecordHeaderBytesMax, '\0');
  stored.resize(EncodeRecordHeader(position, key, record, stored.data()));
  return stored + std::string(record.value.view());
}

std::string IndexKey(WallTime expires_at, uint64_t position, const std::string& key) {
  std::string entry(kExpiryBytes, '\0');
  EncodeExpiry(expires_at, entry.data());
  return entry + StoredKey(position, key);
}

class VerifierTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = std::filesystem::temp_directory_path() / "weir-test-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    scratch_ = path;
    auto store = OpenStore();
    Batch batch{WallTime{0}, {}};
    for (uint64_t i = 0; i < kShards * kRecords; ++i) {
      const WallTime expires_at = i % 3 == 0 ? WallTime{kSomeTime.ms + 1000 + int64_t(i)} : kNever;
      const Key key{static_cast<uint32_t>(i % kShards), i, "key"};
      batch.writes.push_back(PutOf(key, std::string(100, 'v'), 10 + i, expires_at));
    }
    ASSERT_TRUE(ApplyTo(*store, std::move(batch)).ok());
    const auto put = Wait<CommitNumber>(
        [&](auto done) { store->PutMetadata("map", "the map", std::move(done)); });
    ASSERT_TRUE(put.ok());
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  std::string data() const { return scratch_ + "/data"; }

  std::unique_ptr<RocksDbStore> OpenStore(const std::string& directory = "/data") const {
    auto opened = OpenRocksDb({.directory = scratch_ + directory,
                               .shards = kShards,
                               .write_buffer_bytes = kWriteBufferBytesMin});
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  // Changes the database behind the store's back.
  void Change(const std::function<void(Database&)>& change) const {
    const auto setting = MakeDatabaseSetting(
        {.directory = data(), .shards = kShards, .write_buffer_bytes = kWriteBufferBytesMin},
        rocksdb::NewCompositeEnv(rocksdb::FileSystem::Default()), data() + "/rocksdb", kShards);
    auto database = Database::Open(*setting);
    ASSERT_TRUE(database.ok());
    change(*database.value());
  }
  void Put(std::function<rocksdb::ColumnFamilyHandle*(Database&)> family, const std::string& key,
           const std::string& value) const {
    Change([&](Database& database) {
      ASSERT_TRUE(database.rocks().Put(rocksdb::WriteOptions(), family(database), key, value).ok());
    });
  }
  void Delete(std::function<rocksdb::ColumnFamilyHandle*(Database&)> family,
              const std::string& key) const {
    Change([&](Database& database) {
      ASSERT_TRUE(database.rocks().Delete(rocksdb::WriteOptions(), family(database), key).ok());
    });
  }
  void ChangeState(const std::function<void(State*)>& change) const {
    Change([&](Database& database) {
      std::string stored;
      const std::string key(kStateKey);
      ASSERT_TRUE(
          database.rocks().Get(rocksdb::ReadOptions(), database.state(), key, &stored).ok());
      State state = *DecodeState(stored);
      change(&state);
      EncodeState(state, &stored);
      ASSERT_TRUE(
          database.rocks().Put(rocksdb::WriteOptions(), database.state(), key, stored).ok());
    });
  }

  VerifyReport Verify(VerifyOptions options = {}) const {
    auto verifier = Verifier::Open(data());
    EXPECT_TRUE(verifier.ok()) << (verifier.ok() ? "" : verifier.error().message);
    return verifier.ok() ? verifier.value()->Run(options) : VerifyReport();
  }

  static rocksdb::ColumnFamilyHandle* Records0(Database& database) { return database.records(0); }
  static rocksdb::ColumnFamilyHandle* Expiry0(Database& database) { return database.expiry(0); }
  static rocksdb::ColumnFamilyHandle* StateFamily(Database& database) { return database.state(); }

  std::string scratch_;
};

TEST_F(VerifierTest, WhatTheStoreWroteIsRight) {
  std::vector<std::string> told;
  VerifyOptions options;
  options.progress = [&](const VerifyProgress& progress) { told.push_back(progress.what); };
  options.check_place = [](uint32_t shard, uint64_t position, std::string_view key) {
    return shard == position % kShards && key == "key" ? "" : "misplaced";
  };
  // Of the log, and then of tables.
  for (int round = 0; round < 2; ++round) {
    const VerifyReport report = Verify(options);
    EXPECT_EQ(report.records, kShards * kRecords);
    EXPECT_EQ(report.with_expiry, kShards * kRecords / 3);
    EXPECT_THAT(report.problems, ElementsAre());
    EXPECT_EQ(Verifier::Open(data()).value()->Metadata("map").value(), "the map");
    OpenStore();
  }
  EXPECT_THAT(told, testing::Contains("records of shard 1"));
}

TEST_F(VerifierTest, WhatIsInUseOrHoldsNoDataIsRefused) {
  const auto error = [](const std::string& directory) {
    const auto opened = Verifier::Open(directory);
    return opened.ok() ? "(opened)" : opened.error().message;
  };
  EXPECT_THAT(error(scratch_ + "/absent"), HasSubstr("there is no data directory"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ + "/absent"));
  EXPECT_THAT(error(scratch_), HasSubstr("no FORMAT"));
  std::filesystem::create_directory(scratch_ + "/empty");
  EXPECT_THAT(error(scratch_ + "/empty"), HasSubstr("holds no data"));
  const auto store = OpenStore();
  EXPECT_THAT(error(data()), HasSubstr("is in use by another weir"));
}

TEST_F(VerifierTest, ADamagedRecordIsFound) {
  Put(Records0, StoredKey(2, "key"), "garbage");
  EXPECT_THAT(Verify().problems,
              ElementsAre("shard 0, key \"key\" at position 2: the record is damaged"));
}

TEST_F(VerifierTest, ARecordUnderAnotherKeyIsFound) {
  const Record record{Bytes::Copy("v"), kNever, 1};
  Put(Records0, StoredKey(2, "key"), StoredRecord(4, "key", record));
  EXPECT_THAT(Verify().problems,
              ElementsAre("shard 0, key \"key\" at position 2: the record is damaged"));
}

TEST_F(VerifierTest, AnExpiryThatTheIndexLacksIsFound) {
  Delete(Expiry0, IndexKey(WallTime{kSomeTime.ms + 1000 + 6}, 6, "key"));
  EXPECT_THAT(Verify().problems,
              ElementsAre("shard 0, key \"key\" at position 6: it expires, and the expiry index "
                          "lacks it"));
}

TEST_F(VerifierTest, AnIndexEntryWithoutARecordIsFound) {
  Put(Expiry0, IndexKey(kSomeTime, 6, "key"), "");
  Put(Expiry0, IndexKey(kSomeTime, 7777, "k\n"), "");
  EXPECT_THAT(Verify().problems,
              ElementsAre(HasSubstr("position 6: the expiry index has it for no such record"),
                          HasSubstr("key \"k\\x0a\" at position 7777: the expiry index has it")));
}

TEST_F(VerifierTest, AWrongCountIsFound) {
  ChangeState([](State* state) { --state->shards[1].records; });
  EXPECT_THAT(Verify().problems,
              ElementsAre("shard 1 counts 299 records, 100 with expiry, and holds 300, 100"));
}

TEST_F(VerifierTest, ALostRecordIsFound) {
  Delete(Records0, StoredKey(2, "key"));
  EXPECT_THAT(Verify().problems, ElementsAre(HasSubstr("shard 0 counts 300 records")));
}

TEST_F(VerifierTest, AVersionAboveTheHighestIsFound) {
  ChangeState([](State* state) { state->version_max = 10 + kShards * kRecords - 2; });
  EXPECT_THAT(Verify().problems,
              ElementsAre("shard 1, key \"key\" at position 599: its version 609 is above the "
                          "highest, 608"));
}

TEST_F(VerifierTest, AMisplacedRecordIsFound) {
  VerifyOptions options;
  options.check_place = [](uint32_t, uint64_t position, std::string_view) {
    return position == 8 ? "it belongs elsewhere" : "";
  };
  EXPECT_THAT(Verify(options).problems,
              ElementsAre("shard 0, key \"key\" at position 8: it belongs elsewhere"));
}

TEST_F(VerifierTest, AMissingOrDamagedStateIsFound) {
  Put(StateFamily, std::string(kStateKey), "garbage");
  EXPECT_THAT(Verify().problems, ElementsAre("the state record is damaged"));
  Delete(StateFamily, std::string(kStateKey));
  Put(StateFamily, "foreign", "");
  EXPECT_THAT(Verify().problems,
              ElementsAre(HasSubstr("unknown entry \"foreign\""), "the state record is missing"));
}

TEST_F(VerifierTest, AFlippedBitOfATableIsFoundAndManyProblemsAreCut) {
  OpenStore();  // Moves the log into tables, what was pending back into the log,
  OpenStore();  // and that into tables.
  size_t flipped = 0;
  for (const auto& file : std::filesystem::directory_iterator(data() + "/rocksdb")) {
    if (file.path().extension() != ".sst" || file.file_size() < 20'000) continue;
    std::fstream table(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    table.seekg(9'000);
    const char byte = static_cast<char>(table.get() ^ 1);
    table.seekp(9'000);
    table.put(byte);
    ++flipped;
  }
  ASSERT_EQ(flipped, kShards);
  const VerifyReport report = Verify();
  EXPECT_EQ(report.problem_count, 2 * kShards);
  EXPECT_THAT(report.problems, testing::Contains(HasSubstr("Corruption: block checksum mismatch")));
  EXPECT_THAT(report.problems, testing::Contains(HasSubstr("shard 1 cannot be read to its end")));
  VerifyReport long_report;
  for (size_t i = 0; i <= VerifyOptions::kProblemsMax; ++i) long_report.Add("one more");
  EXPECT_EQ(long_report.problem_count, VerifyOptions::kProblemsMax + 1);
  EXPECT_EQ(long_report.problems.size(), VerifyOptions::kProblemsMax);
}

TEST_F(VerifierTest, AFlippedBitOfALargeValueAndItsLostFileAreFound) {
  const Key key{0, 1'000'000, "large"};
  const Batch batch{WallTime{0}, {PutOf(key, std::string(size_t{1} << 20, 'v'), 10'000)}};
  ASSERT_TRUE(ApplyTo(*OpenStore(), batch).ok());
  OpenStore();  // Moves the log into tables, and the value beside them.
  EXPECT_EQ(Verify().problem_count, 0U);
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(data() + "/rocksdb")) {
    if (file.path().extension() == ".blob") files.push_back(file.path());
  }
  ASSERT_EQ(files.size(), 1U);
  {
    std::fstream values(files[0], std::ios::in | std::ios::out | std::ios::binary);
    values.seekp(500'000);
    values.put('w');
  }
  EXPECT_THAT(Verify().problems, testing::Contains(HasSubstr("cannot be read to its end")));
  std::filesystem::remove(files[0]);
  const auto opened = Verifier::Open(data());
  EXPECT_TRUE(!opened.ok() || opened.value()->Run({}).problem_count > 0);
}

TEST_F(VerifierTest, ALostTableOrAnotherNumberOfShardsIsRefused) {
  OpenStore();
  const auto error = [&] {
    const auto opened = Verifier::Open(data());
    return opened.ok() ? "(opened)" : opened.error().message;
  };
  std::ofstream(data() + "/FORMAT") << "weir-data 1 ready shards=1\n";
  EXPECT_THAT(error(), HasSubstr("another number of shards"));
  std::ofstream(data() + "/FORMAT") << "weir-data 1 ready shards=2\n";
  for (const auto& file : std::filesystem::directory_iterator(data() + "/rocksdb")) {
    if (file.path().extension() == ".sst") std::filesystem::remove(file.path());
  }
  auto opened = Verifier::Open(data());
  if (opened.ok()) {
    EXPECT_GT(opened.value()->Run({}).problem_count, 0U);
  } else {
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt) << opened.error().message;
  }
}

TEST_F(VerifierTest, ACheckpointIsTheDatabaseAtThatCommitAndCanBeRestored) {
  auto store = OpenStore();
  ASSERT_TRUE(store->PrepareCheckpoint().ok());
  ASSERT_TRUE(ApplyTo(*store, {WallTime{0}, {PutOf({0, 9'000, "of the log"}, "v", 5'000)}}).ok());
  const auto made = store->MakeCheckpoint();
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(made.value().records, kShards * kRecords + 1);
  EXPECT_EQ(made.value().with_expiry, kShards * kRecords / 3);
  EXPECT_EQ(made.value().version_max, 5'000U);
  EXPECT_EQ(made.value().shards, kShards);
  ASSERT_TRUE(ApplyTo(*store, {WallTime{0}, {PutOf({0, 9'001, "later"}, "v", 5'001)}}).ok());
  ASSERT_TRUE(ClearOf(*store).ok());
  {
    const auto copy = Verifier::OpenCheckpoint(made.value().directory, kShards);
    ASSERT_TRUE(copy.ok()) << copy.error().message;
    const VerifyReport report = copy.value()->Run({});
    EXPECT_EQ(report.records, kShards * kRecords + 1);
    EXPECT_THAT(report.problems, ElementsAre());
  }
  auto target = RestoreTarget::Begin(scratch_ + "/restored", kShards);
  ASSERT_TRUE(target.ok()) << target.error().message;
  std::filesystem::copy(made.value().directory, target.value()->files());
  EXPECT_FALSE(RestoreTarget::Begin(scratch_ + "/restored", kShards).ok()) << "it is locked";
  target.value().reset();
  const auto unfinished = OpenRocksDb({.directory = scratch_ + "/restored"});
  ASSERT_FALSE(unfinished.ok());
  EXPECT_THAT(unfinished.error().message, HasSubstr("was not finished"));
  EXPECT_FALSE(RestoreTarget::Begin(scratch_ + "/restored", kShards).ok()) << "it is not empty";
  EXPECT_FALSE(RestoreTarget::Begin(data(), kShards).ok()) << "it is in use";

  target = RestoreTarget::Begin(scratch_ + "/again", kShards);
  ASSERT_TRUE(target.ok());
  std::filesystem::copy(made.value().directory, target.value()->files());
  ASSERT_TRUE(target.value()->Finish().ok());
  target.value().reset();
  const auto restored = OpenStore("/again");
  EXPECT_EQ(CountOf(*restored, WallTime{0}).value().records, kShards * kRecords + 1);
  EXPECT_GT(restored->VersionFloor(), 5'000U);
  EXPECT_EQ(restored->Metadata("map").value(), "the map");
}

TEST_F(VerifierTest, ACheckpointThatACrashLeftGoesWhenTheStoreOpens) {
  auto store = OpenStore();
  const auto made = store->MakeCheckpoint();
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(store->MakeCheckpoint().ok()) << "in place of the earlier one";
  store.reset();
  ASSERT_TRUE(std::filesystem::exists(made.value().directory));
  store = OpenStore();
  EXPECT_FALSE(std::filesystem::exists(made.value().directory));
  ASSERT_TRUE(store->MakeCheckpoint().ok());
  store->RemoveCheckpoint();
  EXPECT_FALSE(std::filesystem::exists(made.value().directory));
}

TEST_F(VerifierTest, ADirectoryThatMustHoldDataIsNotMadeAnew) {
  const auto opened = OpenRocksDb({.directory = scratch_ + "/second", .create = false});
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("is empty, but the other directories"));
}

}  // namespace
}  // namespace weir::store
