// Goal: a database that comes while requests go on is one like those from the beginning.
// Method: a gateway over one scripted database gets a second, and its range moves there, while
// requests that were begun before are under way; and readers of the list on threads of their own.
#include <thread>
#include <vector>

#include "weir/gateway/growing.h"
#include "weir/gateway/range_moves_rig.h"

namespace weir::gateway {
namespace {

using testing::HasSubstr;

GatewayRig::Options OneDatabase() {
  GatewayRig::Options options = GatewayRig::WithoutCache();
  options.databases = 1;
  return options;
}

class DatabaseAdded : public testing::Test {
 protected:
  std::string Ask(const Words& words) { return rig_.Do(client_, words); }
  // Moves all keys to the database that was added.
  void MoveAll(const std::string& shard) {
    Ask({"WEIR.SHARD", "MOVE", "0", shard});
    for (int i = 0; i < 100 && rig_.gateway().placement().routes() == 0; ++i) {
      rig_.Pass(std::chrono::milliseconds(100));
      rig_.gateway().Tick();
      rig_.RunAll();
    }
    ASSERT_EQ(rig_.gateway().placement().routes(), 1U);
  }

  GatewayRig rig_{OneDatabase()};
  size_t client_ = rig_.Connect();
};

TEST_F(DatabaseAdded, HoldsWhatIsMovedThereAndIsListedCountedAndCleared) {
  EXPECT_EQ(rig_.All(client_, {{"SET", "a", "1"}, {"SET", "b", "2"}}).back(), "+OK");
  EXPECT_EQ(rig_.Add(), 1U);
  MoveAll("1");
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST"}), HasSubstr("added"));
  EXPECT_EQ(Ask({"GET", "b"}), "2");
  EXPECT_EQ(Ask({"SET", "c", "3"}), "+OK");
  EXPECT_EQ(rig_.store(1).records().size(), 3U);
  EXPECT_EQ(Ask({"DBSIZE"}), ":3");
  EXPECT_EQ(Ask({"MSET", "a", "4", "d", "5"}), "+OK");
  EXPECT_EQ(Ask({"FLUSHALL"}), "+OK");
  EXPECT_EQ(rig_.store(1).records().size(), 0U);
}

TEST_F(DatabaseAdded, WhatIsSentRightBeforeItComesIsDone) {
  const size_t other = rig_.Connect();
  rig_.Send(other, {"MSET", "a", "1", "b", "2"});
  rig_.Send(other, {"GET", "a"});
  rig_.Add();
  rig_.HandOn();
  MoveAll("1");
  EXPECT_THAT(rig_.Replies(other), testing::ElementsAre("+OK", "1"));
  EXPECT_EQ(rig_.store(1).records().size(), 2U);
}

TEST_F(DatabaseAdded, ATransactionAboutAllKeysOfTheOneDatabaseIsRefusedOnceKeysHaveGone) {
  Ask({"SET", "a", "1"});
  const size_t other = rig_.Connect();
  rig_.All(other, {{"MULTI"}, {"FLUSHALL"}});
  rig_.Add();
  MoveAll("1");
  EXPECT_THAT(rig_.Do(other, {"EXEC"}), HasSubstr("CROSSSLOT"));
  EXPECT_EQ(Ask({"GET", "a"}), "1");
  rig_.Do(other, {"MULTI"});
  EXPECT_THAT(rig_.Do(other, {"FLUSHALL"}), HasSubstr("CROSSSLOT"));
}

TEST_F(DatabaseAdded, ATransactionAboutAllKeysRunsWhileNoneHasGone) {
  Ask({"SET", "a", "1"});
  const size_t other = rig_.Connect();
  rig_.All(other, {{"MULTI"}, {"FLUSHALL"}, {"SET", "b", "2"}});
  rig_.Add();
  EXPECT_EQ(rig_.Do(other, {"EXEC"}), "[+OK +OK]");
  EXPECT_EQ(Ask({"DBSIZE"}), ":1");
}

TEST_F(DatabaseAdded, ThereIsRoomForSoManyAndNoMore) {
  for (size_t i = 0; i < Gateway::kAddedMax; ++i) {
    EXPECT_TRUE(rig_.gateway().RoomForDatabase().ok());
    rig_.Add();
  }
  EXPECT_EQ(rig_.gateway().RoomForDatabase().error().code, ErrorCode::kInvalid);
  EXPECT_EQ(rig_.gateway().databases(), Gateway::kAddedMax + 1);
}

TEST(Growing, ReadersSeeEachItemWholeWhileTheListGrows) {
  constexpr size_t kItems = 1000;
  Growing<std::unique_ptr<size_t>> list(kItems);
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&list] {
      while (list.size() < kItems) {
        for (size_t i = 0; i < list.size(); ++i) ASSERT_EQ(*list[i], i);
      }
    });
  }
  for (size_t i = 0; i < kItems; ++i) list.Add(std::make_unique<size_t>(i));
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(list.room(), 0U);
}

}  // namespace
}  // namespace weir::gateway
