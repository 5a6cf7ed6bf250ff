// Goal: the table of nodes that lies with the data survives damage of one copy, is never guessed
// where both are gone, and tells what data is not this node's.
// Method: a real database, whose metadata and records are written as a crash, a broken disk or a
// directory of somebody else would leave them.
#include "cmd/weir/node_store.h"

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "cmd/weir/layout.h"
#include "cmd/weir/verify.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/shard/position.h"

namespace weir::cmd {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class NodeStoreTest : public testing::Test {
 protected:
  NodeStoreTest() {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    config_.server.node = "n1";
    for (const uint16_t port : {7001, 7002}) {
      NodeConfig& node = config_.nodes.emplace_back();
      node.id = "n" + std::to_string(port - 7000);
      node.address = {"127.0.0.1", port};
    }
    config_.shards = {{.name = "0", .data = directory_.string()}};
    OpenStore();
  }
  ~NodeStoreTest() override {
    opened_ = {};
    fs::remove_all(directory_);
  }

  void OpenStore() {
    opened_ = {};  // It has the directory.
    auto store = store::OpenRocksDb({.directory = directory_.string(),
                                     .shards = 1,
                                     .write_buffer_bytes = store::kWriteBufferBytesMin});
    ASSERT_TRUE(store.ok()) << store.error().message;
    opened_.disks.push_back(store.value().get());
    opened_.stores.push_back(std::move(store).value());
  }
  store::RocksDbStore& store() { return *opened_.disks[0]; }
  void Put(const char* name, std::string value) {
    std::promise<bool> done;
    store().PutMetadata(name, std::move(value),
                        [&](const Result<store::CommitNumber>& put) { done.set_value(put.ok()); });
    ASSERT_TRUE(done.get_future().get());
  }
  void PutRecord(const std::string& key) {
    store::Batch batch;
    store::Write& write = batch.writes.emplace_back();
    write.version = store().VersionFloor();
    write.key = {0, shard::PositionOf(key).value, key};
    write.record = store::Record{Bytes::Copy("v"), kNever, write.version};
    std::promise<bool> done;
    store().Apply(std::move(batch),
                  [&](const Result<store::Applied>& applied) { done.set_value(applied.ok()); });
    ASSERT_TRUE(done.get_future().get());
  }
  Result<NodeTablePtr> Open() { return OpenNodes(config_, store(), &opened_); }
  std::string WhyNot() {
    const Result<NodeTablePtr> table = Open();
    return table.ok() ? "(opened)" : table.error().message;
  }
  std::string Text() const { return FirstPlacement(config_)->ToText(); }

  const fs::path directory_ =
      fs::path(testing::TempDir()) /
      (std::string("weir-nodes-") + testing::UnitTest::GetInstance()->current_test_info()->name());
  Config config_;
  OpenedStores opened_;
};

TEST_F(NodeStoreTest, AFirstTableIsOnlyComputed) {
  const Result<NodeTablePtr> table = Open();
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_TRUE(opened_.nodes_are_new);
  EXPECT_EQ(table.value()->ToText(), Text());
  EXPECT_FALSE(ReadNodeTable(store()).value().has_value());
}

TEST_F(NodeStoreTest, AShareThatIsTooSmallForASlotIsTold) {
  config_.nodes[0].weight = 0;
  EXPECT_THAT(NodesWithoutSlots(*FirstPlacement(config_)), testing::IsEmpty()) << "it is meant";
  config_.nodes[0].weight = 1;
  config_.nodes[1].weight = 1000;
  EXPECT_THAT(NodesWithoutSlots(*FirstPlacement(config_)), testing::IsEmpty());
  for (int i = 3; i < 39; ++i) {  // 442.8 slots each, and 0.44 for n1.
    NodeConfig& node = config_.nodes.emplace_back(config_.nodes[1]);
    node.id = "n" + std::to_string(i);
  }
  EXPECT_THAT(NodesWithoutSlots(*FirstPlacement(config_)), testing::ElementsAre("n1"));
}

TEST_F(NodeStoreTest, ADamagedCopyIsWrittenAgain) {
  for (const char* name : kNodeTableNames) {
    for (const char* each : kNodeTableNames) Put(each, Text());
    Put(name, "damage");
    const Result<NodeTablePtr> table = Open();
    ASSERT_TRUE(table.ok()) << table.error().message;
    EXPECT_FALSE(opened_.nodes_are_new);
    EXPECT_THAT(opened_.warning, HasSubstr("was damaged")) << name;
    const auto now = ReadNodeTable(store());
    EXPECT_EQ(now.value()->damage, "");
    EXPECT_EQ(now.value()->whole, (std::array{true, true})) << name;
    OpenStore();
  }
}

TEST_F(NodeStoreTest, ACopyThatACrashKeptFromBeingWrittenIsNoDamage) {
  Put(kNodeTableNames[0], Text());
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(opened_.warning, "");
  EXPECT_EQ(ReadNodeTable(store()).value()->whole, (std::array{true, true}));
}

TEST_F(NodeStoreTest, NoTableIsMadeUpWhereBothCopiesAreGone) {
  for (const char* name : kNodeTableNames) Put(name, "damage");
  EXPECT_THAT(WhyNot(), HasSubstr("restore the newest backup of this node"));
  config_.nodes.clear();
  EXPECT_THAT(WhyNot(), HasSubstr("restore the newest backup of this node"));
}

TEST_F(NodeStoreTest, RecordsWithoutATableAreOfAProcessThatServedAll) {
  PutRecord("hello");
  EXPECT_THAT(WhyNot(), HasSubstr("the data is that of a process without [[node]] sections"));
  config_.nodes.pop_back();
  EXPECT_TRUE(Open().ok()) << "one node serves them all";
}

// Of slots 0 to 8191, as hello of slot 866, and of the others, as foo of 12182.
TEST_F(NodeStoreTest, VerifyFindsRecordsOfAnotherNodesSlots) {
  Put(kRangeMapNames[0], shard::RangeMap::Even(1).value().ToText());
  for (const char* name : kNodeTableNames) Put(name, Text());
  PutRecord("hello");
  const auto verified = [&] {
    opened_ = {};
    testing::internal::CaptureStdout();
    const int code = RunVerify(config_);
    return std::to_string(code) + " " + testing::internal::GetCapturedStdout();
  };
  EXPECT_THAT(verified(), testing::StartsWith("0 verified: 1 records"));
  OpenStore();
  PutRecord("foo");
  EXPECT_THAT(verified(), HasSubstr("its slot is served by node n2"));
}

}  // namespace
}  // namespace weir::cmd
