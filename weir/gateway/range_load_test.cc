// Goal: what reaches a database shows as load of its range, where it lies, and what memory answers
// does not; ranges are listed and cut by it.
// Method: a whole gateway over scripted stores; its clock stands still, so the least span of a
// second makes each request one a second.
#include "weir/gateway/range_load.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/shard_list_operation.h"

namespace weir::gateway {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr shard::Range kAll{{0}, {0}, shard::ShardId{0}};

class RangeLoad : public testing::Test {
 protected:
  std::string Ask(const Words& words) { return rig_.Do(client_, words); }
  shard::LoadPicture::Load Load(const shard::Range& range = kAll) {
    return LoadOfRanges(rig_.gateway()).Of(range);
  }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};

TEST_F(RangeLoad, ReadsThatMemoryAnswersAreNone) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask({"GET", "absent"}), "(nil)");
  EXPECT_EQ(Load().reads, 1);
  EXPECT_EQ(Ask({"MGET", "a", "b", "absent"}), "[(nil) (nil) (nil)]");
  EXPECT_EQ(Load().reads, 3);
  EXPECT_EQ(Load().writes, 0);
}

TEST_F(RangeLoad, EachKeyOfEachWriteIsOneAndWhatChangesNothingIsNone) {
  for (int i = 0; i < 3; ++i) Ask({"SET", "a", "1"});
  EXPECT_EQ(Load().writes, 3);
  Ask({"MSET", "a", "2", "b", "3"});
  EXPECT_EQ(Load().writes, 5);
  Ask({"SET", "a", "4", "NX"});
  EXPECT_EQ(Load().writes, 5);
  for (const Words& words : {Words{"MULTI"}, {"INCR", "a"}, {"INCR", "a"}, {"EXEC"}}) Ask(words);
  EXPECT_EQ(Load().writes, 7);
  EXPECT_EQ(Load().reads, 0);  // What a write looks at is part of it.
}

TEST_F(RangeLoad, WhatChangesNothingIsNoWriteBesideOthersThatDo) {
  Ask({"SET", "lock", "1"});
  Ask({"SET", "read", "1"});
  Ask({"GET", "absent"});  // Else DEL, which does not look first, stores that it is gone.
  const auto before = static_cast<int>(Load().writes);
  rig_.SendAndHandOn(rig_.Connect(), {"SET", "other", "v"});  // The rest waits, and is one batch.
  for (int i = 0; i < 3; ++i) rig_.SendAndHandOn(rig_.Connect(), {"SET", "lock", "v", "NX"});
  rig_.SendAndHandOn(rig_.Connect(), {"DEL", "absent"});
  for (const Words& words : {Words{"MULTI"}, {"GET", "read"}, {"INCR", "a"}, {"EXEC"}}) {
    rig_.SendAndHandOn(client_, words);
  }
  rig_.RunAll();
  EXPECT_EQ(Load().writes, before + 2);
}

TEST_F(RangeLoad, ItLiesWhereTheKeysAreAndIsListedWithTheHottest) {
  for (int i = 0; i < 6; ++i) Ask({"SET", "{foo}1", "v"});  // Slot 12182, in the upper half.
  for (int i = 0; i < 4; ++i) Ask({"SET", "bar", "v"});     // Slot 5061, in the lower.
  Ask({"SET", "hello", "v"});                               // Slot 866; too rare to be hot.
  Ask({"WEIR.SHARD", "SPLIT", "0"});
  const std::string foo =
      PositionText(rig_.StoreKey("{foo}1").position / shard::kPositionUnit * shard::kPositionUnit);
  const std::string bar =
      PositionText(rig_.StoreKey("bar").position / shard::kPositionUnit * shard::kPositionUnit);
  EXPECT_EQ(Ask({"WEIR.SHARD", "LIST"}),
            "[:1 [[:0 memory (nil) (nil) :0 :11000]] "
            "[[0000000000000000 8000000000000000 :0 (nil) (nil) :0 :5000 [[bar " +
                bar +
                " :0 :4000]]] "
                "[8000000000000000 0000000000000000 :0 (nil) (nil) :0 :6000 [[{foo}1 " +
                foo + " :0 :6000]]]] :11]");
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST", "HOTTEST", "0"}), HasSubstr(":0 :6000 []]] :11]"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST", "HOTTEST", "1", "COUNT"}),
              HasSubstr(":0 :1 :7 :0 :6000 [[{foo}1 "));
}

TEST_F(RangeLoad, SoManyHottestAreToldAndNoMore) {
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST", "HOTTEST", "1024"}), StartsWith("["));
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST", "HOTTEST", "1025"}), HasSubstr("at most 1024 hottest"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST", "HOTTEST", "x"}), HasSubstr("'x' is not a number"));
  EXPECT_THAT(Ask({"WEIR.SHARD", "LIST", "HOTTEST"}), StartsWith("-ERR syntax"));
}

TEST_F(RangeLoad, ASplitByLoadLeavesAsMuchOnEitherSide) {
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "0", "BY", "load"}), HasSubstr("of one {tag} at most"));
  for (int i = 0; i < 9; ++i) Ask({"SET", "{foo}1", "v"});
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "0", "BY", "LOAD"}), HasSubstr("a tag is never cut"));
  for (int i = 0; i < 40; ++i) Ask({"SET", "key" + std::to_string(i), "v"});
  const std::string at = Ask({"WEIR.SHARD", "SPLIT", "0", "BY", "LOAD"});
  const shard::RangeMap map = rig_.gateway().ranges().map();
  ASSERT_EQ(map.size(), 2U) << at;
  EXPECT_EQ(at, PositionText(map.At(1).from.value));
  EXPECT_NEAR(Load(map.At(0)).writes, 24.5, 4.5);
  EXPECT_EQ(Load(map.At(0)).writes + Load(map.At(1)).writes, 49);
  EXPECT_THAT(Ask({"WEIR.SHARD", "SPLIT", "1", "BY", "LOAD"}), HasSubstr("no range begins at"));
}

TEST_F(RangeLoad, WhatIsLongPastIsNoLoad) {
  Ask({"SET", "a", "1"});
  rig_.Pass(std::chrono::duration_cast<std::chrono::milliseconds>(shard::LoadSample::kWindow));
  rig_.Pass(std::chrono::seconds(1));
  EXPECT_EQ(Load().writes, 0);
}

}  // namespace
}  // namespace weir::gateway
