// Goal: a seal holds for as long as nothing is written to any of the databases, and not a batch
// longer, wherever they lie and whoever opened them meanwhile.
// Method: real databases that are closed, copied, moved and opened again.
#include "cmd/weir/snapshot_seal.h"

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

namespace fs = std::filesystem;

class SnapshotSealTest : public ::testing::Test {
 protected:
  SnapshotSealTest() {
    fs::remove_all(directory);
    fs::create_directories(directory);
  }
  ~SnapshotSealTest() override { fs::remove_all(directory); }

  std::unique_ptr<store::RocksDbStore> Open(const std::string& name) const {
    auto opened = store::OpenRocksDb({.directory = PathOf(name),
                                      .shards = 1,
                                      .write_buffer_bytes = store::kWriteBufferBytesMin});
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
    return std::move(opened).value();
  }
  std::string PathOf(const std::string& name) const { return (directory / name).string(); }
  void Seal(const std::vector<std::string>& names, const std::string& id) const {
    With(names, [&](const SealedStores& stores) { EXPECT_TRUE(SealSnapshot(stores, id).ok()); });
  }
  std::string Sealed(const std::vector<std::string>& names) const {
    std::string id;
    With(names, [&](const SealedStores& stores) { id = SealedSnapshot(stores); });
    return id;
  }
  template <typename Call>
  void With(const std::vector<std::string>& names, const Call& call) const {
    std::vector<std::unique_ptr<store::RocksDbStore>> opened;
    SealedStores stores;
    for (const std::string& name : names) {
      opened.push_back(Open(name));
      stores.push_back(opened.back().get());
    }
    call(stores);
  }
  // One batch.
  void Write(const std::string& name, const std::string& key = "k") const {
    With({name}, [&](const SealedStores& stores) {
      store::Batch batch;
      const store::Version version = stores[0]->VersionFloor();
      store::Write& write = batch.writes.emplace_back();
      write.key = {0, 1, key};
      write.version = version;
      write.record = store::Record{Bytes::Copy("v"), kNever, version};
      std::promise<bool> done;
      stores[0]->Apply(std::move(batch), [&](const Result<store::Applied>& applied) {
        done.set_value(applied.ok());
      });
      EXPECT_TRUE(done.get_future().get());
    });
  }
  void Copy(const std::string& from, const std::string& to) const {
    fs::remove_all(PathOf(to));
    fs::copy(PathOf(from), PathOf(to), fs::copy_options::recursive);
  }

  const fs::path directory =
      fs::path(::testing::TempDir()) /
      (std::string("weir-seal-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(SnapshotSealTest, ItHoldsUntilTheFirstBatchOfAny) {
  EXPECT_EQ(Sealed({"a", "b"}), "") << "nobody has sealed them";
  Write("a");
  Seal({"a", "b"}, "id");
  EXPECT_EQ(Sealed({"a", "b"}), "id");
  EXPECT_EQ(Sealed({"a", "b"}), "id") << "looking changes nothing";
  Write("b");
  EXPECT_EQ(Sealed({"a", "b"}), "");
}

TEST_F(SnapshotSealTest, ItIsOfTheseDatabasesInThisOrder) {
  Seal({"a", "b"}, "id");
  EXPECT_EQ(Sealed({"b", "a"}), "");
  EXPECT_EQ(Sealed({"a"}), "");
  EXPECT_EQ(Sealed({"a", "b", "c"}), "");
  EXPECT_EQ(Sealed({"a", "b"}), "id");
}

TEST_F(SnapshotSealTest, ItMovesWithTheDatabases) {
  Seal({"a", "b"}, "id");
  fs::rename(PathOf("a"), PathOf("c"));
  EXPECT_EQ(Sealed({"c", "b"}), "id");
}

TEST_F(SnapshotSealTest, AnEarlierOrLaterStateIsAnother) {
  Write("a");
  Copy("a", "before");
  Seal({"a"}, "first");
  Copy("a", "sealed");
  Write("a");
  Copy("a", "after");
  Seal({"a"}, "second");
  EXPECT_EQ(Sealed({"before"}), "");
  EXPECT_EQ(Sealed({"after"}), "");
  EXPECT_EQ(Sealed({"sealed"}), "first");
  EXPECT_EQ(Sealed({"a"}), "second");
  Write("before");  // Its last commit is now the number of the first seal.
  EXPECT_EQ(Sealed({"before"}), "");
  Write("sealed");
  EXPECT_EQ(Sealed({"sealed"}), "");
}

}  // namespace
}  // namespace weir::cmd
