// Goal: the RocksDB driver keeps the Store contract, and its directory refuses whom it must.
// Method: the contract suite over a temporary directory; directories prepared by hand.
#include "weir/store/rocksdb/rocksdb_store.h"

#include <filesystem>
#include <fstream>

#include <stdlib.h>

#include "weir/store/store_contract.h"

namespace weir::store {
namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = std::filesystem::temp_directory_path() / "weir-test-XXXXXX";
    if (::mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string data() const { return path_ + "/data"; }

 private:
  std::string path_;
};

RocksDbOptions OptionsFor(const TemporaryDirectory& directory) {
  return {.directory = directory.data(),
          .shards = kContractShards,
          .write_buffer_bytes = kWriteBufferBytesMin,
          .prepared_bytes_min = 1};
}

class RocksDbHarness final : public StoreHarness {
 public:
  std::unique_ptr<Store> Open() override {
    auto opened = OpenRocksDb(OptionsFor(directory_));
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
    return opened.ok() ? std::move(opened).value() : nullptr;
  }
  size_t ReadThreads() const override { return RocksDbOptions{}.read_threads; }

 private:
  TemporaryDirectory directory_;
};

std::unique_ptr<StoreHarness> MakeHarness() {
  return std::make_unique<RocksDbHarness>();
}

INSTANTIATE_TEST_SUITE_P(RocksDb, StoreContract, testing::Values(MakeHarness));
INSTANTIATE_TEST_SUITE_P(RocksDb, StoreContractModel, testing::Values(MakeHarness));

uintmax_t BytesOnDisk(const TemporaryDirectory& directory) {
  uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory.data())) {
    std::error_code gone;  // A file may vanish meanwhile.
    const uintmax_t size = file.is_regular_file(gone) ? file.file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

TEST(RocksDbStore, OldLargeValuesGiveTheirSpaceBack) {
  const TemporaryDirectory directory;
  constexpr size_t kBytes = size_t{1} << 20;
  constexpr Version kTimes = 150;
  const auto store = OpenRocksDb(OptionsFor(directory)).value();
  for (Version version = 1; version <= kTimes; ++version) {
    const Batch batch{WallTime{0}, {PutOf({0, 5, "k"}, std::string(kBytes, 'v'), version)}};
    ASSERT_TRUE(ApplyTo(*store, batch).ok());
  }
  EXPECT_LT(BytesOnDisk(directory), kTimes * kBytes * 2 / 3) << "the log takes 64 MB of it";
}

void ExpectRefused(const RocksDbOptions& options, ErrorCode code, const std::string& sentence) {
  const auto opened = OpenRocksDb(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, code);
  EXPECT_NE(opened.error().message.find(sentence), std::string::npos) << opened.error().message;
}

TEST(RocksDbDirectoryTest, ASecondStoreIsRefusedUntilTheFirstIsGone) {
  TemporaryDirectory directory;
  auto first = OpenRocksDb(OptionsFor(directory));
  ASSERT_TRUE(first.ok());
  ExpectRefused(OptionsFor(directory), ErrorCode::kUnavailable, "is in use by another weir");
  first.value().reset();
  EXPECT_TRUE(OpenRocksDb(OptionsFor(directory)).ok());
}

TEST(RocksDbDirectoryTest, ShardsApplyOnlyWhenTheDirectoryIsMade) {
  TemporaryDirectory directory;
  ASSERT_TRUE(OpenRocksDb(OptionsFor(directory)).ok());
  auto options = OptionsFor(directory);
  options.shards = 7;
  const auto again = OpenRocksDb(options);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value()->shards(), kContractShards);
}

TEST(RocksDbDirectoryTest, AnUnknownFormatIsRefusedWithWhatToDo) {
  TemporaryDirectory directory;
  ASSERT_TRUE(OpenRocksDb(OptionsFor(directory)).ok());
  for (const char* text : {"weir-data 2 ready shards=3\n", "", "weir-data 1 ready shards=3",
                           "weir-data 1 ready shards=0\n", "weir-data 1 ready shards=3x\n"}) {
    std::ofstream(directory.data() + "/FORMAT") << text;
    ExpectRefused(OptionsFor(directory), ErrorCode::kCorrupt, "open it with the version of weir");
  }
}

TEST(RocksDbDirectoryTest, ForeignOrLostFilesAreNeverReplacedByAnEmptyDatabase) {
  TemporaryDirectory directory;
  ASSERT_TRUE(OpenRocksDb(OptionsFor(directory)).ok());
  std::filesystem::rename(directory.data() + "/rocksdb", directory.data() + "/elsewhere");
  ExpectRefused(OptionsFor(directory), ErrorCode::kCorrupt, "is damaged");
  std::filesystem::remove_all(directory.data() + "/rocksdb");
  std::filesystem::rename(directory.data() + "/elsewhere", directory.data() + "/rocksdb");
  ASSERT_TRUE(OpenRocksDb(OptionsFor(directory)).ok());
  std::filesystem::remove(directory.data() + "/FORMAT");
  ExpectRefused(OptionsFor(directory), ErrorCode::kCorrupt, "no FORMAT");
}

