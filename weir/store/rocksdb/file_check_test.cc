// Goal: what CheckFiles finds whole a restart finds again, record for record, whichever bit of
// whichever file was flipped; and what is damaged is never missed where it would be read.
// Method: the driver over SimulatedDisk, of whose files one is edited while the database is open
// and has everything in its memory and cache.
#include "weir/store/rocksdb/file_check.h"

#include "weir/base/random.h"
#include "weir/store/rocksdb/rocksdb_open.h"
#include "weir/store/rocksdb/simulated_disk.h"
#include "weir/store/store_contract_harness.h"

namespace weir::store {
namespace {

constexpr FileRange kAll{.shard = 0, .from = 0, .to = 0};
constexpr FileRange kNoTables{.shard = 0, .from = 0, .to = 0, .tables = false};
constexpr uint64_t kRecords = 200;  // Of each shard.

class FileCheckTest : public testing::Test {
 protected:
  Result<std::unique_ptr<RocksDbStore>> TryOpenOn(const std::shared_ptr<SimulatedDisk>& disk) {
    return OpenRocksDbOn({.directory = "/data",
                          .shards = 2,
                          .write_buffer_bytes = kWriteBufferBytesMin,
                          .free_space = [] { return Result<uint64_t>(uint64_t{1} << 40); }},
                         MakeEnv(disk));
  }

  // Records of both shards, some that expire, some with files of their own.
  void Write() {
    for (uint64_t i = 0; i < kRecords; ++i) {
      const size_t bytes = i % 50 == 0 ? 70000 : 300;
      const WallTime expiry = i % 3 == 0 ? WallTime{1000000} : kNever;
      const Version version = store_->VersionFloor();
      const std::string value(bytes, static_cast<char>('a' + version % 26));
      Batch batch{WallTime{0}, {}};
      batch.copies = i % 2 == 0;
      for (uint32_t shard = 0; shard < 2; ++shard) {
        batch.writes.push_back(PutOf({shard, i << 40, "k"}, value, version + shard, expiry));
      }
      ASSERT_TRUE(ApplyTo(*store_, std::move(batch)).ok());
    }
  }

  // Some in tables, some in the log, and all of it read once.
  void Fill() {
    disk_ = std::make_shared<SimulatedDisk>(1);
    store_ = TryOpenOn(disk_).value();
    Write();
    ASSERT_TRUE(Check(kNoTables).ok());
    Write();
    records_ = Records(*store_);
  }

  static std::vector<std::string> Records(Store& store) {
    std::vector<std::string> all;
    for (uint32_t shard = 0; shard < 2; ++shard) {
      std::vector<Key> keys;
      for (uint64_t i = 0; i < kRecords; ++i) keys.push_back({shard, i << 40, "k"});
      const auto loads = LoadFrom(store, keys);
      if (!loads.ok()) return {loads.error().message};
      for (const auto& record : loads.value().records) all.push_back(ValueOf(record));
      for (const auto& item : AllOf(store, shard)) all.push_back(item.key);
    }
    return all;
  }

  Result<Ok> Check(const FileRange& range) {
    return Wait<Ok>([&](const auto& done) { EXPECT_TRUE(store_->CheckFiles(range, done)); });
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const char* suffix : {".log", ".sst", ".blob", "CURRENT", "FORMAT"}) {
      for (std::string& file : disk_->FilesEndingIn(suffix)) files.push_back(std::move(file));
    }
    for (std::string& file : disk_->FilesEndingIn("")) {
      if (file.find("MANIFEST") != std::string::npos) files.push_back(std::move(file));
    }
    return files;
  }

  void Flip(const std::string& path, Random& random) {
    disk_->Edit(path, [&](std::string* content) {
      ASSERT_FALSE(content->empty());
      (*content)[random.Below(content->size())] ^= static_cast<char>(1 << random.Below(8));
    });
  }

  void ExpectDamage(const Result<Ok>& checked, const std::string& file) {
    ASSERT_FALSE(checked.ok()) << file;
    EXPECT_EQ(checked.error().code, ErrorCode::kCorrupt) << file << ' ' << checked.error().message;
  }

  // What a restart over a copy of the disk finds.
  std::vector<std::string> AfterARestart() {
    store_.reset();
    const auto opened = TryOpenOn(disk_);
    return opened.ok() ? Records(*opened.value()) : std::vector{opened.error().message};
  }

  std::shared_ptr<SimulatedDisk> disk_;
  std::unique_ptr<RocksDbStore> store_;
  std::vector<std::string> records_;
};

TEST_F(FileCheckTest, WholeFilesPassAndHoldEverything) {
  Fill();
  EXPECT_TRUE(Check(kNoTables).ok());
  EXPECT_TRUE(Check(kAll).ok());
  EXPECT_TRUE(Check({.shard = 1, .from = 5 << 20, .to = uint64_t{100} << 40}).ok());
  EXPECT_EQ(AfterARestart(), records_);
}

TEST_F(FileCheckTest, WhatPassesWithOneBitFlippedIsFoundAgainByARestart) {
  Random random(7);
  size_t refused = 0;
  constexpr size_t kRounds = 60;
  for (size_t round = 0; round < kRounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(Fill());
    const std::vector<std::string> files = Files();
    const std::string& file = files[random.Below(files.size())];
    Flip(file, random);
    const bool passed = Check(kAll).ok() && Check({.shard = 1}).ok();
    refused += passed ? 0 : 1;
    if (passed) {
      EXPECT_EQ(AfterARestart(), records_) << file;
    }
    store_.reset();
  }
  EXPECT_GT(refused, kRounds / 2);
}

TEST_F(FileCheckTest, AFlippedBitOfALogIsFoundAndWhatItHeldIsNotLost) {
  Random random(8);
  for (int round = 0; round < 20; ++round) {
    ASSERT_NO_FATAL_FAILURE(Fill());
    const std::string log = disk_->FilesEndingIn(".log").back();
    Flip(log, random);
    ExpectDamage(Check(kNoTables), log);
    EXPECT_EQ(AfterARestart(), records_);
  }
}

TEST_F(FileCheckTest, AFlippedBitOfAValueIsFoundAlthoughTheCacheHoldsItWhole) {
  for (const std::string suffix : {".sst", ".blob"}) {
    ASSERT_NO_FATAL_FAILURE(Fill());
    ASSERT_TRUE(Check(kNoTables).ok());
    ASSERT_EQ(Records(*store_), records_);
    for (const std::string& path : disk_->FilesEndingIn(suffix)) {
      disk_->Edit(path, [](std::string* content) { (*content)[content->size() / 2] ^= 1; });
    }
    const bool first = Check(kAll).ok();
    EXPECT_FALSE(first && Check({.shard = 1}).ok()) << suffix;
    store_.reset();
  }
}

}  // namespace
}  // namespace weir::store