TEST(RocksDbDirectoryTest, AnInterruptedCreationIsBegunAnew) {
  TemporaryDirectory directory;
  ASSERT_TRUE(OpenRocksDb(OptionsFor(directory)).ok());
  std::ofstream(directory.data() + "/FORMAT") << "weir-data 1 creating shards=3\n";
  auto options = OptionsFor(directory);
  options.shards = 2;
  const auto opened = OpenRocksDb(options);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(opened.value()->shards(), 2U);
}

TEST(RocksDbStoreTest, MetadataLivesWithTheDataAndOutlivesClear) {
  TemporaryDirectory directory;
  auto opened = OpenRocksDb(OptionsFor(directory));
  ASSERT_TRUE(opened.ok());
  RocksDbStore& store = *opened.value();
  EXPECT_EQ(store.Metadata("map").value(), std::nullopt);
  const auto put = [&](std::string value) {
    return Wait<CommitNumber>(
        [&](auto done) { store.PutMetadata("map", std::move(value), std::move(done)); });
  };
  ASSERT_TRUE(put("one").ok());
  ASSERT_TRUE(put(std::string("two\0", 4)).ok());
  ASSERT_TRUE(ClearOf(store).ok());
  const auto over = put(std::string(kMetadataBytesMax, 'x'));
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::kOverloaded);
  EXPECT_TRUE(put(std::string(kMetadataBytesMax - 3, 'x')).ok());
  ASSERT_TRUE(put(std::string("two\0", 4)).ok());
  opened.value().reset();
  EXPECT_EQ(OpenRocksDb(OptionsFor(directory)).value()->Metadata("map").value(),
            std::string("two\0", 4));
}

TEST(RocksDbStoreTest, CopiesAreWrittenToTheLogOnce) {
  TemporaryDirectory directory;
  const auto store = OpenRocksDb(OptionsFor(directory)).value();
  const auto left_pending = [&] {
    for (const auto& [counter, value] : store->Counters()) {
      if (counter == "left_pending") return value;
    }
    return ~uint64_t{0};
  };
  Batch batch{WallTime{0}, {PutOf({0, 1, "own"}, "v", 1), PutOf({0, 2, "both"}, "v", 2)}};
  ASSERT_TRUE(ApplyTo(*store, batch).ok());
  EXPECT_EQ(left_pending(), 2U);
  batch = {WallTime{0}, {PutOf({0, 2, "both"}, "w", 3), PutOf({0, 3, "copied"}, "v", 4)}};
  batch.copies = true;
  ASSERT_TRUE(ApplyTo(*store, batch).ok());
  EXPECT_EQ(left_pending(), 2U);
  const Loads loads = LoadFrom(*store, {{0, 1, "own"}, {0, 2, "both"}, {0, 3, "copied"}}).value();
  EXPECT_EQ(ValueOf(loads.records[0]), "v");
  EXPECT_EQ(ValueOf(loads.records[1]), "w");
  EXPECT_EQ(ValueOf(loads.records[2]), "v");
  EXPECT_EQ(CountOf(*store, WallTime{0}).value().records, 3U);
}

TEST(RocksDbStoreTest, CountersCountWhatWasDone) {
  TemporaryDirectory directory;
  auto opened = OpenRocksDb(OptionsFor(directory));
  ASSERT_TRUE(opened.ok());
  Store& store = *opened.value();
  auto known = PutOf({0, 1, "known"}, "v", 1);
  known.known = Prior{};
  ASSERT_TRUE(ApplyTo(store, {WallTime{0}, {known, PutOf({1, 1, "asked"}, "v", 1)}}).ok());
  ASSERT_TRUE(LoadFrom(store, {{0, 1, "known"}, {1, 1, "asked"}, {2, 2, "absent"}}).ok());
  std::vector<std::pair<std::string, uint64_t>> counters = store.Counters();
  const auto count = [&](const std::string& name) {
    for (const auto& [counter, value] : counters) {
      if (counter == name) return value;
    }
    return ~uint64_t{0};
  };
  EXPECT_EQ(count("batches"), 1U);
  EXPECT_EQ(count("writes"), 2U);
  EXPECT_EQ(count("fsyncs"), 1U);
  EXPECT_EQ(count("lookups"), 1U);
  EXPECT_EQ(count("loads"), 1U);
  EXPECT_EQ(count("load_keys"), 3U);
  EXPECT_EQ(count("settles"), 0U);
  EXPECT_GT(count("bytes_written"), 20U);
}

}  // namespace
}  // namespace weir::store
